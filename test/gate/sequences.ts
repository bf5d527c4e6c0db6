// The moves of a thief against an account, one after another, and the repairs of the account. The expected outcome of
// each move is written by hand below, and is not derived from the code. A sequence of moves is a path: a rejected move
// must change no row, so a sequence is worth as much as its accepted moves, and each path runs once.
import { expect, vi } from "vitest";
import { type Ampho, AmphoError, type ApplicationUser, type ApplicationUsers } from "../../dist/index.js";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password, type ReadResponse, type Sent } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { type Mail, type Mailing, mailingOf, mailSettings, newPassword, proofsOf } from "./mailboxes.js";
import { begunOf, type Outside, openOutside } from "./outside.js";
import { codeAt, type Ground, type Row, setUp } from "./owners.js";
import { challengeOf } from "./passkey-owners.js";

const day = 86_400;
const recentSeconds = 300;
const thiefPassword = "lantern gravel orbit piccolo";

export interface Scene {
  readonly ground: Ground;
  readonly outside: Outside;
  readonly world: Mailing;
  readonly isOwnTable: boolean;
  users: number;
}

export async function openScene(ground: Ground, users?: ApplicationUsers<ApplicationUser>): Promise<Scene> {
  const mails: Mailing["mails"] = [];
  const outside = await openOutside(ground, {
    options: {
      ...mailSettings,
      throttleLock: 1_000_000,
      throttleAttempts: 1_000_000,
      throttleAddress: 0,
      apiKeys: 5,
      scopes: { "*": ["articles:read"] },
      users,
      mail: async (message) => void mails.push(message),
    },
  });
  return { ground, outside, world: mailingOf(ground, outside.world, mails), isOwnTable: users !== undefined, users: 0 };
}

/** The thief has the password of an account without a second factor, or a session that the owner opened with one. */
export type Position = "password" | "phished";

/** The account as the hand-written table below sees it, and what both sides have in hand. */
interface Case {
  readonly scene: Scene;
  readonly login: string;
  readonly address: string;
  readonly evil: string;
  readonly id: string;
  /** The password of the account, and the one that the thief knows. */
  password: string;
  known: string;
  /** The owner's app. */
  secret: string | undefined;
  /** For the control alone: the thief reads the codes, too. */
  hasMailbox: boolean;
  /** The newest session of the thief. `at`: the time of its login. */
  token: string;
  refresh: string;
  at: number;
  isLive: boolean;
  /** Everything that the thief has ever had. */
  readonly loot: { readonly tokens: string[]; readonly refreshes: string[]; readonly keys: string[] };
  isFrozen: boolean;
  hasWaited: boolean;
  /** The time at which the change of the address was begun that waits, and the newest code that the thief has got. */
  later: number | undefined;
  /** The time of the last request for this change. The account has one a day. */
  asked: number;
  code: string;
  /** The owner has ignored the mails of seven days, and has kept the stolen password. */
  isLost: boolean;
}

const now = ({ scene }: Case) => scene.world.clock.now();
const isRecent = (about: Case) => about.isLive && now(about) - about.at < recentSeconds;
const call = ({ scene, hasMailbox }: Case, method: string, path: string, sent?: Sent) =>
  hasMailbox ? scene.world.call(method, path, sent) : scene.world.callOnce(method, path, sent);
const send = (about: Case, method: string, path: string, body?: object) =>
  call(about, method, path, { bearer: about.token, body });

function hold(about: Case, response: ReadResponse): void {
  const { token, refresh_token: refresh } = grantOf(response);
  about.token = token;
  if (refresh !== undefined) about.refresh = refresh;
  about.loot.tokens.push(token);
  if (refresh !== undefined) about.loot.refreshes.push(refresh);
}

/** A code of the app that was not used yet. */
function appCode(about: Case): string | undefined {
  if (about.secret === undefined) return undefined;
  about.scene.world.clock.advance(30);
  return codeAt(about.secret, now(about));
}

export async function beginCase(scene: Scene, position: Position): Promise<Case> {
  const { world } = scene;
  const login = `user${++scene.users}`;
  const address = `${login}@example.org`;
  const { json } = await world.call("POST", "/register", { body: { email: address, login } });
  const { code } = await world.mail("register", address);
  const body = { transaction: json["transaction"], code, password };
  const own = grantOf(await world.call("POST", "/register/finish", { body }));
  const about: Case = {
    scene,
    login,
    address,
    evil: `thief@${login}.example`,
    id: String(claimsOf(own.token)["sub"]),
    password,
    known: password,
    secret: undefined,
    token: "",
    refresh: "",
    at: 0,
    isLive: false,
    loot: { tokens: [], refreshes: [], keys: [] },
    isFrozen: false,
    hasMailbox: false,
    hasWaited: false,
    later: undefined,
    asked: 0,
    code: "12345678",
    isLost: false,
  };
  if (position === "phished") {
    const { secret, transaction } = await setUp(world, own.token);
    const sent = { transaction, totp: codeAt(secret, now(about)) };
    expect((await world.call("POST", "/totp/confirm", { bearer: own.token, body: sent })).status).toBe(200);
    about.secret = secret;
  }
  // The second factor of the owner is relayed by a page of the thief.
  const totp = appCode(about);
  hold(about, await world.call("POST", "/login", { body: { login, password, totp } }));
  about.at = now(about);
  about.isLive = true;
  return about;
}

export type Outcome = "accepted" | "rejected";

export interface Move {
  /** The outcome that the table of rules demands. */
  readonly expected: (about: Case) => Outcome;
  /** True if the move was accepted. */
  readonly run: (about: Case) => Promise<boolean>;
  /** The effect of an accepted move on the facts of the case. */
  readonly after?: (about: Case) => void;
}

const never = () => "rejected" as const;
const when = (isAccepted: (about: Case) => boolean) => (about: Case) => (isAccepted(about) ? "accepted" : "rejected");
const isDone = ({ status }: ReadResponse) => status >= 200 && status < 300;

/** A new mail of a kind to an address, if one was written. A mail that is being sent is waited for. */
async function mailTo(about: Case, kind: string, to: string): Promise<Mail | undefined> {
  const { world, ground } = about.scene;
  const sql = `select count(*) as n from ampho_mail where kind = '${kind}' and user_id = '${about.id}'
    and sent_at is null and failure is null and at <= ${now(about)} and until > ${now(about)}`;
  const [row] = await ground.sql(world, sql);
  const isHere = world.mails.some((each) => each.kind === kind && each.to === to);
  if (!isHere && Number(row?.["n"]) === 0) return undefined;
  if (!isHere && kind === "email_later") await wakeOutbox(about);
  return world.mail(kind, to);
}

/** A new mail makes the outbox look for those that are due. Else it looks every two seconds. */
async function wakeOutbox({ scene: { world }, login }: Case): Promise<void> {
  await world.callOnce("POST", "/register", { body: { email: `passer-by@${login}.example` } });
}

/** The notices of an address that waits. A late one would delay its code. */
async function noticesSent(about: Case): Promise<void> {
  const { world, ground } = about.scene;
  const sql = `select count(*) as n from ampho_mail where kind = 'email_leaving' and user_id = '${about.id}'
    and next_at is not null and at <= ${now(about)}`;
  const count = async () => Number((await ground.sql(world, sql))[0]?.["n"]);
  if ((await count()) === 0) return;
  await wakeOutbox(about);
  await vi.waitFor(async () => expect(await count()).toBe(0), { timeout: 60_000, interval: 50 });
}

async function tryApp(about: Case): Promise<boolean> {
  const begun = await send(about, "POST", "/totp");
  if (!isDone(begun)) return false;
  const { secret, transaction } = begun.json;
  return isDone(await send(about, "POST", "/totp/confirm", { transaction, totp: codeAt(String(secret), now(about)) }));
}

async function tryPasskey(about: Case): Promise<boolean> {
  const begun = await send(about, "POST", "/passkeys/options", {});
  if (!isDone(begun)) return false;
  const { transaction, challenge } = challengeOf(begun);
  const passkey = register(createSubject(-7), challenge);
  return isDone(await send(about, "POST", "/passkeys", { transaction, passkey, name: "Phone" }));
}

async function tryLink(about: Case): Promise<boolean> {
  const { evil: provider } = about.scene.outside;
  const begun = await send(about, "POST", "/identities", { provider: "acme" });
  if (!isDone(begun)) return false;
  const { transaction, state, nonce } = begunOf(begun);
  provider.claims = { nonce, sub: `thief of ${about.login}` };
  const outside = { provider: "acme", code: "code-1", state };
  return isDone(await send(about, "POST", "/identities/finish", { transaction, outside }));
}

async function tryAddress(about: Case, more: object = {}): Promise<boolean> {
  // The thief can have the first one.
  const email = about.isLost ? `next-${about.evil}` : about.evil;
  const begun = await send(about, "POST", "/account/email", { email, ...more });
  if (!isDone(begun)) return false;
  const mail = await mailTo(about, "email", email);
  if (mail === undefined) return false;
  const { transaction } = begun.json;
  return isDone(await send(about, "POST", "/account/email/finish", { transaction, code: mail.code }));
}

/** The moves of a thief who has the password, and no mailbox of the owner. */
export const thiefMoves = {
  "sign in": {
    expected: when(
      ({ secret, known, password: real, isFrozen }) => secret === undefined && known === real && !isFrozen,
    ),
    async run(about) {
      const response = await call(about, "POST", "/login", { body: { login: about.login, password: about.known } });
      if (!isDone(response)) return false;
      hold(about, response);
      return true;
    },
    after(about) {
      about.at = now(about);
      about.isLive = true;
    },
  },
  "set up an app": { expected: never, run: tryApp },
  "add a passkey": { expected: never, run: tryPasskey },
  "replace the app": { expected: never, run: tryApp },
  "replace the codes": { expected: never, run: async (about) => isDone(await send(about, "POST", "/recovery-codes")) },
  "remove the app": { expected: never, run: async (about) => isDone(await send(about, "DELETE", "/totp")) },
  "link an identity": { expected: never, run: tryLink },
  "unlink an identity": {
    expected: never,
    run: async (about) => isDone(await send(about, "DELETE", "/identities/unknown")),
  },
  "change the address": { expected: never, run: tryAddress },
  "change address and login": { expected: never, run: (about) => tryAddress(about, { login: true }) },
  "ask for the address later": {
    expected: when((about) => isRecent(about) && !about.isLost && now(about) - about.asked >= day),
    run: async (about) => isDone(await send(about, "POST", "/account/email", { email: about.evil, later: true })),
    after(about) {
      about.later = now(about);
      about.asked = now(about);
    },
  },
  "take the address": {
    expected: when((about) => {
      const waited = about.later === undefined ? 0 : now(about) - about.later;
      return isRecent(about) && waited >= 7 * day && waited < 10 * day;
    }),
    async run(about) {
      about.code = (await mailTo(about, "email_later", about.evil))?.code ?? about.code;
      const response = await send(about, "POST", "/account/email/finish", { code: about.code, later: true });
      if (isDone(response)) hold(about, response);
      return isDone(response);
    },
    after(about) {
      about.later = undefined;
      about.isLost = true;
    },
  },
  "rename the account": {
    expected: never,
    run: async (about) => isDone(await send(about, "POST", "/account/login", { login: `${about.login}-gone` })),
  },
  "take its names": {
    expected: never,
    async run(about) {
      const { ampho } = about.scene.world;
      return (
        (await isAccepted(ampho.users.create({ login: about.login }))) ||
        // The former address of an account is free.
        (!about.isLost && isAccepted(ampho.users.create({ login: about.address })))
      );
    },
  },
  "set a password with the old one": {
    expected: when((about) => about.isLive && about.known === about.password),
    async run(about) {
      const body = { password: about.known, new_password: `${thiefPassword} ${now(about)}` };
      const response = await send(about, "POST", "/password", body);
      if (!isDone(response)) return false;
      about.known = body.new_password;
      hold(about, response);
      return true;
    },
    after(about) {
      about.password = about.known;
      about.later = undefined;
    },
  },
  "set a first password": {
    expected: never,
    run: async (about) => isDone(await send(about, "POST", "/password", { new_password: thiefPassword })),
  },
  "remove the password": { expected: never, run: async (about) => isDone(await send(about, "DELETE", "/password")) },
  "create an API key": {
    expected: when((about) => isRecent(about) && about.loot.keys.length < 5),
    async run(about) {
      const response = await send(about, "POST", "/api-keys", { name: "x", scopes: ["articles:read"] });
      if (isDone(response)) about.loot.keys.push(String(response.json["key"]));
      return isDone(response);
    },
  },
  "delete the account": { expected: never, run: async (about) => isDone(await send(about, "DELETE", "/account")) },
  "use the profile page": {
    expected: never,
    run: (about) => isAccepted(about.scene.world.ampho.users.setEmail(about.login, about.evil)),
  },
  wait: {
    expected: () => "accepted",
    async run(about) {
      for (const time of [3 * day, 3 * day, day + 60]) {
        about.scene.world.clock.advance(time);
        await noticesSent(about);
      }
      return true;
    },
    after(about) {
      about.isLive = false;
      about.hasWaited = true;
    },
  },
} as const satisfies Readonly<Record<string, Move>>;

/** The moves of the owner and of operators between them. */
export const ownerMoves = {
  "the owner signs in": {
    expected: when((about) => about.password === password && !about.isFrozen),
    async run(about) {
      const body = { login: about.login, password, totp: appCode(about) };
      return isDone(await call(about, "POST", "/login", { body }));
    },
  },
  "the owner stops the change": {
    expected: when((about) => about.password === password && !about.isFrozen),
    async run(about) {
      const body = { login: about.login, password, totp: appCode(about) };
      const login = await call(about, "POST", "/login", { body });
      if (!isDone(login)) return false;
      return isDone(await call(about, "DELETE", "/account/email", { bearer: grantOf(login).token }));
    },
    after(about) {
      about.later = undefined;
    },
  },
  "the user is disabled and enabled": {
    expected: () => "accepted",
    async run(about) {
      const { ampho, clock } = about.scene.world;
      await ampho.users.disable(about.login);
      clock.advance(1);
      await ampho.users.enable(about.login);
      return true;
    },
    after: endAll,
  },
  "an operator ends the sessions": {
    expected: () => "accepted",
    async run(about) {
      await about.scene.world.ampho.sessions.endForUser(about.id);
      return true;
    },
    after: endAll,
  },
} as const satisfies Readonly<Record<string, Move>>;

function endAll(about: Case): void {
  about.isLive = false;
  about.later = undefined;
}

const isAccepted = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    (value) => value !== undefined,
    (error: unknown) => {
      if (!(error instanceof AmphoError)) throw error;
      return false;
    },
  );

export const moves: Readonly<Record<string, Move>> = { ...thiefMoves, ...ownerMoves };

const tables: Readonly<Record<string, string>> = {
  ampho_users: "id",
  ampho_accounts: "user_id",
  ampho_passkeys: "user_id",
  ampho_totp: "user_id",
  ampho_recovery: "user_id",
  ampho_identities: "user_id",
  ampho_api_keys: "user_id",
  ampho_sessions: "user_id",
};

/** Every row of the account that a move could change. Counters, the audit log and mails are no part of it. */
async function rowsOf({ scene: { ground, world }, id }: Case): Promise<Readonly<Record<string, readonly Row[]>>> {
  const read = async ([table, column]: [string, string]) => {
    const rows = await ground.sql(world, `select * from ${table} where ${column} = '${id}'`);
    return [
      table,
      rows
        .map((row) => JSON.stringify(row))
        .sort()
        .map((row) => JSON.parse(row) as Row),
    ] as const;
  };
  return Object.fromEntries(await Promise.all(Object.entries(tables).map(read)));
}

/** The same without a comparison. */
export const run = (about: Case, name: keyof typeof thiefMoves): Promise<boolean> => thiefMoves[name].run(about);

/** Makes a move, and compares its outcome with the table. A rejected move changes no row. */
export async function make(about: Case, name: string): Promise<Outcome> {
  const move = moves[name];
  if (move === undefined) throw new TypeError(`There is no move ${name}.`);
  const expected = move.expected(about);
  const before = expected === "rejected" ? await rowsOf(about) : undefined;
  const outcome = (await move.run(about)) ? "accepted" : "rejected";
  expect([name, outcome]).toEqual([name, expected]);
  if (outcome === "accepted") move.after?.(about);
  else expect(await rowsOf(about), `${name} was rejected`).toEqual(before);
  return outcome;
}

/** The names of what can act or sign in. */
function waysIn(rows: Readonly<Record<string, readonly Row[]>>): readonly string[] {
  const named = (table: string, column: string) => (rows[table] ?? []).map((row) => `${table} ${String(row[column])}`);
  const live = (rows["ampho_sessions"] ?? []).filter((row) => row["ended_at"] === null);
  return [
    ...named("ampho_passkeys", "id"),
    ...named("ampho_totp", "secret"),
    ...named("ampho_recovery", "hash"),
    ...named("ampho_identities", "subject"),
    ...named("ampho_api_keys", "id"),
    ...named("ampho_users", "password_hash"),
    ...named("ampho_users", "login"),
    ...named("ampho_users", "email"),
    ...live.map((row) => `session ${String(row["id"])}`),
  ];
}

const hasFactor = (rows: Readonly<Record<string, readonly Row[]>>) =>
  (rows["ampho_passkeys"]?.length ?? 0) + (rows["ampho_totp"]?.length ?? 0) > 0;

/** Opens the alarm link of a mail, and sees that it gives nothing. */
export async function pressAlarm(about: Case, mail: Pick<Mail, "alarm" | "kind">): Promise<ReadResponse> {
  const before = await rowsOf(about);
  const response = await call(about, "POST", "/alarm", { body: { alarm: mail.alarm, change: mail.kind } });
  const after = await rowsOf(about);
  const had = waysIn(before);
  expect(waysIn(after).filter((way) => !had.includes(way))).toEqual([]);
  if (hasFactor(before)) expect(hasFactor(after)).toBe(true);
  return response;
}

/** Opens the alarm link of a mail that was not taken, if it has one. */
async function pressLink(about: Case, { kind, text }: Pick<Mail, "kind" | "text">): Promise<number | undefined> {
  const { alarm } = proofsOf(text);
  return alarm === "" ? undefined : (await pressAlarm(about, { kind, alarm })).status;
}

async function reset(about: Case, login: string, to: string): Promise<boolean> {
  const { world } = about.scene;
  world.clock.advance(3601);
  const asked = await call(about, "POST", "/password/reset", { body: { login } });
  expect(asked.status, asked.text).toBe(200);
  const mail = await mailTo(about, "reset", to);
  if (mail === undefined) return false;
  const body = { transaction: asked.json["transaction"], code: mail.code, new_password: newPassword };
  const done = await call(about, "POST", "/password/reset/finish", { body: { ...body, totp: appCode(about) } });
  return isDone(done);
}

/** Follows a mailed link of a recovery, with the number that the operator gave. */
async function follow(about: Case, mail: Mail, match: string): Promise<boolean> {
  const body = { link: mail.link, match, new_password: newPassword, totp: appCode(about) };
  return isDone(await call(about, "POST", "/password/reset/finish", { body }));
}

type Repair = (about: Case) => Promise<boolean>;

/** The ways in which an account is taken back. False: this repair was not possible. */
export const repairs: Readonly<Record<string, Repair>> = {
  "the owner resets the password": (about) => reset(about, about.address, about.address),
  async "the owner opens the newest alarm link"(about) {
    const { world } = about.scene;
    const notices = world.mails.filter(({ to, text }) => to === about.address && proofsOf(text).alarm !== "");
    const newest = notices.at(-1);
    const status = newest && (await pressLink(about, newest));
    // A link works for 7 days, and for the mailbox of the account alone.
    const late = about.isLost ? 409 : undefined;
    expect(status).toBeOneOf([undefined, about.isLost ? late : 204, about.hasWaited ? 401 : undefined]);
    if (status === 204) {
      endAll(about);
      // Without a second factor the password that the thief knows opens nothing.
      about.isFrozen = about.secret === undefined;
      const body = { login: about.login, password: about.password };
      const login = await call(about, "POST", "/login", { body });
      expect(login.error).toBe(about.isFrozen ? "invalid_credentials" : "factor_needed");
    }
    return reset(about, about.address, about.address);
  },
  async "an operator recovers the account to the owner's address"(about) {
    const { ampho } = about.scene.world;
    const email = about.address;
    const { match } = await ampho.users.recover(about.login, { email, reason: "Checked by a call." });
    const mail = await about.scene.world.mail("recover", about.address);
    return follow(about, mail, match);
  },
  async "an operator sets the owner's address"(about) {
    const { ampho } = about.scene.world;
    await ampho.users.setEmail(about.login, about.address, { reason: "Checked by a call." });
    return reset(about, about.address, about.address);
  },
};

/** An owner who has lost the address needs an operator. Every other account is taken back by each repair. */
export const isRepairedBy = ({ isLost }: Pick<Case, "isLost">, repair: string): boolean =>
  !isLost || ofOperators(repair);

export const ofOperators = (repair: string): boolean => repair.startsWith("an operator");

/** After a repair the owner signs in, and nothing of the thief acts, now and after 8 days. */
export async function expectRepaired(about: Case): Promise<void> {
  const { world, ground } = about.scene;
  const { ampho } = world;
  const [login = about.login] = await loginsOf(about);
  const isFirstProof = about.secret !== undefined && !hasFactor(await rowsOf(about));
  const body = { login, password: newPassword, totp: isFirstProof ? undefined : appCode(about) };
  const owner = await call(about, "POST", "/login", { body });
  expect(owner.status, owner.text).toBe(200);
  for (const wait of [0, 8 * day]) {
    world.clock.advance(wait);
    const acts = await actsOf(about, ampho);
    expect(acts).toEqual([]);
    // Nothing that the thief's mailbox has got changes the word of its owner, or of an operator.
    for (const mail of world.mails.filter(({ to }) => to === about.evil)) await pressLink(about, mail);
    expect(await addressesOf(about)).toEqual([about.address]);
  }
  const count = async (from: string) =>
    Number((await ground.sql(world, `select count(*) as n from ${from} and user_id = '${about.id}'`))[0]?.["n"]);
  expect(await count("ampho_identities where 1 = 1")).toBe(0);
  // No address waits any more.
  const waits = "kind in ('email_leaving', 'email_later') and address <> ''";
  expect(await count(`ampho_mail where ${waits}`)).toBe(0);
}

async function loginsOf({ scene: { ground, world, isOwnTable }, id }: Case): Promise<readonly string[]> {
  if (isOwnTable) return [];
  const rows = await ground.sql(world, `select login from ampho_users where id = '${id}'`);
  return rows.map((row) => String(row["login"]));
}

async function addressesOf({ scene: { world }, login }: Case): Promise<readonly string[]> {
  const user = await world.ampho.users.find(login);
  return user?.email === null || user?.email === undefined ? [] : [user.email];
}

/** Everything of the thief that still works. */
async function actsOf(about: Case, ampho: Ampho): Promise<readonly string[]> {
  const { tokens, refreshes, keys } = about.loot;
  const acts: string[] = [];
  for (const token of tokens) if ((await admission(ampho, token)) === "in") acts.push("a token");
  for (const refresh_token of refreshes)
    if (isDone(await call(about, "POST", "/renew", { body: { refresh_token } }))) acts.push("a refresh token");
  for (const key of keys) if (await isAccepted(ampho.verify(key, ["api_key"]))) acts.push("an API key");
  const body = { login: about.login, password: about.known };
  const login = await call(about, "POST", "/login", { body });
  if (isDone(login) || login.error === "factor_needed") acts.push("the password");
  return acts;
}

/** The mailbox alone, without the password and the app: a reset, a login by mail, and every alarm link that it has. */
export async function expectClosedToMailbox(about: Case): Promise<void> {
  const { world } = about.scene;
  const address = about.isLost ? about.evil : about.address;
  for (const mail of world.mails.filter(({ to }) => to === address)) await pressLink(about, mail);
  world.clock.advance(3601);
  const asked = await call(about, "POST", "/password/reset", { body: { login: address } });
  const { code } = await world.mail("reset", address);
  const sent = { transaction: asked.json["transaction"], code, new_password: newPassword };
  const done = await call(about, "POST", "/password/reset/finish", { body: sent });
  expect([done.status, done.error]).toEqual([401, "factor_needed"]);
  world.clock.advance(61);
  const begun = await call(about, "POST", "/login/mail", { body: { login: address } });
  const mail = await world.mail("login", address);
  const entered = await call(about, "POST", "/login", {
    body: { transaction: begun.json["transaction"], code: mail.code },
  });
  expect([entered.status, entered.error]).toEqual([401, "factor_needed"]);
}
