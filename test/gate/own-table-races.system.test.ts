// An application's own user table whose functions take time, while the account changes.
import { describe, expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { admission, grantOf, password } from "../world/ampho.js";
import { pause } from "../world/wait.js";
import {
  asked,
  askedReset,
  confirm,
  finishReset,
  leavingNotice,
  logInBy,
  newPassword,
  openMailing,
  over,
  raiseAlarm,
  waitOut,
  wrong,
} from "./mailboxes.js";
import { codeAt, type Ground, onBothDatabases, outcomeOf, setUp } from "./owners.js";

interface Person extends ApplicationUser {
  login: string;
  email: string;
  emailProven: boolean;
  password: string;
}

const person = (name: string): Person => ({
  id: `id of ${name}`,
  login: name,
  email: `${name}@x.example`,
  emailProven: true,
  password,
});

type Wait = () => Promise<unknown>;
const nothing: Wait = async () => undefined;

/** Ann and Mallory. Each hook runs once, at the end of the next call of its function. */
async function open(ground: Ground) {
  const rows = [person("ann"), person("mallory")];
  const hooks: Record<"findById" | "verify" | "setPassword" | "setEmail" | "setLogin" | "remove", Wait> = {
    findById: nothing,
    verify: nothing,
    setPassword: nothing,
    setEmail: nothing,
    setLogin: nothing,
    remove: nothing,
  };
  async function ended<T>(name: keyof typeof hooks, result: T): Promise<T> {
    const hook = hooks[name];
    hooks[name] = nothing;
    await hook();
    return result;
  }
  const change = (user: ApplicationUser, changes: Partial<Person>) =>
    void Object.assign(rows.find(({ id }) => id === user.id) ?? {}, changes);
  const copyOf = (row: Person | undefined) => row && { ...row };
  const world = await openMailing(ground, {
    users: {
      find: async (text) => copyOf(rows.find(({ login, email }) => login === text || email === text)),
      findById: (id) => ended("findById", copyOf(rows.find((row) => row.id === id))),
      verify: (user: Person, given) => ended("verify", user.password === given),
      async setPassword(user, given) {
        await ended("setPassword", undefined);
        change(user, { password: given });
      },
      async setEmail(user, email) {
        await ended("setEmail", undefined);
        change(user, { email, emailProven: true });
        return true;
      },
      async setLogin(user, login) {
        await ended("setLogin", undefined);
        if (rows.some((row) => row.login === login)) return false;
        change(user, { login });
        return true;
      },
      async remove(user) {
        await ended("remove", undefined);
        rows.splice(0, rows.length, ...rows.filter(({ id }) => id !== user.id));
      },
    },
  });
  const logIn = (login: string, given = password) => logInBy(world, { login, password: given });
  const enter = async (login: string) => grantOf(await logIn(login)).token;
  const rename = (bearer: string, login: string) => world.call("POST", "/account/login", { bearer, body: { login } });
  const remove = (bearer: string) => world.call("DELETE", "/account", { bearer });
  const changePassword = (bearer: string, from: string, to: string) =>
    world.call("POST", "/password", { bearer, body: { password: from, new_password: to } });
  const events = async (event: string) => (await world.events()).filter((one) => one === event).length;
  return { world, rows, hooks, logIn, enter, rename, remove, changePassword, events };
}

/** A hook that lasts until the test ends it. */
function held() {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { wait: () => until, release: () => release() };
}

onBothDatabases((ground) => {
  it("a login cannot become the address of another person, because the owner of the address would get the account", async () => {
    const { rows, enter, rename } = await open(ground);
    const token = await enter("mallory");
    for (const login of ["victim@acme.example", "Mallory@x.example.evil", "ann@x.example"])
      expect(outcomeOf(await rename(token, login))).toEqual([400, "invalid_request"]);
    expect(rows[1]?.login).toBe("mallory");
    Object.assign(rows[1] ?? {}, { emailProven: false });
    expect(outcomeOf(await rename(token, "mallory@x.example"))).toEqual([400, "invalid_request"]);
    Object.assign(rows[1] ?? {}, { emailProven: true });
    expect(outcomeOf(await rename(token, "mallory@x.example"))).toEqual([204]);
  });

  it("a login in progress opens no session with the login that its user has just given up", async () => {
    const { world, hooks, logIn, enter, rename } = await open(ground);
    const token = await enter("ann");
    hooks.verify = async () => expect((await rename(token, "anna")).status).toBe(204);
    expect(outcomeOf(await logIn("ann"))).toEqual(wrong);
    expect(await world.ampho.sessions.list("id of ann")).toEqual([]);
    expect((await logIn("anna")).status).toBe(200);
  });

  it("a login in progress opens no session of a user who has just deleted the account", async () => {
    const { world, hooks, logIn, enter, remove } = await open(ground);
    const token = await enter("ann");
    hooks.verify = async () => expect((await remove(token)).status).toBe(204);
    expect((await logIn("ann")).status).not.toBe(200);
    expect(await world.ampho.sessions.list("id of ann")).toEqual([]);
  });

  it("a session that ends while its user is looked up renames and deletes nothing", async () => {
    const { world, rows, hooks, enter, rename, remove, events } = await open(ground);
    const changes = [
      { change: "login_changed", run: (token: string) => rename(token, "anna") },
      { change: "account_removed", run: remove },
    ];
    for (const { change, run } of changes) {
      const { token } = await confirm(world, await enter("ann"), change);
      hooks.findById = () => world.ampho.sessions.endForUser("id of ann");
      expect(outcomeOf(await run(token))).toEqual([401, "invalid_token"]);
    }
    expect(rows.map(({ login }) => login)).toEqual(["ann", "mallory"]);
    expect([await events("login_changed"), await events("account_removed")]).toEqual([0, 0]);
  });

  it("one confirmation allows one rename and one deletion, while the table is slow too", async () => {
    const { world, rows, hooks, enter, events } = await open(ground);
    const rename = (bearer: string, login: string) =>
      world.callOnce("POST", "/account/login", { bearer, body: { login } });
    const { token: ann } = await confirm(world, await enter("ann"), "login_changed");
    const again = [401, "confirmation_needed"];
    hooks.setLogin = async () => expect(outcomeOf(await rename(ann, "eve"))).toEqual(again);
    expect(outcomeOf(await rename(ann, "anna"))).toEqual([204]);
    const { token: mallory } = await confirm(world, await enter("mallory"), "account_removed");
    const remove = () => world.callOnce("DELETE", "/account", { bearer: mallory });
    hooks.remove = async () => expect(outcomeOf(await remove())).toEqual(again);
    expect(outcomeOf(await remove())).toEqual([204]);
    expect(rows.map(({ login }) => login)).toEqual(["anna"]);
    expect([await events("login_changed"), await events("account_removed")]).toEqual([1, 1]);
  });

  it("a table that changes nothing, or fails, leaves the confirmation", async () => {
    const { world, rows, hooks, enter, remove } = await open(ground);
    const rename = (bearer: string, login: string) =>
      world.callOnce("POST", "/account/login", { bearer, body: { login } });
    const fails = () => Promise.reject(new Error("no connection"));
    const { token: ann } = await confirm(world, await enter("ann"), "login_changed");
    expect(outcomeOf(await rename(ann, "mallory"))).toEqual([409, "login_taken"]);
    hooks.setLogin = fails;
    expect(outcomeOf(await rename(ann, "anna"))).toEqual([503, "unavailable"]);
    expect(outcomeOf(await rename(ann, "anna"))).toEqual([204]);
    const { token: mallory } = await confirm(world, await enter("mallory"), "account_removed");
    hooks.remove = fails;
    expect(outcomeOf(await remove(mallory))).toEqual([503, "unavailable"]);
    expect(outcomeOf(await world.callOnce("DELETE", "/account", { bearer: mallory }))).toEqual([204]);
    expect(rows.map(({ login }) => login)).toEqual(["anna"]);
  });

  const next = "ann@new.example";

  /** The code of an address that has waited, and becomes the login name too. */
  async function waited({ world, enter }: Awaited<ReturnType<typeof open>>) {
    const body = { email: next, later: true, login: true };
    const begun = await world.callOnce("POST", "/account/email", { bearer: await enter("ann"), body });
    expect(begun.status, begun.text).toBe(200);
    const { alarm } = await leavingNotice(world);
    await waitOut(world);
    const { code } = await world.mail("email_later", next);
    const finish = (bearer: string) =>
      world.callOnce("POST", "/account/email/finish", { bearer, body: { code, later: true } });
    return { alarm, finish };
  }

  it("a change of the address that waits is used up before the table gets the login name", async () => {
    const place = await open(ground);
    const { world, rows, hooks, enter, events } = place;
    const { finish } = await waited(place);
    const token = await enter("ann");
    Object.assign(rows[1] ?? {}, { login: next });
    expect(outcomeOf(await finish(token))).toEqual([409, "email_taken"]);
    Object.assign(rows[1] ?? {}, { login: "mallory" });
    hooks.setLogin = async () => {
      expect(outcomeOf(await finish(token))).toEqual(over);
      expect((await world.callOnce("DELETE", "/account/email", { bearer: token })).status).toBe(204);
    };
    expect((await finish(token)).status).toBe(200);
    expect(rows[0]).toMatchObject({ login: next, email: next });
    expect([await events("email_changed"), await events("email_change_stopped: ended_by_user")]).toEqual([1, 0]);
    await world.mail("email_changed", "ann@x.example");
  });

  it("an alarm while the table gets the login name of a waiting address keeps the address, and the rename is reported", async () => {
    const place = await open(ground);
    const { world, rows, hooks, enter, events } = place;
    const { alarm, finish } = await waited(place);
    const token = await enter("ann");
    hooks.setLogin = async () => expect((await raiseAlarm(world, alarm)).status).toBe(204);
    expect(outcomeOf(await finish(token))).toEqual([401, "invalid_token"]);
    expect(rows[0]).toMatchObject({ login: next, email: "ann@x.example" });
    expect(await events("email_changed")).toBe(1);
    await world.mail("email_changed", "ann@x.example");
  });

  it.each([false, true])("the table gets one of two first addresses at once, as login name too: %s", async (login) => {
    const { world, rows, hooks, enter } = await open(ground);
    Object.assign(rows[0] ?? {}, { email: undefined, emailProven: false });
    const begun = async (email: string) => {
      const bearer = await enter("ann");
      const { json } = await world.callOnce("POST", "/account/email", { bearer, body: { email, login } });
      const { code } = await world.mail("email", email);
      const body = { transaction: json["transaction"], code };
      return () => world.callOnce("POST", "/account/email/finish", { bearer, body });
    };
    const [first, second] = [await begun(next), await begun("eve@x.example")];
    hooks[login ? "setLogin" : "setEmail"] = async () => expect(outcomeOf(await second())).toEqual(wrong);
    expect((await first()).status).toBe(200);
    expect(rows[0]).toMatchObject({ login: login ? next : "ann", email: next });
  });

  it("a change of the login and a deletion that are later than the response end the sessions", async () => {
    const { world, rows, hooks, enter, rename, remove, events } = await open(ground);
    const { token: ann } = await confirm(world, await enter("ann"), "login_changed");
    const { token: mallory } = await confirm(world, await enter("mallory"), "account_removed");
    const [renaming, removing] = [held(), held()];
    hooks.setLogin = renaming.wait;
    hooks.remove = removing.wait;
    const responses = await Promise.all([rename(ann, "anna"), remove(mallory)]);
    expect(responses.map(({ status }) => status)).toEqual([503, 503]);
    for (const token of [ann, mallory]) expect(await admission(world.ampho, token)).toBe("in");
    renaming.release();
    removing.release();
    for (const token of [ann, mallory]) await expect.poll(() => admission(world.ampho, token)).toBe("invalid_token");
    expect(rows.map(({ login }) => login)).toEqual(["anna"]);
    expect([await events("login_changed"), await events("account_removed")]).toEqual([1, 1]);
  });

  it("a mailed code opens no session that stays beside a new password", async () => {
    const { world, hooks, enter, changePassword } = await open(ground);
    let [from, to] = [password, newPassword];
    for (let round = 0; round < 12; round += 1) {
      world.clock.advance(61);
      const { transaction, mail } = await asked(world, "ann");
      const token = grantOf(await logInBy(world, { login: "ann", password: from })).token;
      // The code is checked while the new password is about to be stored, a little earlier in each round.
      let login = Promise.resolve<number | undefined>(undefined);
      hooks.verify = async () => {
        login = logInBy(world, { transaction, code: mail.code }).then(({ status }) => status);
        await pause(round);
      };
      const change = await changePassword(token, from, to);
      expect(change.status).toBe(200);
      expect([200, 401]).toContain(await login);
      expect(await world.ampho.sessions.list("id of ann")).toHaveLength(1);
      [from, to] = [to, from];
    }
    expect(await admission(world.ampho, await enter("mallory"))).toBe("in");
  });

  describe("a new password whose function is very late", () => {
    it.each([
      ["a change", false],
      ["a change, with a second factor", true],
      ["a reset", false],
    ])("an alarm that comes during %s rejects it, and the link of the alarm stays good", async (kind, hasFactor) => {
      const { world, hooks, enter, logIn, changePassword } = await open(ground);
      const token = await enter("ann");
      const { alarm } = await world.mail("new_device", "ann@x.example");
      let bearer = token;
      if (hasFactor) {
        const { secret, transaction } = await setUp(world, token);
        const body = { transaction, totp: codeAt(secret, world.clock.now()) };
        bearer = grantOf(await world.call("POST", "/totp/confirm", { bearer, body })).token;
        await ground.sql(world, "update ampho_totp set confirmed = 1");
      }
      const asked = kind === "a reset" ? await askedReset(world, "ann") : undefined;
      const table = held();
      let isStoring = false;
      hooks.setPassword = () => {
        isStoring = true;
        return table.wait();
      };
      const late = asked
        ? finishReset(world, { transaction: asked.transaction, code: asked.mail.code })
        : changePassword(bearer, password, `${newPassword} too`);
      await expect.poll(() => isStoring).toBe(true);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      const { link } = await world.mail("alarm_reset", "ann@x.example");
      table.release();
      expect(outcomeOf(await late)).toEqual(asked ? over : [401, "invalid_token"]);
      world.clock.advance(31);
      const expected = hasFactor ? [401, "factor_needed"] : [204];
      expect(outcomeOf(await finishReset(world, { link }))).toEqual(expected);
      if (!hasFactor) expect((await logIn("ann", newPassword)).status).toBe(200);
    });

    it("the end of an earlier change leaves the mark of the next one", async () => {
      const { world, hooks, logIn, enter, changePassword } = await open(ground);
      const [first, second] = [held(), held()];
      const token = await enter("ann");
      hooks.setPassword = first.wait;
      const early = changePassword(token, password, newPassword);
      await expect.poll(async () => outcomeOf(await logIn("ann"))).toEqual([503, "unavailable"]);
      world.clock.advance(30);
      const again = await enter("ann");
      hooks.setPassword = second.wait;
      const late = changePassword(again, password, `${newPassword} too`);
      await expect.poll(async () => outcomeOf(await logIn("ann"))).toEqual([503, "unavailable"]);
      first.release();
      expect((await early).status).toBe(200);
      expect(outcomeOf(await logIn("ann", newPassword))).toEqual([503, "unavailable"]);
      second.release();
      expect((await late).status).toBe(200);
      expect(outcomeOf(await logIn("ann", newPassword))).toEqual(wrong);
      expect((await logIn("ann", `${newPassword} too`)).status).toBe(200);
    });
  });
});
