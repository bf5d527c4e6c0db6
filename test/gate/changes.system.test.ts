// Each change of an account against everything that was alive before it. The table of expectations is written by hand and is not
// derived from the table of the code. Each row is one fresh user who has everything of the head of the table.
import { describe, expect, it } from "vitest";
import { createSubject, type Subject } from "../factors/webauthn/authenticator.js";
import { admission, type FullGrant, grantOf, password, type ReadResponse } from "../world/ampho.js";
import { type Mailing, mailingOf, newPassword } from "./mailboxes.js";
import { link, type Outside, openOutside, signIn } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, setUp, textsOf } from "./owners.js";
import { addPasskey, logInWith } from "./passkey-owners.js";

/**
 * `own`: older access tokens of the session that makes the change. `copy`: an older refresh token of it. `other`: access and
 * refresh token of another session. `device`: a remembered device. `begun`: a login that waits for its second factor.
 * `login`, `reset`: mailed codes. `identity`, `passkey`: added by the other session. `mine`: an identity that the own session has linked.
 * `app`: the authenticator app, which the own session has set up, with `codes`.
 */
const columns = [
  ...["own", "copy", "other", "device", "begun", "login", "reset"],
  ...["identity", "passkey", "mine", "app", "codes"],
] as const;

// `+` lives on, `-` has ended, `.` does not apply: the change is made by no session, or has replaced it.
const expectations = `
                       own copy other device begun login reset identity passkey mine app codes
  password             -   -    -     -      -     -     -     -        +       +    +   +
  password removed     -   -    -     -      -     -     .     +        +       +    +   +
  password by operator .   .    -     -      -     -     -     -        +       -    +   +
  reset                .   .    -     -      -     -     -     -        -       -    +   +
  login name           -   -    -     -      -     -     -     +        +       +    +   +
  address              -   -    -     -      -     -     -     +        +       +    +   +
  address by operator  .   .    -     -      -     -     -     +        +       +    +   +
  app replaced         -   -    -     -      -     -     -     +        +       +    +   +
  app removed          -   -    -     -      -     -     -     +        +       +    -   +
  codes replaced       -   -    -     -      -     -     -     +        +       +    +   +
  passkey added        -   -    +     -      -     -     -     +        +       +    +   +
  passkey removed      -   -    -     -      -     -     -     +        -       +    +   +
  identity linked      -   -    +     +      +     +     +     +        +       +    +   +
  identity unlinked    -   -    -     -      -     -     -     -        +       +    +   +
  devices forgotten    +   +    +     -      +     +     +     +        +       +    +   +
  other session ended  +   +    -     +      +     +     +     +        +       +    +   +
  logout               .   .    +     +      +     +     +     +        +       +    +   +
  role with phr        .   .    -     .      +     +     +     +        +       +    +   +
  policy phr           .   .    -     .      +     +     +     +        +       +    +   +
  disabled, enabled    .   .    -     -      -     -     -     +        +       +    +   +
  alarm of new device  .   .    -     -      -     -     -     +        +       +    +   +
  alarm of identity    .   .    -     -      -     -     -     -        +       +    +   +
  alarm of passkey     .   .    -     -      -     -     -     +        -       +    +   +
  alarm of app         .   .    -     -      -     -     -     +        +       +    -   -
  endForUser           .   .    -     -      -     -     -     +        +       +    +   +
  revokeForUser        .   .    -     -      -     -     -     +        +       +    +   +
`;

type Column = (typeof columns)[number];
type Fate = "+" | "-" | ".";

const rows = expectations
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const words = line.trim().split(/\s+/);
    const fates = words.splice(-columns.length);
    return { name: words.join(" "), fates: Object.fromEntries(columns.map((column, at) => [column, fates[at]])) };
  });

interface Person {
  readonly id: string;
  readonly own: FullGrant;
  readonly other: FullGrant;
  readonly device: string;
  readonly secret: string;
  readonly subject: Subject;
  readonly handle: string;
  readonly passkeyId: string;
  readonly begun: string;
  readonly login: { readonly transaction: string; readonly code: string };
  readonly reset: { readonly transaction: string; readonly code: string };
  readonly codes: readonly string[];
  readonly alarms: Readonly<Record<"new_device" | "identity_linked" | "passkey" | "app", string>>;
}

interface Place {
  readonly outside: Outside;
  readonly world: Mailing;
}

async function openPlace(ground: Ground): Promise<Place> {
  const mails: Mailing["mails"] = [];
  const outside = await openOutside(ground, {
    options: {
      ...{ appUrl: "https://example.org/", mailLogin: true, registration: "open", throttleMails: 1_000_000 },
      ...{ throttleAttempts: 1_000, throttleAddress: 0, throttleNetwork: 0, factors: { admin: "phr" } },
      mail: async (message) => void mails.push(message),
    },
  });
  return { outside, world: mailingOf(ground, outside.world, mails) };
}

const address = "ann@example.org";

/** A user with a proven address, who has everything of the head of the table. */
async function addPerson({ outside, world }: Place): Promise<Person> {
  const { call, clock } = world;
  const registered = await call("POST", "/register", { body: { email: address, login: "ann" } });
  const { code } = await world.mail("register");
  const first = grantOf(
    await call("POST", "/register/finish", {
      body: { transaction: registered.json["transaction"], code, password },
    }),
  );
  const { id } = (await world.ampho.users.find("ann")) ?? { id: "" };
  const { secret, transaction } = await setUp(world, first.token);
  const confirmed = await call("POST", "/totp/confirm", {
    ...{ body: { transaction, totp: codeAt(secret, clock.now()) }, bearer: first.token },
  });
  const alarmOfApp = (await world.mail("factor_added")).alarm;
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
  const other = await enter();
  const alarmOfDevice = (await world.mail("new_device")).alarm;
  const theirs = await link(outside, other.token, { claims: { sub: "theirs" } });
  expect(theirs.status, theirs.text).toBe(200);
  const alarmOfIdentity = (await world.mail("identity_linked")).alarm;
  const subject = createSubject(-7);
  const { added, options } = await addPasskey(world, grantOf(theirs).token, subject);
  expect(added.status, added.text).toBe(200);
  const alarmOfPasskey = (await world.mail("factor_added")).alarm;
  const { device } = await enter({ remember: true, device: first.device });
  const begun = await call("POST", "/login", { body: { login: "ann", password } });
  const mailed = async (path: string, kind: string) => {
    clock.advance(61);
    const asked = await call("POST", path, { body: { login: "ann" } });
    return { transaction: String(asked.json["transaction"]), code: (await world.mail(kind)).code };
  };
  const login = await mailed("/login/mail", "login");
  const reset = await mailed("/password/reset", "reset");
  // The session that makes the changes has just proven a passkey, which is the highest level of the account.
  const handle = options.user?.id ?? "";
  const page = await call("GET", "/login");
  expect(page.status).toBe(200);
  const raised = grantOf(await logInWith(world, { subject, handle }, {}, { bearer: grantOf(mine).token }));
  return {
    ...{
      id,
      own: raised,
      other: grantOf(added),
      device,
      secret,
      subject,
      handle,
      begun: String(begun.json["transaction"]),
    },
    ...{ login, reset, codes: textsOf(confirmed.json["recovery_codes"]), passkeyId: idOf(added) },
    alarms: {
      ...{ new_device: alarmOfDevice, identity_linked: alarmOfIdentity, passkey: alarmOfPasskey, app: alarmOfApp },
    },
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
const changes: Readonly<Record<string, (place: Place, person: Person) => Promise<Made>>> = {
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
  async reset({ world }, { secret }) {
    world.clock.advance(61);
    const asked = await world.call("POST", "/password/reset", { body: { login: "ann" } });
    const { code } = await world.mail("reset");
    world.clock.advance(30);
    const body = {
      ...{ transaction: asked.json["transaction"], code, new_password: newPassword },
      totp: codeAt(secret, world.clock.now()),
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
  async address({ world }, { own }) {
    world.clock.advance(61);
    const begun = await world.call("POST", "/account/email", { bearer: own.token, body: { email: "ann@new.example" } });
    const { code } = await world.mail("email");
    const body = { transaction: begun.json["transaction"], code };
    return granted(await world.call("POST", "/account/email/finish", { bearer: own.token, body }));
  },
  async "address by operator"({ world }) {
    await world.ampho.users.setEmail("ann", "ann@new.example");
    return {};
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
  "alarm of new device": alarm("new_device"),
  "alarm of identity": alarm("identity_linked"),
  "alarm of passkey": alarm("passkey"),
  "alarm of app": alarm("app"),
  async endForUser({ world }, { id }) {
    await world.ampho.sessions.endForUser(id);
    return {};
  },
  async revokeForUser({ world }, { id }) {
    await world.ampho.sessions.revokeForUser({ id, login: "ann" });
    return {};
  },
};

function alarm(kind: keyof Person["alarms"]) {
  return async ({ world }: Place, { alarms }: Person): Promise<Made> => {
    const raised = await world.call("POST", "/alarm", { body: { alarm: alarms[kind] } });
    expect(raised.status, raised.text).toBe(204);
    return {};
  };
}

/** Tries everything that was alive, the harmless things first. */
async function fatesOf({ outside, world }: Place, person: Person, made: Made): Promise<Record<Column, boolean>> {
  const { call, ampho } = world;
  const { login = "ann", password: now = password } = made;
  const isIn = async (token: string) => (await admission(ampho, token)) === "in";
  const codeOf = ({ status, error }: ReadResponse) => (status === 200 ? "granted" : error);
  const own = await isIn(person.own.token);
  const otherAccess = await isIn(person.other.token);
  const { factors } = await ampho.factors.list(person.id);
  const begun = codeOf(await call("POST", "/login", { body: { transaction: person.begun } }));
  const device = codeOf(await call("POST", "/login", { body: { login, password: now, device: person.device } }));
  const copy = await world.renew(person.own.refresh_token);
  if (made.grant !== undefined) expect(await isIn(made.grant.token), "the new tokens").toBe(true);
  const other = await world.renew(person.other.refresh_token);
  expect(other.status === 200, "both tokens of the other session").toBe(otherAccess);
  const mailed = codeOf(await call("POST", "/login", { body: person.login }));
  const identity = await signIn(outside, { claims: { sub: "theirs" } });
  const mine = await signIn(outside, { claims: { sub: "mine" } });
  const passkey = await logInWith(world, person);
  const reset = await call("POST", "/password/reset/finish", {
    body: { ...person.reset, new_password: "walnut canoe tulip amber" },
  });
  const leads = (response: ReadResponse) => ["granted", "factor_needed"].includes(String(codeOf(response)));
  return {
    own,
    copy: copy.status === 200,
    other: otherAccess,
    device: device === "granted",
    begun: begun === "factor_needed",
    login: mailed === "granted" || mailed === "factor_needed",
    reset: reset.error === "factor_needed",
    identity: leads(identity),
    passkey: leads(passkey),
    mine: leads(mine),
    app: factors.some(({ id }) => id === "totp"),
    codes: factors.some(({ id }) => id === "recovery_code"),
  };
}

onBothDatabases((ground) => {
  describe("a change ends what the table states", () => {
    it.each(rows)("the change ends what the table states, and nothing else: $name", async ({ name, fates }) => {
      const place = await openPlace(ground);
      const person = await addPerson(place);
      const change = changes[name];
      if (change === undefined) throw new Error(`no change is called ${name}`);
      const made = await change(place, person);
      // A login of the same second as a revocation counts as older.
      place.world.clock.advance(1);
      const found = await fatesOf(place, person, made);
      const isStated = (column: Column) => fates[column] !== ".";
      const shown = Object.fromEntries(
        columns.filter(isStated).map((column) => [column, (found[column] ? "+" : "-") satisfies Fate]),
      );
      expect(shown).toEqual(Object.fromEntries(columns.filter(isStated).map((column) => [column, fates[column]])));
    });
  });
});
