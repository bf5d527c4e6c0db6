// Each change of an account against everything that was alive before it. The table of expectations is written by hand
// and is not derived from the table of the code. Each row is one fresh user who has everything of the head of the
// table.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { type Change, consequences } from "../../dist/store/sql/effects/changes.js";
import type { Verifier } from "../../dist/verify/verifier.js";
import {
  askGuard,
  codeOf as codeOfYes,
  newVerifier,
  redeem,
  redirect,
  renew,
  type Tokens,
  tokensOf,
} from "../connect/connections.js";
import { createSubject, register, type Subject } from "../factors/webauthn/authenticator.js";
import { revocationFeedToken, verdictOf, verifierFor } from "../verify/servers.js";
import { admission, type FullGrant, grantOf, password, type ReadResponse, type World } from "../world/ampho.js";
import { freshFolder } from "../world/folder.js";
import { listen } from "../world/listen.js";
import { claimsOf, newKey, sessionOf, type TestKey } from "../world/tokens.js";
import { type Mailing, mailingOf, newPassword, raiseAlarm } from "./mailboxes.js";
import { type Begun, begunOf, link, type Outside, openOutside, signIn } from "./outside.js";
import { codeAt, type Ground, setUp, textsOf } from "./owners.js";
import { addPasskey, beginPasskey, logInWith } from "./passkey-owners.js";

/**
 * `own`: older access tokens of the session that makes the change. `copy`: an older refresh token of it. `other`:
 * access and refresh token of another session. `socket`: one of the other session that another process has accepted.
 * `proc`, `verif`: its access token at another process and at a verifier. `device`: a remembered device. `begun`: a
 * login that waits for its second factor. `step`, `setup`, `key`, `link`, `email`: a step-up, an app, a passkey, a link
 * of an identity and a change of the address that the own session has begun. `login`, `reset`, `found`: mailed codes
 * for a login, a reset and an unknown identity. `login#`, `reset#`: the same as links. `theirs`, `passkey`: an identity
 * and a passkey that the other session has added unconfirmed. `confirmed`: a further identity, which the mailbox has
 * confirmed. `mine`: an identity that the own session has linked. `app`: the authenticator app, which the own session
 * has set up, with `codes`. `apikey`: an API key that the other session has created. `app*`: the refresh token of an
 * application that the other session has connected, `act*`: its access token, and `yes*`: a yes whose code waits for
 * its application. A verifier with keys of its own does not follow a key that is removed here, and a socket is checked
 * within 30 seconds.
 */
const columns = [
  "own",
  "copy",
  "other",
  "socket",
  "proc",
  "verif",
  "device",
  "begun",
  "step",
  "setup",
  "key",
  "link",
  "email",
  "login",
  "login#",
  "reset",
  "reset#",
  "found",
  "theirs",
  "passkey",
  "mine",
  "app",
  "codes",
  "apikey",
  "app*",
  "act*",
  "yes*",
  "confirmed",
] as const;

// `+` lives on, `-` has ended, `.` does not apply: the change is made by no session, or has replaced it.
const expectations = `
                       own copy other socket proc verif device begun step setup key link email login login# reset reset# found theirs passkey mine app codes apikey app* act* yes* confirmed
  password             -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       +    +   +   -      -    -    -    +
  password removed     -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      .     .      -     +      +       +    +   +   -      -    -    -    +
  password by operator .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    +   +   -      -    -    -    +
  password expired     .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    +   +   -      -    -    -    +
  reset                .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    +   +   -      -    -    -    +
  login name           -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      +    -    +    +
  login name respelled +   +    +     +      +    +     +      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   +      +    -    +    +
  address              -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  address and login    -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  address by operator  .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    +   +   -      -    -    -    +
  app replaced         -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  app removed          -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    -   +   -      -    -    -    +
  codes replaced       -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  passkey added        -   -    +     +      +    +     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      +    +    +    +
  passkey removed      -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      -       +    +   +   -      -    -    -    +
  identity linked      -   -    +     +      +    +     +      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  identity unlinked    -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      +       +    +   +   -      -    -    -    +
  devices forgotten    +   +    +     +      +    +     -      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  other session ended  +   +    -     -      -    -     +      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  own sessions ended   .   .    -     -      -    -     +      +     -    -     -   -    -     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  logout               .   .    +     +      +    +     +      +     -    -     -   -    -     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  everything ended     -   -    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      +       -    -   -   -      -    -    -    -
  account deleted      .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    -   -   -      -    -    -    -
  deleted by operator  .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    -   -   -      -    -    -    -
  role with phr        .   .    -     -      -    -     .      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   -      -    -    -    +
  policy phr           .   .    -     -      -    -     .      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   -      -    -    -    +
  disabled, enabled    .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  alarm of new device  .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     -      -       -    +   +   -      -    -    -    +
  endForUser           .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      +    +    +    +
  revokeForUser        .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   -      -    -    -    +
  endForEveryone       .   .    -     -      -    -     +      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      -    -    -    +
  new signing key      +   +    +     +      +    +     +      +     +    +     +   +    +     +     +      +     +      +     +      +       +    +   +   +      +    +    +    +
  old key removed      .   .    -     .      -    .     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      -    -    +    +
  old key revoked      .   .    -     -      -    -     -      -     -    -     -   -    -     -     -      -     -      -     +      +       +    +   +   +      -    -    +    +
`;

/**
 * A user without a second factor. `enroll`: a login that must set up its first one, begun under a policy of before.
 * `app`: the app that it has begun. `register`: the mailed code of a registration with the address of the user, begun
 * before the user had it. `invite`: the same with an invitation, which an own table has not. `next`: a registration
 * with the address that the rows `address` take.
 */
const newcomerColumns = ["enroll", "app", "register", "invite", "next"] as const;

// `register`, `invite` and `next` live on where the address is free.
const newcomerExpectations = `
                       enroll app register invite next
  password             -      -   -        -      +
  password by operator -      -   -        -      +
  password expired     -      -   -        -      +
  reset                -      -   -        -      +
  login name           -      -   -        -      +
  login name respelled +      +   -        -      +
  address              -      -   +        -      -
  address and login    -      -   +        -      -
  address by operator  -      -   +        -      -
  app added            -      -   -        -      +
  passkey added        -      -   -        -      +
  identity linked      +      +   -        -      +
  identity unlinked    -      -   -        -      +
  devices forgotten    +      +   -        -      +
  other session ended  +      +   -        -      +
  own sessions ended   +      +   -        -      +
  logout               +      +   -        -      +
  everything ended     -      -   -        -      +
  account deleted      -      -   +        -      +
  deleted by operator  -      -   +        -      +
  role with phr        +      +   -        -      +
  policy phr           +      +   -        -      +
  disabled, enabled    -      -   -        -      +
  alarm of new device  -      -   -        -      +
  endForUser           -      -   -        -      +
  revokeForUser        -      -   -        -      +
  endForEveryone       -      -   -        -      -
  new signing key      +      +   -        -      +
  old key removed      -      -   -        -      -
  old key revoked      -      -   -        -      -
`;

// The row of each change in the table of the code, the event that is recorded, and the notice that is mailed.
export const reports = `
  password             password_set      password_changed      password_changed
  password removed     password_removed  password_changed      password_changed
  password by operator password_replaced password_changed      password_changed
  password expired     password_expired  password_expired      .
  reset                password_reset    reset_done            password_changed
  login name           login_changed     login_changed         login_changed
  login name respelled login_respelled   login_changed         login_changed
  address              email_changed     email_changed         email_changed
  address and login    names_changed     email_changed         email_changed
  address by operator  email_set         email_changed         email_changed
  app replaced         factor_replaced   factor_added          factor_added
  app removed          factor_removed    factor_removed        factor_removed
  codes replaced       codes_replaced    factor_added          factor_added
  passkey added        further_factor    factor_added          factor_added
  passkey removed      factor_removed    factor_removed        factor_removed
  identity linked      identity_linked   identity_linked       identity_linked
  identity unlinked    identity_unlinked identity_unlinked     identity_unlinked
  devices forgotten    devices_forgotten devices_forgotten     .
  own sessions ended   sessions_left     .                     .
  everything ended     access_ended      .                     .
  account deleted      account_removed   account_removed       account_deleted
  deleted by operator  deleted           user_deleted          account_deleted
  role with phr        roles_changed     roles_changed         .
  policy phr           policy_set        factor_policy_changed .
  disabled, enabled    enabled           user_enabled          .
  alarm of new device  alarm             alarm                 .
  endForUser           sessions_ended    .                     .
  revokeForUser        tokens_revoked    tokens_revoked        .
`
  .trim()
  .split("\n")
  .map((line) => line.trim().split(/\s+/))
  .map((words) => {
    const [change = "", event = "", notice = ""] = words.splice(-3);
    return { name: words.join(" "), change: change as Change, event, notice };
  });

// The response to a session whose login is 301 seconds old, by the row of the change.
export const stale: readonly (readonly [Change, string, string, object, string])[] = [
  ["password_removed", "DELETE", "/password", {}, "login_too_old"],
  ["login_changed", "POST", "/account/login", { login: "anna" }, "login_too_old"],
  ["email_changed", "POST", "/account/email", { email: "ann@new.example" }, "login_too_old"],
  ["factor_replaced", "POST", "/totp", {}, "login_too_old"],
  ["further_factor", "POST", "/passkeys/options", {}, "login_too_old"],
  ["codes_replaced", "POST", "/recovery-codes", {}, "login_too_old"],
  ["factor_removed", "DELETE", "/totp", {}, "login_too_old"],
  ["connection_added", "POST", "/connect", { query: "QUERY", transaction: "x", allow: true }, "login_too_old"],
  ["api_key_added", "POST", "/api-keys", { name: "x", scopes: ["articles:read"] }, "login_too_old"],
  ["identity_linked", "POST", "/identities", { provider: "acme" }, "login_too_old"],
  ["identity_unlinked", "DELETE", "/identities/ID", {}, "login_too_old"],
  ["access_ended", "DELETE", "/account/access", {}, "login_too_old"],
  ["account_removed", "DELETE", "/account", {}, "login_too_old"],
  ["devices_forgotten", "DELETE", "/devices", {}, "done"],
  ["password_set", "POST", "/password", { password, new_password: newPassword }, "done"],
  ["sessions_left", "DELETE", "/sessions", {}, "done"],
];

// The changes that an application's own table has not: there, only the application makes them.
const ofOurTable = [
  "password removed",
  "password by operator",
  "address by operator",
  "role with phr",
  "disabled, enabled",
  "deleted by operator",
  "login name respelled",
];

// Signing keys: the one of everything that was alive, and its successor.
const [oldKey, newSigningKey] = [newKey("old"), newKey("new")];

export const isOfAny = ({ name }: { readonly name: string }) => !ofOurTable.includes(name);

type Column = (typeof columns)[number];
type Fate = "+" | "-" | ".";

const rowsOf = (table: string, head: readonly string[]) =>
  table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const words = line.trim().split(/\s+/);
      const fates = words.splice(-head.length);
      return { name: words.join(" "), fates: Object.fromEntries(head.map((column, at) => [column, fates[at]])) };
    });
export const rows = rowsOf(expectations, columns);
export const newcomerRows = rowsOf(newcomerExpectations, newcomerColumns);

interface Mailed {
  readonly transaction: string;
  readonly match: string;
  readonly code: string;
  readonly link: string;
}

/** The transactions that the own session has begun. */
interface BegunByOwn {
  readonly step: string;
  readonly setup: string;
  readonly key: string;
  readonly link: Begun;
  readonly email: { readonly transaction: string; readonly code: string };
}

/** The user who makes a change. */
interface Maker {
  readonly id: string;
  readonly own: FullGrant;
  readonly other: FullGrant;
  /** The alarm link of the notice of a new device. */
  readonly alarmLink: string;
  readonly secret?: string;
  readonly passkeyId?: string;
}

interface Person extends Maker {
  readonly device: string;
  readonly subject: Subject;
  readonly handle: string;
  readonly begun: string;
  readonly mailed: Readonly<Record<"login" | "login#" | "reset" | "reset#", Mailed>>;
  readonly found: { readonly transaction: string; readonly code: string };
  readonly ofOwn: BegunByOwn;
  readonly codes: readonly string[];
  readonly apikey: string;
  readonly connected: Tokens;
}

interface Place {
  /** An application's own table. Undefined: the users are rows of the database. */
  readonly users: ApplicationUsers<ApplicationUser> | undefined;
  readonly outside: Outside;
  /** The `client_id` of an application. */
  readonly application: string;
  readonly ground: Ground;
  readonly world: Mailing;
  /** Another process, and a verifier. */
  readonly process: World;
  readonly verifier: Verifier;
  /** Writes the key file of both processes. */
  setPublicKeys(...keys: readonly TestKey[]): Promise<void>;
  /** The sessions whose sockets the other process must close. */
  readonly closed: Set<string>;
  /** Forgets that the mailbox has confirmed identities and passkeys, but for one, as if they came from before that. */
  forgetConfirmations(): Promise<void>;
}

/** An application's own table, whose rows have no case. */
export function ownTable(): ApplicationUsers<ApplicationUser> {
  interface Row {
    readonly id: string;
    login: string;
    email: string;
    password: string | undefined;
  }
  const rows: Row[] = [{ id: "marker", login: "marker", email: "marker@example.org", password: undefined }];
  let last = 0;
  const userOf = (row: Row | undefined) =>
    row && { id: row.id, login: row.login, email: row.email, emailProven: true, roles: ["editor"] };
  const byName = (text: string) =>
    rows.find(({ login, email }) => [login.toLowerCase(), email].includes(text.toLowerCase()));
  const byId = (id: string) => rows.find((row) => row.id === id);
  const change = (id: string, values: Partial<Row>) => Object.assign(byId(id) ?? {}, values);
  return {
    find: async (login) => userOf(byName(login)),
    findById: async (id) => userOf(byId(id)),
    verify: async ({ id }, given) => byId(id)?.password === given,
    create: async ({ login, email, password: given }) => {
      if (byName(login) !== undefined || byName(email) !== undefined) return undefined;
      rows.push({ id: `row ${++last}`, login, email, password: given });
      return userOf(rows.at(-1));
    },
    setPassword: async ({ id }, given) => void change(id, { password: given }),
    setEmail: async ({ id }, email) => {
      change(id, { email });
      return true;
    },
    setLogin: async ({ id }, login) => {
      change(id, { login });
      return true;
    },
    remove: async ({ id }) =>
      void rows.splice(
        rows.findIndex((row) => row.id === id),
        1,
      ),
  };
}

export async function openPlace(ground: Ground, users?: ApplicationUsers<ApplicationUser>): Promise<Place> {
  const mails: Mailing["mails"] = [];
  const keyFile = path.join(freshFolder(), "key.json");
  writeFileSync(keyFile, JSON.stringify(oldKey));
  const outside = await openOutside(ground, {
    options: {
      key: undefined,
      keyFile,
      appUrl: "https://example.org/",
      mailLogin: true,
      registration: "open",
      throttleAttempts: 1_000,
      throttleAddress: 0,
      factors: { admin: "phr" },
      revocationFeedToken,
      users,
      apiKeys: 5,
      scopes: { editor: ["articles:read"] },
      connect: "registered",
      scopeTexts: { "articles:read": "Read articles" },
      mail: async (message) => void mails.push(message),
    },
  });
  const client = { redirects: [redirect], userScopes: ["articles:read"], public: true };
  const { id: application } = await outside.world.ampho.services.add({ name: "reader", scopes: [], client });
  const process = await outside.world.another();
  const closed = new Set<string>();
  process.ampho.onRevoked((row) => {
    if (row.kind === "session") closed.add(row.session);
    if (row.kind === "all" || row.kind === "signing_key") closed.add("all");
  });
  const server = await listen(mount(outside.world.ampho));
  const { verifier } = verifierFor({
    keys: { keys: [oldKey, newSigningKey] },
    revocations: { url: `${server.url}/api/security/revocations`, token: revocationFeedToken },
    clock: outside.world.clock,
  });
  const world = mailingOf(ground, outside.world, mails);
  return {
    users,
    application,
    ground,
    outside: { ...outside, world },
    world,
    process,
    verifier,
    closed,
    async forgetConfirmations() {
      await ground.sql(outside.world, "update ampho_passkeys set confirmed = 0");
      await ground.sql(outside.world, "update ampho_identities set confirmed = 0 where subject <> 'confirmed'");
    },
    async setPublicKeys(...keys) {
      writeFileSync(keyFile, JSON.stringify({ keys }));
      await Promise.all([outside.world.ampho.reloadKeys(), process.ampho.reloadKeys()]);
    },
  };
}

const address = "ann@example.org";

/** A user with a proven address, who has everything of the head of the table. */
export async function addPerson(place: Place): Promise<Person> {
  const { outside, world, users } = place;
  const { call, clock } = world;
  const registered = await call("POST", "/register", { body: { email: address, login: "ann" } });
  const { code } = await world.mail("register");
  const first = grantOf(
    await call("POST", "/register/finish", {
      body: { transaction: registered.json["transaction"], code, password },
    }),
  );
  const id = String(claimsOf(first.token)["sub"]);
  if (users === undefined) await world.ampho.users.setRoles("ann", ["editor"]);
  const { secret, transaction } = await setUp(world, first.token);
  const confirmed = await call("POST", "/totp/confirm", {
    body: { transaction, totp: codeAt(secret, clock.now()) },
    bearer: first.token,
  });
  await world.mail("factor_added");
  const enter = async (more: object = {}) => {
    clock.advance(30);
    return grantOf(
      await call("POST", "/login", { body: { login: "ann", password, totp: codeAt(secret, clock.now()), ...more } }),
    );
  };
  const enrolling = grantOf(confirmed);
  clock.advance(30);
  const own = grantOf(
    await call("POST", "/login", {
      body: { login: "ann", password, totp: codeAt(secret, clock.now()), device: first.device },
      bearer: enrolling.token,
    }),
  );
  const mine = await link(outside, own.token, { claims: { sub: "mine" } });
  expect(mine.status, mine.text).toBe(200);
  await world.mail("identity_linked");
  const adding = await enter();
  const alarmLink = (await world.mail("new_device")).alarm;
  const confirming = await link(outside, adding.token, { claims: { sub: "confirmed" } });
  expect(confirming.status, confirming.text).toBe(200);
  await world.mail("identity_linked");
  const theirs = await link(outside, grantOf(confirming).token, { claims: { sub: "theirs" } });
  expect(theirs.status, theirs.text).toBe(200);
  await world.mail("identity_linked");
  // A passkey raises the session that adds it above every policy, so the session that others end is another one.
  const other = await enter({ device: first.device });
  const created = await call("POST", "/api-keys", {
    bearer: other.token,
    body: { name: "x", scopes: ["articles:read"] },
  });
  expect(created.status, created.text).toBe(201);
  await world.mail("api_key_created");
  const connect = { world, client: place.application, bearer: other.token };
  const [verifier, waiting] = [newVerifier(), newVerifier()];
  const connected = tokensOf(await redeem(connect, await codeOfYes(connect, verifier), verifier));
  await codeOfYes(connect, waiting);
  const subject = createSubject(-7);
  const { added, options } = await addPasskey(world, grantOf(theirs).token, subject);
  expect(added.status, added.text).toBe(200);
  await world.mail("factor_added");
  const { device } = await enter({ remember: true, device: first.device });
  const ask = async (path: string, kind: string): Promise<Mailed> => {
    clock.advance(61);
    const asked = await call("POST", path, { body: { login: "ann" } });
    const { code, link } = await world.mail(kind);
    return { transaction: String(asked.json["transaction"]), match: String(asked.json["match"]), code, link };
  };
  const mailed = {
    login: await ask("/login/mail", "login"),
    "login#": await ask("/login/mail", "login"),
    reset: await ask("/password/reset", "reset"),
    "reset#": await ask("/password/reset", "reset"),
  };
  clock.advance(61);
  const unknown = await signIn(outside, { claims: { sub: "unknown", email: address, email_verified: false } });
  const found = { transaction: String(unknown.json["transaction"]), code: (await world.mail("identity")).code };
  const begun = await call("POST", "/login", { body: { login: "ann", password } });
  // The session that makes the changes has just proven a passkey, which is the highest level of the account.
  const handle = options.user?.id ?? "";
  const page = await call("GET", "/login");
  expect(page.status).toBe(200);
  const raised = grantOf(await logInWith(world, { subject, handle }, {}, { bearer: grantOf(mine).token }));
  const ofOwn = await beginAll(world, raised.token);
  await place.forgetConfirmations();
  return {
    id,
    own: raised,
    other,
    device,
    secret,
    subject,
    handle,
    ofOwn,
    mailed,
    found,
    begun: String(begun.json["transaction"]),
    codes: textsOf(confirmed.json["recovery_codes"]),
    apikey: String(created.json["key"]),
    connected,
    passkeyId: idOf(added),
    alarmLink,
  };
}

interface Code {
  readonly transaction: string;
  readonly code: string;
}

interface Newcomer extends Maker {
  readonly enroll: string;
  readonly app: string;
  readonly register: Code;
  readonly invite: Code | undefined;
  readonly next: Code;
}

/** A user with a proven address and a password, who has everything of the head of the second table. */
async function addNewcomer({ outside, world, users }: Place): Promise<Newcomer> {
  const { call, clock, ampho } = world;
  const begin = async (email: string, login: string, invite?: string): Promise<Code> => {
    clock.advance(61);
    const begun = await call("POST", "/register", { body: { email, login, invite } });
    const { code } = await world.mail("register", email);
    return { transaction: String(begun.json["transaction"]), code };
  };
  if (users === undefined) await ampho.users.invite({ email: address, roles: ["editor"] });
  const invite = users === undefined ? await begin(address, "invited", (await world.mail("invite")).invite) : undefined;
  const register = await begin(address, "guest");
  const registering = await begin(address, "ann");
  const { token } = grantOf(await call("POST", "/register/finish", { body: { ...registering, password } }));
  const id = String(claimsOf(token)["sub"]);
  await ampho.factors.setPolicy(id, "required");
  clock.advance(61);
  const needed = await call("POST", "/login", { body: { login: "ann", password } });
  const enroll = String(needed.json["transaction"]);
  const { code } = await world.mail("enroll");
  const app = await call("POST", "/totp", { body: { transaction: enroll, code } });
  expect(app.status, app.text).toBe(200);
  await ampho.factors.setPolicy(id, "default");
  const enter = async () => grantOf(await call("POST", "/login", { body: { login: "ann", password } }));
  const other = await enter();
  const alarmLink = (await world.mail("new_device")).alarm;
  const theirs = grantOf(await link(outside, other.token, { claims: { sub: "theirs" } }));
  await world.mail("identity_linked");
  const own = await enter();
  const next = await begin("ann@new.example", "next");
  return {
    id,
    own,
    other: theirs,
    alarmLink,
    enroll,
    app: String(app.json["transaction"]),
    register,
    invite,
    next,
  };
}

/** Begins everything that a session can begin. */
async function beginAll(world: Mailing, bearer: string): Promise<BegunByOwn> {
  const { call, clock } = world;
  const step = await call("POST", "/login", { bearer, body: {} });
  const { transaction: setup } = await setUp(world, bearer);
  const { transaction: key } = await beginPasskey(world, bearer);
  const linking = await call("POST", "/identities", { body: { provider: "acme" }, bearer });
  expect(linking.status, linking.text).toBe(200);
  clock.advance(61);
  const email = await call("POST", "/account/email", { bearer, body: { email: "ann@next.example" } });
  const { code } = await world.mail("email", "ann@next.example");
  return {
    step: String(step.json["transaction"]),
    setup,
    key,
    link: begunOf(linking),
    email: { transaction: String(email.json["transaction"]), code },
  };
}

const idOf = ({ json }: ReadResponse): string => String(Object(json["passkey"])["id"]);

interface Made {
  /** The password and the login name after the change. */
  readonly password?: string;
  readonly login?: string;
  /** The tokens that the change returned to its own session. */
  readonly grant?: FullGrant;
}

const granted = (response: ReadResponse): Made => ({ grant: grantOf(response) });

/** Makes the change of a row. */
const changes: Readonly<Record<string, (place: Place, maker: Maker) => Promise<Made>>> = {
  password: async ({ world }, { own }) => ({
    ...granted(
      await world.call("POST", "/password", { bearer: own.token, body: { password, new_password: newPassword } }),
    ),
    password: newPassword,
  }),
  "password removed": async ({ world }, { own }) =>
    granted(await world.call("DELETE", "/password", { bearer: own.token })),
  "password by operator": async ({ world }) => {
    await world.ampho.users.setPassword("ann", newPassword);
    return { password: newPassword };
  },
  async "password expired"({ world }) {
    expect(await world.ampho.users.expirePassword("ann", { reason: "stolen" })).toBe(true);
    const old = await world.call("POST", "/login", { body: { login: "ann", password } });
    expect([old.status, old.json["error"]]).toEqual([401, "invalid_credentials"]);
    return {};
  },
  async reset({ world }, { secret }) {
    world.clock.advance(61);
    const asked = await world.call("POST", "/password/reset", { body: { login: "ann" } });
    const { code } = await world.mail("reset");
    world.clock.advance(30);
    const body = {
      transaction: asked.json["transaction"],
      code,
      new_password: newPassword,
      totp: secret === undefined ? undefined : codeAt(secret, world.clock.now()),
    };
    const done = await world.call("POST", "/password/reset/finish", { body });
    expect(done.status, done.text).toBe(204);
    return { password: newPassword };
  },
  async "login name"({ world }, { own }) {
    const changed = await world.call("POST", "/account/login", { bearer: own.token, body: { login: "anna" } });
    expect(changed.status, changed.text).toBe(204);
    return { login: "anna" };
  },
  async "login name respelled"({ world }, { own }) {
    const changed = await world.call("POST", "/account/login", { bearer: own.token, body: { login: "Ann" } });
    expect(changed.status, changed.text).toBe(204);
    return { login: "Ann" };
  },
  address: (place, person) => changeAddress(place, person, {}),
  "address and login": async (place, person) => ({
    ...(await changeAddress(place, person, { login: true })),
    login: "ann@new.example",
  }),
  async "address by operator"({ world }) {
    await world.ampho.users.setEmail("ann", "ann@new.example", { reason: "ticket 4711" });
    return {};
  },
  async "app added"(place, maker) {
    return (await changes["app replaced"]?.(place, maker)) ?? {};
  },
  async "app replaced"({ world }, { own }) {
    const { secret, transaction } = await setUp(world, own.token);
    const body = { transaction, totp: codeAt(secret, world.clock.now()) };
    return granted(await world.call("POST", "/totp/confirm", { bearer: own.token, body }));
  },
  "app removed": async ({ world }, { own }) => granted(await world.call("DELETE", "/totp", { bearer: own.token })),
  "codes replaced": async ({ world }, { own }) =>
    granted(await world.call("POST", "/recovery-codes", { bearer: own.token })),
  "passkey added": async ({ world }, { own }) => granted((await addPasskey(world, own.token, createSubject(-7))).added),
  "passkey removed": async ({ world }, { own, passkeyId }) =>
    granted(await world.call("DELETE", `/passkeys/${passkeyId}`, { bearer: own.token })),
  "identity linked": async ({ outside }, { own }) =>
    granted(await link(outside, own.token, { claims: { sub: "further" } })),
  async "identity unlinked"({ world }, { own }) {
    const account = await world.call("GET", "/account", { bearer: own.token });
    const identities = account.json["identities"] as readonly { id: string; created: number }[];
    const last = identities.at(-1)?.id ?? "";
    return granted(await world.call("DELETE", `/identities/${last}`, { bearer: own.token }));
  },
  async "devices forgotten"({ world }, { own }) {
    expect((await world.call("DELETE", "/devices", { bearer: own.token })).status).toBe(204);
    return {};
  },
  async "other session ended"({ world }, { own, other }) {
    const sid = JSON.parse(Buffer.from(other.token.split(".")[1] ?? "", "base64url").toString()).sid;
    expect((await world.call("DELETE", `/sessions/${sid}`, { bearer: own.token })).status).toBe(204);
    return {};
  },
  async "own sessions ended"({ world }, { own }) {
    expect((await world.call("DELETE", "/sessions", { bearer: own.token })).status).toBe(204);
    return {};
  },
  "everything ended": async ({ world }, { own }) =>
    granted(await world.call("DELETE", "/account/access", { bearer: own.token })),
  async "account deleted"({ world }, { own }) {
    expect((await world.call("DELETE", "/account", { bearer: own.token })).status).toBe(204);
    return {};
  },
  async "deleted by operator"({ world }) {
    await world.ampho.users.remove("ann");
    return {};
  },
  async endForEveryone({ world }) {
    await world.ampho.sessions.endForEveryone();
    return {};
  },
  async "new signing key"({ setPublicKeys }) {
    await setPublicKeys(newSigningKey, oldKey);
    return {};
  },
  async "old key removed"({ setPublicKeys }) {
    await setPublicKeys(newSigningKey);
    return {};
  },
  async "old key revoked"({ world, setPublicKeys }) {
    await world.ampho.signingKeys.revoke(oldKey.kid);
    await setPublicKeys(newSigningKey, oldKey);
    return {};
  },
  async logout({ world }, { own }) {
    expect((await world.call("POST", "/logout", { bearer: own.token })).status).toBe(204);
    return {};
  },
  async "role with phr"({ world }) {
    await world.ampho.users.setRoles("ann", { add: ["admin"] });
    return {};
  },
  async "policy phr"({ world }, { id }) {
    await world.ampho.factors.setPolicy(id, "phr");
    return {};
  },
  async "disabled, enabled"({ world }) {
    await world.ampho.users.disable("ann");
    world.clock.advance(1);
    await world.ampho.users.enable("ann");
    return {};
  },
  async "alarm of new device"({ world }, { alarmLink }) {
    const raised = await raiseAlarm(world, alarmLink);
    expect(raised.status, raised.text).toBe(204);
    return {};
  },
  async endForUser({ world }, { id }) {
    await world.ampho.sessions.endForUser(id);
    return {};
  },
  async revokeForUser({ world }, { id }) {
    await world.ampho.sessions.revokeForUser({ id, login: "ann" });
    return {};
  },
};

async function changeAddress({ world }: Place, { own: { token: bearer } }: Maker, about: object): Promise<Made> {
  world.clock.advance(61);
  const begun = await world.call("POST", "/account/email", { bearer, body: { email: "ann@new.example", ...about } });
  const { code } = await world.mail("email");
  const body = { transaction: begun.json["transaction"], code };
  return granted(await world.call("POST", "/account/email/finish", { bearer, body }));
}

/** Until the other process and the verifier have read what was revoked until now. */
async function settled({ world, process, verifier }: Place, marker: Pick<FullGrant, "token">): Promise<void> {
  await world.ampho.sessions.end(sessionOf(marker));
  await expect.poll(() => admission(process.ampho, marker.token), { timeout: 20_000 }).toBe("invalid_token");
  await expect.poll(() => verdictOf(verifier, marker.token), { timeout: 20_000 }).toBe("invalid_token");
}

/** Tries everything that was alive, the harmless things first. */
async function fatesOf(place: Place, person: Person, made: Made): Promise<Record<Column, boolean>> {
  const { outside, world, process, verifier, closed } = place;
  const { call, ampho } = world;
  const { login = "ann", password: now = password } = made;
  const isIn = async (token: string) => (await admission(ampho, token)) === "in";
  const codeOf = ({ status, error }: ReadResponse) => (status === 200 ? "granted" : error);
  const leads = (response: ReadResponse) => ["granted", "factor_needed"].includes(String(codeOf(response)));
  const own = await isIn(person.own.token);
  const other = await isIn(person.other.token);
  const proc = (await admission(process.ampho, person.other.token)) === "in";
  const apikey = await ampho.verify(person.apikey, ["api_key"]).then(
    () => true,
    () => false,
  );
  const connect = { world, client: place.application };
  const act = typeof (await askGuard(world, person.connected.access)) === "object";
  const app = (await renew(connect, person.connected.refresh)).status === 200;
  const waiting = `select count(*) as n from ampho_connections where user_id = '${person.id}' and gen = 0
    and ended_at is null and era = (select era from ampho_state)`;
  const [yes] = await place.ground.sql(world, waiting);
  const verif = (await verdictOf(verifier, person.other.token)) === "accepted";
  const { factors } = await ampho.factors.list(person.id).catch((error: unknown) => {
    // The user was deleted.
    expect(error).toMatchObject({ code: "not_found" });
    return { factors: [] };
  });
  const { ofOwn, mailed } = person;
  const bearer = made.grant?.token ?? person.own.token;
  const step = await call("POST", "/login", { bearer, body: { transaction: ofOwn.step } });
  const setup = await call("POST", "/totp/confirm", { bearer, body: { transaction: ofOwn.setup, totp: "000000" } });
  const passkey = register(createSubject(-7), Buffer.from("another challenge"));
  const key = await call("POST", "/passkeys", { bearer, body: { transaction: ofOwn.key, passkey, name: "x" } });
  const begun = codeOf(await call("POST", "/login", { body: { transaction: person.begun } }));
  const device = codeOf(await call("POST", "/login", { body: { login, password: now, device: person.device } }));
  const copy = await world.renew(person.own.refresh_token);
  if (made.grant !== undefined) expect(await isIn(made.grant.token), "the new tokens").toBe(true);
  const renewed = await world.renew(person.other.refresh_token);
  expect(renewed.status === 200, "both tokens of the other session").toBe(other);
  const byCode = ({ transaction, code }: Mailed) => ({ transaction, code });
  const byLink = ({ link: url, match }: Mailed) => ({ link: url, match });
  const finish = (proof: object) =>
    call("POST", "/password/reset/finish", { body: { ...proof, new_password: "walnut canoe tulip amber" } });
  const [code, linked] = [
    await call("POST", "/login", { body: byCode(mailed.login) }),
    await call("POST", "/login", { body: byLink(mailed["login#"]) }),
  ];
  const found = await call("POST", "/login", { body: person.found });
  const theirs = await signIn(outside, { claims: { sub: "theirs" } });
  const mine = await signIn(outside, { claims: { sub: "mine" } });
  const sure = await signIn(outside, { claims: { sub: "confirmed" } });
  const signedIn = await logInWith(world, person);
  const reset = await finish(byCode(mailed.reset));
  const resetLink = await finish(byLink(mailed["reset#"]));
  outside.evil.claims = { nonce: ofOwn.link.nonce, sub: "begun" };
  const { transaction, state } = ofOwn.link;
  const link = await call("POST", "/identities/finish", {
    bearer,
    body: { transaction, outside: { provider: "acme", code: "code-1", state } },
  });
  const latest = link.status === 200 ? grantOf(link).token : bearer;
  const email = await call("POST", "/account/email/finish", { bearer: latest, body: ofOwn.email });
  return {
    own,
    copy: copy.status === 200,
    other,
    proc,
    verif,
    socket: !closed.has(sessionOf(person.other)) && !closed.has("all"),
    device: device === "granted",
    begun: begun === "factor_needed",
    step: step.error === "factor_needed",
    setup: setup.error === "invalid_credentials",
    key: key.error === "invalid_credentials",
    link: link.status === 200,
    email: email.status === 200,
    login: leads(code),
    "login#": leads(linked),
    found: leads(found),
    reset: reset.error === "factor_needed",
    "reset#": resetLink.error === "factor_needed",
    theirs: leads(theirs),
    passkey: leads(signedIn),
    mine: leads(mine),
    app: factors.some(({ id }) => id === "totp"),
    codes: factors.some(({ id }) => id === "recovery_code"),
    apikey,
    "app*": app,
    "act*": act,
    "yes*": Number(yes?.["n"]) > 0,
    confirmed: leads(sure),
  };
}

/** Tries everything that a newcomer has begun. A new account frees its address again. */
async function newcomerFates(
  { world, users }: Place,
  { enroll, app, register, invite, next }: Newcomer,
): Promise<Record<(typeof newcomerColumns)[number], boolean | undefined>> {
  const { call } = world;
  const asked = await call("POST", "/login", { body: { transaction: enroll } });
  const confirmed = await call("POST", "/totp/confirm", { body: { transaction: app, totp: "000000" } });
  const registers = async (code: Code | undefined, login: string) => {
    if (code === undefined) return undefined;
    const response = await call("POST", "/register/finish", { body: { ...code, password } });
    if (response.status !== 200) return false;
    const id = String(claimsOf(grantOf(response).token)["sub"]);
    const email = `${login}@free.example`;
    await (users?.setEmail?.({ id, login }, email) ?? world.ampho.users.setEmail(login, email, { reason: "test" }));
    return true;
  };
  return {
    enroll: asked.error === "factor_needed",
    app: confirmed.error === "invalid_credentials",
    next: await registers(next, "next"),
    invite: await registers(invite, "invited"),
    register: await registers(register, "guest"),
  };
}

const unreported = { change: undefined, event: ".", notice: "." };

type Users = ApplicationUsers<ApplicationUser>;

/** Rows that run side by side. Most of their time they wait for mails. */
export function groupsOf<T extends { readonly name: string }>(all: readonly T[]) {
  const groups: { readonly names: string; readonly rows: readonly T[] }[] = [];
  for (let at = 0; at < all.length; at += 6) {
    const rows = all.slice(at, at + 6);
    groups.push({ names: rows.map(({ name }) => name).join(", "), rows });
  }
  return groups;
}

/** Tries a row of the table with a fresh user of Ampho's own table, or of the given one. */
export async function tryChange(ground: Ground, { name, fates }: (typeof rows)[number], users?: Users): Promise<void> {
  const place = await openPlace(ground, users);
  const person = await addPerson(place);
  const marker = users === undefined ? (await place.world.user("marker")).id : "marker";
  const session = await place.world.ampho.sessions.create(marker);
  const change = changes[name];
  if (change === undefined) throw new Error(`no change is called ${name}`);
  await settled(place, await place.world.ampho.sessions.create(marker));
  place.closed.clear();
  const { change: row, event, notice } = reports.find((each) => each.name === name) ?? unreported;
  const written = async () => (await place.world.ampho.audit.list({ limit: 10_000 })).at(-1)?.n ?? 0;
  const since = await written();
  const noticesBefore = notice === "." ? 0 : await place.world.countMails(notice);
  const made = await change(place, person);
  const events = (await place.world.ampho.audit.list({ limit: 10_000 })).filter(({ n }) => n > since);
  if (event !== ".") expect(events.map((each) => each.event)).toContain(event);
  if (row !== undefined) expect(consequences[row].event ?? ".").toBe(event);
  if (notice !== "." && row !== "account_removed" && row !== "deleted")
    expect(await place.world.countMails(notice)).toBe(noticesBefore + 1);
  if (row === "account_removed" || row === "deleted") expect(await place.world.countMails(notice)).toBe(1);
  // A login of the same second as a revocation counts as older.
  place.world.clock.advance(1);
  await settled(place, session);
  const found = await fatesOf(place, person, made);
  const isStated = (column: Column) => fates[column] !== ".";
  const shown = Object.fromEntries(
    columns.filter(isStated).map((column) => [column, (found[column] ? "+" : "-") satisfies Fate]),
  );
  const stated = Object.fromEntries(columns.filter(isStated).map((column) => [column, fates[column]]));
  expect({ name, ...shown }).toEqual({ name, ...stated });
}

/** The same for a user who has only begun. */
export async function tryNewcomer(ground: Ground, row: (typeof newcomerRows)[number], users?: Users): Promise<void> {
  const place = await openPlace(ground, users);
  const newcomer = await addNewcomer(place);
  const change = changes[row.name];
  if (change === undefined) throw new Error(`no change is called ${row.name}`);
  await change(place, newcomer);
  place.world.clock.advance(1);
  const found = await newcomerFates(place, newcomer);
  const isTried = (column: (typeof newcomerColumns)[number]) => found[column] !== undefined;
  const shown = newcomerColumns.filter(isTried).map((column) => [column, found[column] ? "+" : "-"]);
  const stated = newcomerColumns.filter(isTried).map((column) => [column, row.fates[column]]);
  expect({ name: row.name, ...Object.fromEntries(shown) }).toEqual({ name: row.name, ...Object.fromEntries(stated) });
}
