// Each kind of transaction at each route that redeems one (W-09).
import { expect, it } from "vitest";
import { password } from "../world/ampho.js";
import { addPerson, begin, type Mailing, newPassword, openMailing } from "./mailboxes.js";
import { codeAt, onBothDatabases, setUp } from "./owners.js";

const ann = "ann@x.example";

interface Issued {
  readonly transaction: string;
  /** The mailed code, or one that could be. */
  readonly code?: string;
  /** The mailed link. */
  readonly link?: string;
}

const transactionOf = (json: Readonly<Record<string, unknown>>): Issued => ({
  transaction: String(json["transaction"]),
});

/** `token`: of a session of a user without a second factor. `own`: of one with an app. */
interface Ground {
  readonly world: Mailing;
  readonly token: string;
  readonly own: string;
}

const registered = async (world: Mailing, more: object) => {
  const email = `new-${world.clock.now()}@x.example`;
  const invite = "invite" in more ? await inviteOf(world, email) : undefined;
  const { transaction } = await begin(world, "/register", { email, invite });
  const { code, link } = await world.mail("register", email);
  return { transaction, code, link };
};

const inviteOf = async (world: Mailing, email: string) => {
  await world.ampho.users.invite({ email });
  return (await world.mail("invite", email)).invite;
};

const mailed = async (world: Mailing, path: string, body: object, kind: string, bearer?: string): Promise<Issued> => {
  const { transaction } = await begin(world, path, body, { bearer });
  const { code, link } = await world.mail(kind);
  return { transaction, code, link };
};

const purposes: Readonly<Record<string, (ground: Ground) => Promise<Issued>>> = {
  login: async ({ world }) => transactionOf((await world.call("GET", "/login")).json),
  second: async ({ world }) =>
    transactionOf((await world.call("POST", "/login", { body: { login: "owner", password } })).json),
  "second of a session": async ({ world, own }) =>
    transactionOf((await world.call("POST", "/login", { body: {}, bearer: own })).json),
  enroll: async ({ world }) =>
    transactionOf((await world.call("POST", "/login", { body: { login: "strict", password } })).json),
  totp: async ({ world, token }) => ({ transaction: (await setUp(world, token)).transaction }),
  passkey: async ({ world, token }) =>
    transactionOf((await world.call("POST", "/passkeys/options", { body: {}, bearer: token })).json),
  mail: ({ world }) => mailed(world, "/login/mail", { login: ann }, "login"),
  register: ({ world }) => registered(world, {}),
  invite: ({ world }) => registered(world, { invite: true }),
  reset: ({ world }) => mailed(world, "/password/reset", { login: ann }, "reset"),
  email: ({ world, token }) => mailed(world, "/account/email", { email: "further@x.example" }, "email", token),
};

type Finish = readonly [path: string, body: (issued: Issued) => object, right: readonly string[]];

const passkey = { id: "x", rawId: "x", type: "public-key", response: {}, clientExtensionResults: {} };
const proof = ({ transaction, code = "12345678" }: Issued) => ({ transaction, code });
const linked = ({ transaction, link = `${transaction}.AAAA` }: Issued) => ({ transaction, link });

const finishes: Readonly<Record<string, Finish>> = {
  "a login by code": ["/login", proof, ["mail"]],
  "a login by link": ["/login", linked, ["mail"]],
  "a second step": ["/login", ({ transaction }) => ({ transaction, totp: "123456" }), ["second"]],
  "a login by passkey": ["/login", ({ transaction }) => ({ transaction, passkey }), ["login", "second"]],
  "a registration by code": [
    ...(["/register/finish", (issued: Issued) => ({ ...proof(issued), password: newPassword })] as const),
    ["register", "invite"],
  ],
  "a registration by link": [
    ...(["/register/finish", (issued: Issued) => ({ ...linked(issued), password: newPassword })] as const),
    ["register", "invite"],
  ],
  "a reset by code": [
    ...(["/password/reset/finish", (issued: Issued) => ({ ...proof(issued), new_password: newPassword })] as const),
    ["reset"],
  ],
  "a reset by link": [
    ...(["/password/reset/finish", (issued: Issued) => ({ ...linked(issued), new_password: newPassword })] as const),
    ["reset"],
  ],
  "a change of address": ["/account/email/finish", proof, ["email"]],
  "the begin of an enrolment": ["/totp", ({ transaction }) => ({ transaction }), ["enroll"]],
  "the end of an enrolment": ["/totp/confirm", ({ transaction }) => ({ transaction, totp: "123456" }), ["totp"]],
  "a new passkey": ["/passkeys", ({ transaction }) => ({ transaction, passkey, name: "x" }), ["passkey"]],
  "the begin of a new passkey": ["/passkeys/options", ({ transaction }) => ({ transaction }), ["enroll"]],
};

onBothDatabases((databases) => {
  it("a transaction is over at every route that redeems another purpose, with the right code too (W-09)", async () => {
    const settings = {
      factors: { "*": "optional", strict: "required" },
      throttleLock: 10_000,
      throttleFactor: 10_000,
    } as const;
    const world = await openMailing(databases, settings);
    const { token: first } = await addPerson(world, ann, password);
    for (const [login, roles] of [
      ["owner", []],
      ["strict", ["strict"]],
    ] as const)
      await world.ampho.users.create({ login, password, roles });
    const own = (await world.login("owner")).token;
    const { secret, transaction } = await setUp(world, own);
    await world.call("POST", "/totp/confirm", {
      bearer: own,
      body: { transaction, totp: codeAt(secret, world.clock.now()) },
    });
    expect(first).toBeTruthy();
    const seen: Record<string, string[]> = {};
    for (const [purpose, issue] of Object.entries(purposes))
      for (const [name, [path, body, right]] of Object.entries(finishes)) {
        const isRight = right.some((each) => purpose.startsWith(each)) && !(purpose === "second of a session");
        if (isRight) continue;
        const { token } = await world.ampho.sessions.create(String((await world.ampho.users.find(ann))?.id));
        const issued = await issue({ world, token, own });
        const bearer = ["/account/email/finish", "/totp/confirm", "/passkeys"].includes(path) ? token : undefined;
        const response = await world.call("POST", path, { body: body(issued), bearer });
        if (response.status !== 401 || response.error !== "transaction_over")
          seen[name] = [...(seen[name] ?? []), `${purpose}: ${response.status} ${String(response.error)}`];
      }
    expect(seen).toEqual({});
    expect((await world.call("POST", "/login", { body: { login: ann, password } })).status).toBe(200);
  });
});
