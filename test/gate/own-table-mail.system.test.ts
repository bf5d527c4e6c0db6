// The flows by mail of an application's own user table: each exists when its function exists.
import { describe, expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { admission, type FullGrant, grantOf, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  asked,
  askedReset,
  begin,
  finishReset,
  logInBy,
  type Mailing,
  newPassword,
  openMailing,
  over,
  raiseAlarm,
  wrong,
} from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf, textsOf } from "./owners.js";
import { challengeOf } from "./passkey-owners.js";

interface Person extends ApplicationUser {
  login: string;
  email: string;
  emailProven: boolean;
  password: string;
  disabled: boolean;
}

const ann = "ann@x.example";

const person = (login: string): Person => ({
  id: `id of ${login}`,
  login,
  email: login,
  emailProven: true,
  password,
  disabled: false,
});

/** A table with the functions of these names. It accepts logins in any case. */
async function open(ground: Ground, ...functions: readonly ("setPassword" | "create" | "setEmail")[]) {
  const rows: Person[] = [person(ann)];
  const found = (text: string) => rows.find(({ login, email }) => [login, email].includes(text.toLowerCase().trim()));
  // As from a database: each row is a copy, with the password of its moment.
  const copyOf = (row: Person | undefined) => row && { ...row };
  const change = ({ id }: ApplicationUser, changes: Partial<Person>) =>
    void Object.assign(rows.find((row) => row.id === id) ?? {}, changes);
  const calls: string[] = [];
  const all: Required<Pick<ApplicationUsers<Person>, "setPassword" | "create" | "setEmail">> = {
    async setPassword(user, given) {
      calls.push("setPassword");
      await table.beforeStore();
      change(user, { password: given });
      await table.afterStore();
    },
    async create({ login, email, password: given = "" }) {
      calls.push("create");
      await table.beforeCreate();
      if (found(login) !== undefined || found(email) !== undefined) return undefined;
      const user = { ...person(login), email, password: given };
      rows.push(user);
      return user;
    },
    async setEmail(user, email) {
      calls.push("setEmail");
      await table.beforeEmail();
      if (table.isReadOnly) throw new Error("the table is read-only");
      if (found(email) !== undefined) return false;
      change(user, { email });
      return true;
    },
  };
  const nothing = async () => {};
  const hooks = {
    beforeCreate: nothing,
    beforeStore: nothing,
    afterStore: nothing,
    beforeEmail: nothing,
    afterFind: nothing,
    afterVerify: nothing,
  };
  const table = { isDown: false, isReadOnly: false, ...hooks };
  const requireUp = () => {
    if (table.isDown) throw new Error("the table is down");
  };
  const users: ApplicationUsers<Person> = {
    async find(login) {
      requireUp();
      const row = copyOf(found(login));
      await table.afterFind();
      return row;
    },
    async findById(id) {
      requireUp();
      return copyOf(rows.find((each) => each.id === id));
    },
    async verify(user, given) {
      const isRight = user.password === given;
      await table.afterVerify();
      return isRight;
    },
    ...Object.fromEntries(functions.map((name) => [name, all[name]])),
  };
  return { world: await openMailing(ground, { users }), rows, calls, table };
}

/** Begins a change of the address in a new session. Returns its end. */
async function begunChange(world: Mailing, email: string) {
  const { token: bearer } = grantOf(await logInBy(world, { login: ann, password }));
  const { transaction } = await begin(world, "/account/email", { email }, { bearer });
  const { code } = await world.mail("email", email);
  return () => world.call("POST", "/account/email/finish", { bearer, body: { transaction, code } });
}

onBothDatabases((ground) => {
  it("each flow is 404 without its function, and a login by mail and an alarm need none", async () => {
    const { world } = await open(ground);
    const { token } = grantOf(await logInBy(world, { login: ann, password }));
    for (const [path, body] of [
      ["/password/reset", { login: ann }],
      ["/password/reset/finish", { transaction: "x", code: "12345678", new_password: newPassword }],
      ["/register", { email: "new@x.example" }],
      ["/register/finish", { transaction: "x", code: "12345678", password }],
      ["/account/email", { email: "new@x.example" }],
      ["/account/email/finish", { transaction: "x", code: "12345678" }],
    ] as const)
      expect([path, (await world.call("POST", path, { body, bearer: token })).status]).toEqual([path, 404]);
    expect((await world.call("GET", "/login")).json).toMatchObject({ ways: { mail: true, registration: "closed" } });
    const { transaction, mail } = await asked(world, ann);
    const grant = grantOf(await logInBy(world, { transaction, code: mail.code }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: `id of ${ann}`, amr: ["mail"] });
    expect(outcomeOf(await raiseAlarm(world, "x"))).toEqual(over);
  });

  it("a reset calls `setPassword` once, and ends the sessions of the user", async () => {
    const { world, rows, calls } = await open(ground, "setPassword");
    const { token, refresh_token } = grantOf(await logInBy(world, { login: ann, password }));
    const { transaction, mail } = await askedReset(world, ann);
    expect(outcomeOf(await finishReset(world, { transaction, code: mail.code, new_password: "short" }))).toEqual([
      400,
      "password_rejected",
    ]);
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => finishReset(world, { transaction, code: mail.code })),
    );
    expect(responses.filter(({ status }) => status === 204)).toHaveLength(1);
    expect([calls, rows[0]?.password]).toEqual([["setPassword"], newPassword]);
    expect(await admission(world.ampho, token)).not.toBe("in");
    expect((await world.renew(refresh_token)).status).toBe(401);
    expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual(over);
  });

  it("a change of the password calls `setPassword` once, with the old password alone, and ends the other sessions", async () => {
    const { world, rows, calls, table } = await open(ground, "setPassword");
    const [mine, other] = [await world.login(ann), await world.login(ann)];
    const change = (given: object) =>
      world.call("POST", "/password", { bearer: mine.token, body: { password, new_password: newPassword, ...given } });
    expect(outcomeOf(await change({ password: newPassword }))).toEqual(wrong);
    expect(outcomeOf(await change({ new_password: "short" }))).toEqual([400, "password_rejected"]);
    expect(outcomeOf(await change({ password: undefined }))).toEqual([400, "invalid_request"]);
    table.isDown = true;
    expect((await change({})).status).toBe(503);
    table.isDown = false;
    expect([calls, rows[0]?.password]).toEqual([[], password]);
    const responses = await Promise.all([1, 2, 3, 4].map((n) => change({ new_password: `${newPassword} ${n}` })));
    const [changed, ...more] = responses.filter(({ status }) => status === 200);
    if (changed === undefined) throw new Error("no change succeeded");
    expect(more).toEqual([]);
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(3);
    expect(calls).toEqual(["setPassword"]);
    const { token } = grantOf(changed);
    expect(await admission(world.ampho, token)).toBe("in");
    expect(await admission(world.ampho, mine.token)).toBe("invalid_token");
    expect(await admission(world.ampho, other.token)).not.toBe("in");
    expect((await world.renew(other.refresh_token)).status).toBe(401);
    expect(await world.events()).toContain("password_changed");
    expect((await world.call("DELETE", "/password", { bearer: token })).status).toBe(405);
    expect((await logInBy(world, { login: ann, password })).status).toBe(401);
    grantOf(await logInBy(world, { login: ann, password: rows[0]?.password }));
  });

  describe("a new password in the table of the application", () => {
    const openChanging = async () => {
      const { world, rows, table } = await open(ground, "setPassword");
      const logIn = (given: string, bearer?: string) => logInBy(world, { login: ann, password: given }, { bearer });
      const change = (bearer: string, from: string, to: string) =>
        world.call("POST", "/password", { bearer, body: { password: from, new_password: to } });
      const reset = async () => {
        const { transaction, mail } = await askedReset(world, ann);
        return () => finishReset(world, { transaction, code: mail.code, new_password: newPassword });
      };
      const isOver = async ({ token, refresh_token }: FullGrant) =>
        (await admission(world.ampho, token)) === "invalid_token" && (await world.renew(refresh_token)).status === 401;
      /** Runs `work` once in the next call of the hook. */
      const once = (hook: "beforeStore" | "afterFind" | "afterVerify", work: () => Promise<unknown>) => {
        table[hook] = async () => {
          table[hook] = async () => {};
          await work();
        };
      };
      return { world, rows, table, logIn, change, reset, isOver, once };
    };

    it("the old password opens, raises and changes nothing while the new one is stored", async () => {
      const { world, rows, logIn, change, reset, once } = await openChanging();
      const other = grantOf(await logIn(password));
      const meanwhile: unknown[] = [];
      const attempt = (given: string, bearer?: string) => async () =>
        meanwhile.push(outcomeOf(await logIn(given, bearer)));
      once("beforeStore", attempt(password));
      expect((await (await reset())()).status).toBe(204);
      const own = grantOf(await logIn(newPassword));
      once("beforeStore", async () => {
        await attempt(newPassword, own.token)();
        meanwhile.push(outcomeOf(await change(own.token, newPassword, "a third password of 91 herons")));
      });
      expect((await change(own.token, newPassword, password)).status).toBe(200);
      // The change has ended the tokens with which it was asked for.
      expect(meanwhile).toEqual([
        [503, "unavailable"],
        [503, "unavailable"],
        [401, "invalid_token"],
      ]);
      expect(rows[0]?.password).toBe(password);
      expect((await logIn(password)).status).toBe(200);
      expect((await world.renew(other.refresh_token)).status).toBe(401);
    });

    it("a login whose row or check is older than the new password opens no session", async () => {
      const { logIn, change, once } = await openChanging();
      for (const [hook, from, to] of [
        ["afterVerify", password, newPassword],
        ["afterFind", newPassword, password],
      ] as const) {
        const { token } = grantOf(await logIn(from));
        once(hook, async () => expect((await change(token, from, to)).status).toBe(200));
        expect(outcomeOf(await logIn(from))).toEqual(wrong);
        expect((await logIn(to)).status).toBe(200);
      }
    });

    it("a function that fails after it has stored the password leaves the account usable", async () => {
      const { table, logIn, reset } = await openChanging();
      const finish = await reset();
      table.afterStore = async () => {
        table.afterStore = async () => {};
        throw new Error("the connection was lost after the commit");
      };
      expect((await finish()).status).toBe(503);
      expect(outcomeOf(await logIn(password))).toEqual(wrong);
      expect((await logIn(newPassword)).status).toBe(200);
      expect((await (await reset())()).status).toBe(204);
    });

    it("the mark of a process that ended while it stored a password ends after thirty seconds", async () => {
      const { world, logIn, change, once } = await openChanging();
      const { token } = grantOf(await logIn(password));
      let release = () => {};
      once(
        "beforeStore",
        () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
      );
      const changing = change(token, password, newPassword);
      await expect.poll(async () => outcomeOf(await logIn(password))).toEqual([503, "unavailable"]);
      // A login that has read the row before the table stored the password can be verified by then.
      world.clock.advance(29);
      expect(outcomeOf(await logIn(password))).toEqual([503, "unavailable"]);
      world.clock.advance(1);
      const late = grantOf(await logIn(password));
      release();
      expect((await changing).status).toBe(200);
      // The table has stored the password later than it should.
      expect((await world.renew(late.refresh_token)).status).toBe(401);
      expect(outcomeOf(await logIn(password))).toEqual(wrong);
    });
  });

  it("a user whom the application has renamed can change the password, because the session has the id", async () => {
    const { world, rows } = await open(ground, "setPassword");
    const { token: bearer } = await world.login(ann);
    Object.assign(rows[0] ?? {}, { login: "anna@x.example", email: "anna@x.example" });
    const change = (body: object) => world.call("POST", "/password", { bearer, body });
    expect(outcomeOf(await change({ password: "wrong", new_password: newPassword }))).toEqual(wrong);
    expect(outcomeOf(await change({ password, new_password: newPassword }))).toEqual([200]);
    expect(rows[0]?.password).toBe(newPassword);
  });

  it("a registration calls `create` with the proven address, and a second one for it opens no session", async () => {
    const { world, rows, calls } = await open(ground, "create");
    const email = "new@x.example";
    const register = async () => {
      const { transaction } = await begin(world, "/register", { email });
      const { code } = await world.mail("register", email);
      return () => world.call("POST", "/register/finish", { body: { transaction, code, password } });
    };
    const [first, second] = [await register(), await register()];
    const weak = (await begin(world, "/register", { email })).transaction;
    const { code } = await world.mail("register");
    const body = { transaction: weak, code, password: "short" };
    expect(outcomeOf(await world.call("POST", "/register/finish", { body }))).toEqual([400, "password_rejected"]);
    expect(calls).toEqual([]);
    const grant = grantOf(await first());
    expect(claimsOf(grant.token)).toMatchObject({ sub: `id of ${email}`, login: email });
    expect(outcomeOf(await second())).toEqual(over);
    expect(outcomeOf(await first())).toEqual(over);
    expect(rows.filter((row) => row.email === email)).toHaveLength(1);
    const events = (await world.events()).filter((event) => event.startsWith("regist"));
    expect(events).toEqual(["registered", "registration_rejected: email_taken"]);
    const known = await begin(world, "/register", { email: ann });
    await world.mail("account_exists", ann);
    expect(known.transaction).toBeTruthy();
  });

  it("a lost response to a registration is returned again for the same Idempotency-Key, and never to another user", async () => {
    const { world, rows, calls } = await open(ground, "create");
    const email = "new@x.example";
    const { transaction } = await begin(world, "/register", { email });
    const { code } = await world.mail("register", email);
    const send = (key: string | undefined) =>
      world.call("POST", "/register/finish", {
        body: { transaction, code, password },
        headers: key === undefined ? {} : { "Idempotency-Key": `${key}-0123456789abcdef` },
      });
    const [first, again] = [grantOf(await send("one")), grantOf(await send("one"))];
    expect(claimsOf(again.token)["sid"]).toBe(claimsOf(first.token)["sid"]);
    expect(calls).toEqual(["create"]);
    for (const key of ["two", undefined]) expect(outcomeOf(await send(key))).toEqual(over);
    for (const change of [{ disabled: true }, { disabled: false, id: "another" }]) {
      Object.assign(rows[1] ?? {}, change);
      expect(outcomeOf(await send("one"))).toEqual(over);
    }
    Object.assign(rows[1] ?? {}, { id: `id of ${email}` });
    await world.ampho.sessions.endForUser(`id of ${email}`);
    expect(outcomeOf(await send("one"))).toEqual(over);
    expect(rows).toHaveLength(2);
  });

  it("two requests of one registration at once, with the same Idempotency-Key, get the same session", async () => {
    const { world, rows, table, calls } = await open(ground, "create");
    const email = "new@x.example";
    const { transaction } = await begin(world, "/register", { email });
    const { code } = await world.mail("register", email);
    const headers = { "Idempotency-Key": "one-0123456789abcdef" };
    const send = () => world.call("POST", "/register/finish", { body: { transaction, code, password }, headers });
    let arrived = () => {};
    const both = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    table.beforeCreate = async () => {
      if (calls.length === 1) return both;
      arrived();
      await Promise.race(requests);
    };
    const requests = [send(), send()];
    const [one, two] = (await Promise.all(requests)).map((response) => claimsOf(grantOf(response).token)["sid"]);
    expect(calls).toEqual(["create", "create"]);
    expect([two, rows.length]).toEqual([one, 2]);
  });

  it("a registration that finds the address of another user opens no session, also for an Idempotency-Key", async () => {
    const { world, rows } = await open(ground, "create");
    const email = "new@x.example";
    const { transaction } = await begin(world, "/register", { email });
    const { code } = await world.mail("register", email);
    rows.push(person(email));
    const headers = { "Idempotency-Key": "one-0123456789abcdef" };
    const body = { transaction, code, password };
    for (let n = 0; n < 2; n += 1)
      expect(outcomeOf(await world.call("POST", "/register/finish", { body, headers }))).toEqual(over);
    expect(await world.ampho.sessions.list(`id of ${email}`)).toEqual([]);
  });

  it("the recovery codes of a registration that is returned again work, and those of the lost response do not", async () => {
    const { world } = await open(ground, "create");
    const email = "new@x.example";
    world.clock.advance(61);
    const begun = challengeOf(await world.call("POST", "/register", { body: { email } }));
    const { code } = await world.mail("register", email);
    const passkey = register(createSubject(-7), begun.challenge);
    const send = (sent = passkey) =>
      world.call("POST", "/register/finish", {
        body: { transaction: begun.transaction, code, passkey: sent },
        headers: { "Idempotency-Key": "one-0123456789abcdef" },
      });
    const [lost, again] = [await send(), await send()];
    expect(claimsOf(grantOf(again).token)["sid"]).toBe(claimsOf(grantOf(lost).token)["sid"]);
    expect(await admission(world.ampho, grantOf(again).token)).toBe("in");
    // Another passkey under the same key is no repetition, and replaces no code.
    expect(outcomeOf(await send(register(createSubject(-7), begun.challenge)))).toEqual(over);
    const use = async ({ json }: typeof lost) => {
      const [recovery_code] = textsOf(json["recovery_codes"]);
      const { transaction, mail } = await asked(world, email);
      const needed = await logInBy(world, { transaction, code: mail.code });
      return logInBy(world, { transaction: needed.json["transaction"], recovery_code });
    };
    expect(outcomeOf(await use(lost))).toEqual(wrong);
    expect((await use(again)).json["recovery_codes_left"]).toBe(7);
  });

  it("a change of address calls `setEmail`, and reports an address that another user got meanwhile", async () => {
    const { world, rows, calls, table } = await open(ground, "setEmail");
    const change = (email: string) => begunChange(world, email);
    const late = await change("late@x.example");
    rows.push(person("late@x.example"));
    expect(outcomeOf(await late())).toEqual([409, "email_taken"]);
    expect([calls, await world.countMails("email_changed")]).toEqual([[], 0]);
    const own = await change("own@x.example");
    const responses = await Promise.all([1, 2, 3, 4].map(own));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    expect([calls, rows[0]?.email]).toEqual([["setEmail"], "own@x.example"]);
    const lost = await change("lost@x.example");
    table.beforeEmail = async () => void rows.push(person("lost@x.example"));
    expect(outcomeOf(await lost())).toEqual([409, "email_taken"]);
    expect(rows[0]?.email).toBe("own@x.example");
  });

  it("a change of address while the sessions end notifies the old address, and an ended session changes nothing", async () => {
    const { world, rows, calls, table } = await open(ground, "setEmail");
    const end = () => world.ampho.sessions.endForUser(`id of ${ann}`);
    const ended = await begunChange(world, "ended@x.example");
    await end();
    expect(outcomeOf(await ended())).toEqual([401, "invalid_token"]);
    expect([calls, rows[0]?.email, await world.countMails("email_changed")]).toEqual([[], ann, 0]);
    const evil = await begunChange(world, "evil@x.example");
    table.beforeEmail = async () => void (await end());
    expect(outcomeOf(await evil())).toEqual([200]);
    expect([rows[0]?.email, await world.countMails("email_changed")]).toEqual(["evil@x.example", 1]);
    // The last mail to a former mailbox has no link.
    expect((await world.mail("email_changed", ann)).alarm).toBe("");
    expect((await world.events()).filter((event) => event === "email_changed")).toHaveLength(1);
  });

  it("a change of address whose function throws notifies the old address, because the table can have changed", async () => {
    const { world, rows, calls, table } = await open(ground, "setEmail");
    const finish = await begunChange(world, "own@x.example");
    table.isReadOnly = true;
    expect(outcomeOf(await finish())).toEqual([503, "unavailable"]);
    expect([calls, rows[0]?.email, await world.countMails("email_changed")]).toEqual([["setEmail"], ann, 1]);
    table.isReadOnly = false;
    // The tokens were replaced with the notice, and the response that had the new ones was lost.
    expect(outcomeOf(await finish())).toEqual([401, "invalid_token"]);
    expect((await (await begunChange(world, "own@x.example"))()).status).toBe(200);
  });

  it("a table that fails between request and code returns 503, and the code works later", async () => {
    const { world, table, rows } = await open(ground, "setPassword");
    const login = await asked(world, ann);
    const reset = await askedReset(world, ann);
    table.isDown = true;
    const finish = { transaction: login.transaction, code: login.mail.code };
    const change = { transaction: reset.transaction, code: reset.mail.code };
    expect((await logInBy(world, finish)).status).toBe(503);
    expect((await finishReset(world, change)).status).toBe(503);
    expect((await world.call("POST", "/login/mail", { body: { login: ann } })).status).not.toBe(200);
    table.isDown = false;
    grantOf(await logInBy(world, finish));
    expect((await finishReset(world, change)).status).toBe(204);
    expect(rows[0]?.password).toBe(newPassword);
  });

  it("a user who is disabled, lost or changed in the table since the request gets no session", async () => {
    for (const change of [
      { disabled: true },
      { login: "renamed@x.example", email: "renamed@x.example" },
      { email: "other@x.example" },
    ]) {
      const { world, rows } = await open(ground, "setPassword");
      const { transaction, match, mail } = await asked(world, ann);
      Object.assign(rows[0] ?? {}, change);
      for (const body of [
        { transaction, code: mail.code },
        { link: mail.link, match },
      ])
        expect(outcomeOf(await logInBy(world, body))).toEqual(wrong);
    }
  });

  it("other spellings of a login that the table accepts give a stranger no further mails or codes", async () => {
    const { world } = await open(ground, "setPassword");
    const spellings = [ann, " ann@x.example", "ann@x.example ", "  ann@x.example"];
    for (const login of spellings) await world.call("POST", "/login/mail", { body: { login } });
    expect(await world.countMails("login")).toBe(1);
  });
});
