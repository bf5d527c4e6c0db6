// The fate of every table that names a user: the rows that a deletion leaves, and the member of the export that shows
// it. It also has the part of `consequences` that ends it. The tables come from the database, so a new one needs a line.
import { expect, it } from "vitest";
import type { Message } from "../../dist/index.js";
import { consequences } from "../../dist/store/sql/effects/changes.js";
import { addClient, connected } from "../connect/connections.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { mailingOf, proofsOf } from "../gate/mailboxes.js";
import { link, openOutside } from "../gate/outside.js";
import { codeAt, type Ground, onBothDatabases, setUp } from "../gate/owners.js";
import { addPasskey, logInWith } from "../gate/passkey-owners.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";

const person = { login: "annotated", email: "annotated@fates.example" };

/** A deletion leaves nothing, rows with the id alone, or rows with the login name or the address. */
type Left = "nothing" | "id" | "name";

interface Fate {
  /** The columns with the id, the login name or the address of a user. */
  readonly names: string;
  /** After `DELETE /account`, and after a deletion by an operator. */
  readonly left: readonly [own: Left, operator: Left];
  /** The member of the export. Undefined: it is in none. */
  readonly exported?: "account" | "passkeys" | "identities" | "api_keys" | "connections" | "sessions" | "events";
  /** The members of a row of `consequences` that decide about it. */
  readonly ends: readonly string[];
}

const fates: Readonly<Record<string, Fate>> = {
  ampho_users: {
    names: "id login canonical email email_canonical",
    left: ["nothing", "nothing"],
    exported: "account",
    ends: ["password"],
  },
  // The versions that end what was begun, and remembered devices. It also has the mark of a review.
  ampho_accounts: {
    names: "user_id",
    left: ["nothing", "nothing"],
    exported: "account",
    ends: ["begun", "devices", "review"],
  },
  ampho_sessions: { names: "user_id login", left: ["name", "name"], exported: "sessions", ends: ["sessions"] },
  // Verifiers compare it with the tokens of other software, until the last one has expired.
  ampho_revocations: { names: "user_id login", left: ["name", "name"], ends: [] },
  ampho_attempts: { names: "login", left: ["nothing", "name"], ends: [] },
  ampho_audit: { names: "user_id login detail", left: ["id", "name"], exported: "events", ends: [] },
  ampho_totp: { names: "user_id", left: ["nothing", "nothing"], exported: "account", ends: ["factors"] },
  ampho_recovery: { names: "user_id", left: ["nothing", "nothing"], exported: "account", ends: ["factors"] },
  ampho_passkeys: { names: "user_id", left: ["nothing", "nothing"], exported: "passkeys", ends: ["factors"] },
  ampho_identities: {
    names: "user_id email",
    left: ["nothing", "nothing"],
    exported: "identities",
    ends: ["identity"],
  },
  ampho_api_keys: { names: "user_id login", left: ["nothing", "nothing"], exported: "api_keys", ends: ["apiKey"] },
  ampho_connections: {
    names: "user_id login",
    left: ["name", "name"],
    exported: "connections",
    ends: ["connection", "rights"],
  },
  // A mail that waits. After the deletion its notice waits, with the address and no more.
  ampho_mail: { names: "user_id address claims", left: ["name", "name"], ends: ["begun"] },
  // For the hook of the deletion.
  ampho_user_events: { names: "user_id", left: ["id", "id"], ends: [] },
  // Invitations for the address go. Those that the user has made for others stay.
  ampho_invites: { names: "email email_canonical invited_by", left: ["id", "id"], ends: ["invitations"] },
};

/** The tables that name no user. */
const others = [
  "ampho_attempt_sources",
  "ampho_housekeeping",
  "ampho_imports",
  "ampho_services",
  "ampho_spent",
  "ampho_state",
];

/** Names of columns that would name a user. */
const naming = /user|login|canonical|email|owner|invited|subject_id|account/;
/** Columns with one of these names that contain no name of a user: times and marks. */
const noNames = [
  "user_scopes",
  "email_proven_at",
  "email_by_operator",
  "password_by_operator",
  "user_handle",
  "exact_login",
  "application_owns_users",
];

/** The cells of each table, by column. */
async function cellsOf(ground: Ground, world: World) {
  const found = await ground.sql(
    world,
    ground.urlOf(world).startsWith("sqlite")
      ? "select name from sqlite_master where type = 'table' and name like 'ampho_%'"
      : "select table_name as name from information_schema.tables where table_schema = 'ampho'",
  );
  const tables = new Map<string, readonly Readonly<Record<string, unknown>>[]>();
  for (const { name } of found)
    if (name !== "ampho_migrations") tables.set(String(name), await ground.sql(world, `select * from ${name}`));
  return tables;
}

/** The columns of a table that contain one of the texts, in alphabetical order. */
const columnsWith = (rows: readonly Readonly<Record<string, unknown>>[], texts: readonly string[]) =>
  [
    ...new Set(
      rows.flatMap((row) =>
        Object.keys(row).filter((column) => texts.some((each) => String(row[column]).includes(each))),
      ),
    ),
  ].sort();

const reader = { userScopes: ["articles:read"] };

/** A user who has a row in every table. */
async function addPerson(ground: Ground) {
  const mails: Message[] = [];
  const opened = await openOutside(ground, {
    options: {
      appUrl: "https://example.org/",
      registration: "open",
      mailLogin: true,
      throttleAttempts: 1_000_000,
      apiKeys: 5,
      scopes: { editor: ["articles:read"] },
      connect: "registered",
      scopeTexts: { "articles:read": "Read articles" },
      onUserChanged: () => Promise.reject(new Error("the hook fails")),
      onUserRemoved: () => Promise.reject(new Error("the hook fails")),
      mail: async (message) => {
        if (["reset", "login_changed", "account_deleted"].includes(message.kind))
          throw new Error("the mail server fails");
        mails.push(message);
      },
    },
  });
  const world = mailingOf(ground, opened.world, mails);
  const outside = { ...opened, world };
  const { call, clock, ampho } = world;
  const mail = async (kind: string) => {
    await expect.poll(() => mails.map((each) => each.kind)).toContain(kind);
    return proofsOf(mails.find((each) => each.kind === kind)?.text ?? "");
  };
  await ampho.users.invite({ email: person.email, roles: ["editor"] });
  const begun = await call("POST", "/register", {
    body: { ...person, login: "annotated-before", invite: (await mail("invite")).invite },
  });
  const proof = { transaction: begun.json["transaction"], code: (await mail("register")).code };
  const { token } = grantOf(await call("POST", "/register/finish", { body: { ...proof, password } }));
  const id = String(claimsOf(token)["sub"]);
  expect((await call("POST", "/account/login", { bearer: token, body: { login: person.login } })).status).toBe(204);
  await ampho.users.invite({ email: "friend@fates.example", invitedBy: id });
  await ampho.sessions.revokeForUser({ id, login: person.login });
  clock.advance(1);
  expect((await call("POST", "/login", { body: { login: person.login, password: "wrong" } })).status).toBe(401);
  clock.advance(600);
  const first = await world.login(person.login);
  const linked = grantOf(await link(outside, first.token, { claims: { sub: "x", email: person.email } }));
  const { secret, transaction } = await setUp(world, linked.token);
  const body = { transaction, totp: codeAt(secret, clock.now()) };
  const withApp = grantOf(await call("POST", "/totp/confirm", { bearer: linked.token, body }));
  await call("POST", "/logout", { bearer: withApp.token });
  clock.advance(60);
  const totp = codeAt(secret, clock.now());
  const second = grantOf(await call("POST", "/login", { body: { login: person.login, password, totp } }));
  const subject = createSubject(-7);
  const { added, options } = await addPasskey(world, second.token, subject);
  const handle = options.user?.id ?? "";
  const third = grantOf(await logInWith(world, { subject, handle }, {}, { bearer: grantOf(added).token }));
  const created = await call("POST", "/api-keys", {
    bearer: third.token,
    body: { name: "x", scopes: ["articles:read"] },
  });
  expect(created.status, created.text).toBe(201);
  await connected({ world, client: await addClient(world, "reader", reader), bearer: third.token });
  await call("POST", "/password/reset", { body: { login: person.login } });
  await ampho.factors.setPolicy(id, "required");
  expect((await call("POST", "/login", { body: { login: person.login, password: "wrong" } })).status).toBe(401);
  return { world, id, token: third.token };
}

it("every part of what a change ends is the fate of a table", () => {
  const { by: _by, event: _event, reason: _reason, deletes: _deletes, ...parts } = consequences.deleted;
  expect(Object.values(fates).flatMap(({ ends }) => ends)).toEqual(expect.arrayContaining(Object.keys(parts)));
  expect(Object.keys(parts)).toEqual(expect.arrayContaining(Object.values(fates).flatMap(({ ends }) => ends)));
});

onBothDatabases((ground) => {
  it.each([
    ["the user", 0],
    ["an operator", 1],
  ] as const)(
    "a deletion by %s leaves of each table what its fate states, and no table is without a fate",
    async (by, at) => {
      const { world, id, token } = await addPerson(ground);
      const before = await cellsOf(ground, world);
      expect([...before.keys()].sort()).toEqual([...Object.keys(fates), ...others].sort());
      const texts = [id, person.login];
      for (const [table, rows] of before) {
        const names = fates[table]?.names.split(" ") ?? [];
        expect([table, ...columnsWith(rows, texts)]).toEqual([table, ...[...names].sort()]);
        const unstated = Object.keys(rows[0] ?? {}).filter((name) => naming.test(name) && !noNames.includes(name));
        expect([table, ...names]).toEqual(expect.arrayContaining(unstated));
      }
      const exported = await world.call("GET", "/account/export", { bearer: token });
      const members = Object.values(fates).flatMap((fate) => fate.exported ?? []);
      expect(Object.keys(exported.json).sort()).toEqual([...new Set(members)].sort());
      for (const member of members) expect(Object.values(Object(exported.json[member]))).not.toEqual([]);

      if (by === "the user") expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(204);
      else await world.ampho.users.remove(person.login);
      const left: Record<string, Left> = {};
      for (const [table, rows] of await cellsOf(ground, world)) {
        const has = (text: string) => columnsWith(rows, [text]).length > 0;
        if (fates[table]) left[table] = has(person.login) ? "name" : has(id) ? "id" : "nothing";
      }
      expect(left).toEqual(Object.fromEntries(Object.entries(fates).map(([table, fate]) => [table, fate.left[at]])));
    },
  );
});
