// Each kind of transaction at each route that redeems one, and the token of a mailed link at each of them.
import { expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { grantOf, password } from "../world/ampho.js";
import { addPerson, begin, type Mailing, newPassword, openMailing, proofsOf, tokenIn } from "./mailboxes.js";
import { codeAt, onBothDatabases, outcomeOf, setUp } from "./owners.js";

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
  confirm: async ({ world, token: bearer }) => {
    const asked = await world.call("POST", "/account/confirm", { body: { change: "first_factor" }, bearer });
    return { ...transactionOf(asked.json), code: (await world.mail("confirm")).code };
  },
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
    "/register/finish",
    (issued: Issued) => ({ ...proof(issued), password: newPassword }),
    ["register", "invite"],
  ],
  "a registration by link": [
    "/register/finish",
    (issued: Issued) => ({ ...linked(issued), password: newPassword }),
    ["register", "invite"],
  ],
  "a reset by code": [
    "/password/reset/finish",
    (issued: Issued) => ({ ...proof(issued), new_password: newPassword }),
    ["reset"],
  ],
  "a reset by link": [
    "/password/reset/finish",
    (issued: Issued) => ({ ...linked(issued), new_password: newPassword }),
    ["reset"],
  ],
  "a change of address": ["/account/email/finish", proof, ["email"]],
  "a confirmation of a change": ["/account/confirm/finish", proof, ["confirm"]],
  "the begin of an enrolment": ["/totp", ({ transaction }) => ({ transaction }), ["enroll"]],
  "the end of an enrolment": ["/totp/confirm", ({ transaction }) => ({ transaction, totp: "123456" }), ["totp"]],
  "a new passkey": ["/passkeys", ({ transaction }) => ({ transaction, passkey, name: "x" }), ["passkey"]],
  "the begin of a new passkey": ["/passkeys/options", ({ transaction }) => ({ transaction }), ["enroll"]],
};

const needsSession = ["/account/email/finish", "/account/confirm/finish", "/totp/confirm", "/passkeys"];

onBothDatabases((databases) => {
  it("a transaction is over at every route that redeems another purpose, with the right code too", async () => {
    const settings = {
      factors: { "*": "optional", strict: "required" },
      throttleLock: 10_000,
      throttleAttempts: 10_000,
    } as const;
    const world = await openMailing(databases, settings);
    const { token: first } = await addPerson(world, ann, password);
    for (const [login, roles] of [
      ["owner", []],
      ["strict", ["strict"]],
    ] as const)
      await world.ampho.users.create({ login, password, roles });
    const session = (await world.login("owner")).token;
    const { secret, transaction } = await setUp(world, session);
    const body = { transaction, totp: codeAt(secret, world.clock.now()) };
    const { token: own } = grantOf(await world.call("POST", "/totp/confirm", { bearer: session, body }));
    expect(first).toBeTruthy();
    const seen: Record<string, string[]> = {};
    for (const [purpose, issue] of Object.entries(purposes))
      for (const [name, [path, body, right]] of Object.entries(finishes)) {
        const isRight = right.some((each) => purpose.startsWith(each)) && !(purpose === "second of a session");
        if (isRight) continue;
        // An account gets five of these codes an hour.
        if (purpose === "confirm") world.clock.advance(3600);
        const { token } = await world.ampho.sessions.create(String((await world.ampho.users.find(ann))?.id), {
          authTime: world.clock.now(),
        });
        const confirmed = `update ampho_sessions set confirmed = '*', confirmed_at = ${world.clock.now()}`;
        await databases.sql(world, confirmed);
        const issued = await issue({ world, token, own });
        const bearer = needsSession.includes(path) ? token : undefined;
        const response = await world.call("POST", path, { body: body(issued), bearer });
        if (response.status !== 401 || response.error !== "transaction_over")
          seen[name] = [...(seen[name] ?? []), `${purpose}: ${response.status} ${String(response.error)}`];
      }
    expect(seen).toEqual({});
    expect((await world.call("POST", "/login", { body: { login: ann, password } })).status).toBe(200);
  });

  it("the token of a mailed link stands for no asking browser, at any route", async () => {
    const world = await openMailing(databases, { throttleLock: 10_000, throttleAttempts: 10_000 });
    await addPerson(world, ann, password);
    const id = String((await world.ampho.users.find(ann))?.id);
    const seen: string[] = [];
    for (const [kind, issue] of Object.entries(linksOf(world))) {
      seen.push(kind);
      // A reset has ended the session and changed the password.
      await world.ampho.users.setPassword(ann, password);
      const { link, match, code } = await issue();
      const { token: bearer } = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
      const token = tokenIn(link);
      for (const [name, [path, body]] of Object.entries(finishes)) {
        const sent = body({ transaction: token, ...(code !== "" && { code }) });
        for (const each of "link" in sent ? [] : [{}, { bearer }])
          expect([name, outcomeOf(await world.call("POST", path, { body: sent, ...each }))[1]]).toEqual([
            name,
            /^.account.(email|confirm).finish$/.test(path) && !("bearer" in each)
              ? "missing_token"
              : "transaction_over",
          ]);
      }
      for (const sent of [
        { transaction: token },
        { transaction: token, recovery_code: "0000-0000-0000-0000-0000-0000" },
        { transaction: token, outside: { provider: "acme", code: "c", state: "s" } },
      ])
        expect(outcomeOf(await world.call("POST", "/login", { body: sent }))).toEqual([401, "transaction_over"]);
      const beside = { transaction: token, login: ann, password };
      expect(outcomeOf(await world.call("POST", "/login", { body: beside }))).toEqual([400, "invalid_request"]);
      for (const path of ["/totp", "/passkeys/options"])
        expect((await world.call("POST", path, { bearer: token, body: {} })).error).toBe("invalid_token");
      const [path, more] = ends[kind] ?? ["", {}];
      const finish = (sent: object) => world.call("POST", path, { body: { link, ...more, ...sent } });
      for (const sent of [{}, { transaction: token }, { transaction: link }])
        expect([kind, ...outcomeOf(await finish(sent))]).toEqual([kind, 401, "match_needed"]);
      expect([200, 204]).toContain((await finish({ transaction: token, match })).status);
    }
    expect(seen).toEqual(Object.keys(ends));
  });

  it("a cookie with the token of a mailed link stands for no asking browser", async () => {
    const world = await openMailing(databases, { cookies: true });
    await world.ampho.users.create({ login: ann, password });
    const same = { "Sec-Fetch-Site": "same-origin" };
    for (const [kind, issue] of Object.entries(linksOf(world, same))) {
      // The first login by mail removes the password, which the owner of the address has not set.
      await world.ampho.users.setPassword(ann, password);
      const { link, match, code, asker } = await issue();
      const [path, more] = ends[kind] ?? ["", {}];
      const send = (cookie: string | undefined, body: object) => {
        const headers = { ...same, ...(cookie !== undefined && { Cookie: `${cookieNames.transaction}=${cookie}` }) };
        return world.call("POST", path, { body: { ...more, ...body }, headers });
      };
      expect([kind, ...outcomeOf(await send(tokenIn(link), { link }))]).toEqual([kind, 401, "match_needed"]);
      if (code !== "") expect(outcomeOf(await send(tokenIn(link), { code }))).toEqual([401, "transaction_over"]);
      const own = await send(asker, asker === undefined ? { link, match } : { link });
      expect([kind, [200, 204].includes(own.status)]).toEqual([kind, true]);
    }
  });
});

interface Linked {
  readonly link: string;
  readonly code: string;
  readonly match: string;
  /** The cookie of the asking browser. An operator's recovery has none. */
  readonly asker: string | undefined;
}

/** Every kind of mail and print that has a link of a transaction. */
function linksOf(world: Mailing, headers: Readonly<Record<string, string>> = {}) {
  async function mailedTo(to: string, path: string, body: object, kind: string): Promise<Linked> {
    world.clock.advance(61);
    const { json, headers: received } = await world.call("POST", path, { body, headers });
    const [cookie] = received.getSetCookie().filter((each) => each.startsWith(`${cookieNames.transaction}=`));
    const { link, code } = await world.mail(kind, to);
    return { link, code, match: String(json["match"]), asker: cookie?.split(/[=;]/)[1] };
  }
  const invitation = async (email: string) => {
    await world.ampho.users.invite({ email });
    return { email, invite: (await world.mail("invite", email)).invite };
  };
  return {
    mail: () => mailedTo(ann, "/login/mail", { login: ann }, "login"),
    register: () => mailedTo("new@x.example", "/register", { email: "new@x.example" }, "register"),
    invite: async () => mailedTo("guest@x.example", "/register", await invitation("guest@x.example"), "register"),
    reset: () => mailedTo(ann, "/password/reset", { login: ann }, "reset"),
    recover: async (): Promise<Linked> => {
      const { match } = await world.ampho.users.recover(ann, { reason: "Called back." });
      const { link, code } = await world.mail("recover", ann);
      return { link, code, match, asker: undefined };
    },
    "recover, printed and without factors": async (): Promise<Linked> => {
      const options = { reason: "Called back.", print: true, withoutFactors: true };
      const { match, link } = await world.ampho.users.recover(ann, options);
      world.clock.advance(86_401);
      return { link: proofsOf(link ?? "").link, code: "", match, asker: undefined };
    },
  };
}

/** The route that redeems each of them. */
const ends: Readonly<Record<string, readonly [path: string, more: object]>> = {
  mail: ["/login", {}],
  register: ["/register/finish", { password: newPassword }],
  invite: ["/register/finish", { password: newPassword }],
  reset: ["/password/reset/finish", { new_password: newPassword }],
  recover: ["/password/reset/finish", { new_password: newPassword }],
  "recover, printed and without factors": ["/password/reset/finish", { new_password: newPassword }],
};
