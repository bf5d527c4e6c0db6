// A change of the address for a user who has lost the mailbox: it waits seven days, in which the mailbox can stop it
// (docs/reference/changes.md). Everything that ends what was begun ends it, before its code is mailed and after.
import { describe, expect, it } from "vitest";
import { admission, type FullGrant, grantOf, password, type Sent } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { ownTable } from "./changes.js";
import {
  addPerson,
  asked,
  askedReset,
  confirm,
  finishReset,
  leavingNotice,
  logInBy,
  type Mailing,
  newPassword,
  openMailing,
  otherDigits,
  over,
  raiseAlarm,
  waitOut,
  wrong,
} from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf } from "./owners.js";

const day = 86_400;
const address = "ann@example.org";
const next = "ann@new.example";

type Users = ReturnType<typeof ownTable> | undefined;

async function openPlace(ground: Ground, users: Users) {
  const world = await openMailing(ground, { throttleAttempts: 1_000, users, mailContact: "help@example.org" });
  await addPerson(world, address, password);
  world.clock.advance(301);
  return world;
}

const enter = async (world: Mailing, secret = password): Promise<FullGrant> =>
  grantOf(await world.call("POST", "/login", { body: { login: address, password: secret } }));

const later = (world: Mailing, { token: bearer }: FullGrant, email = next, more: object = {}) =>
  world.callOnce("POST", "/account/email", { bearer, body: { email, later: true, ...more } });

const finish = (world: Mailing, { token: bearer }: FullGrant, code: string) =>
  world.callOnce("POST", "/account/email/finish", { bearer, body: { code, later: true } });

const account = (world: Mailing, { token: bearer }: FullGrant) => world.callOnce("GET", "/account", { bearer });

const waiting = async (world: Mailing, session: FullGrant) => (await account(world, session)).json["email_change"];

/** Begins a change, whose first mail is taken. */
async function begun(world: Mailing) {
  const session = await enter(world);
  const response = await later(world, session);
  expect(response.status, response.text).toBe(200);
  return { session, first: await leavingNotice(world, address), from: Number(response.json["from"]) };
}

/** The code, on its day. */
async function codeOf(world: Mailing, to = next): Promise<string> {
  await waitOut(world, address);
  return (await world.mail("email_later", to)).code;
}

const open = async (ground: Ground, world: Mailing) => {
  const sql = "select kind from ampho_mail where kind in ('email_leaving', 'email_later') and address <> ''";
  return (await ground.sql(world, sql)).map((row) => row["kind"]);
};

/** Each ends a change that waits, and returns the password of the account if that is a new one. */
const enders: Readonly<Record<string, (world: Mailing, session: FullGrant) => Promise<string | undefined>>> = {
  async "any session stops it"(world) {
    const session = await enter(world);
    world.clock.advance(301);
    const stopped = await world.callOnce("DELETE", "/account/email", { bearer: session.token });
    expect(stopped.status).toBe(204);
    return undefined;
  },
  async "a new password"(world) {
    const { token: bearer } = await enter(world);
    grantOf(await world.callOnce("POST", "/password", { bearer, body: { password, new_password: newPassword } }));
    return newPassword;
  },
  async "a reset"(world) {
    const { transaction, mail } = await askedReset(world, address);
    expect((await finishReset(world, { transaction, code: mail.code })).status).toBe(204);
    return newPassword;
  },
  async "a login by mail"(world) {
    const { transaction, mail } = await asked(world, address);
    expect((await logInBy(world, { transaction, code: mail.code })).status).toBe(200);
    return undefined;
  },
  async "a code that confirms a change"(world) {
    await confirm(world, (await enter(world)).token, "first_factor");
    return undefined;
  },
  async "the end of the user's sessions"(world, { token }) {
    await world.ampho.sessions.endForUser(String(claimsOf(token)["sub"]));
    return undefined;
  },
  async "the end of all sessions"(world) {
    await world.ampho.sessions.endForEveryone();
    return undefined;
  },
};

/** The same for users of the database. */
const ofOperators: typeof enders = {
  async "an operator's address"(world) {
    await world.ampho.users.setEmail(address, address, { reason: "Checked by a call." });
    return undefined;
  },
  async "a disabled user"(world) {
    await world.ampho.users.disable(address);
    await world.ampho.users.enable(address);
    return undefined;
  },
};

onBothDatabases((ground) => {
  for (const [table, users] of [
    ["the database", () => undefined],
    ["an application's own table", ownTable],
  ] as const)
    describe(`with users of ${table}`, () => {
      it("the mailbox gets three mails in seven days, and then a code for the new address moves the account", async () => {
        const world = await openPlace(ground, users());
        const { session, first, from } = await begun(world);
        expect(from).toBe(world.clock.now() + 7 * day);
        expect(first.text).toContain(`becomes a…@new.example`);
        expect(await waiting(world, session)).toEqual({ to: next, from });
        expect(await world.callOnce("GET", "/account", { bearer: session.token })).toMatchObject({
          json: { email: address },
        });
        for (const wait of [3, 3]) {
          world.clock.advance(wait * day);
          expect((await leavingNotice(world, address)).alarm).not.toBe("");
        }
        world.clock.advance(day - 1);
        expect(await world.ampho.mail.list()).toContainEqual(
          expect.objectContaining({ kind: "email_later", attempts: 0, next: from }),
        );
        expect(world.mails.filter(({ to }) => to === next)).toEqual([]);
        world.clock.advance(1);
        const mail = await world.mail("email_later", next);
        expect(mail.text).toContain("3 days");
        const owner = await enter(world);
        expect(outcomeOf(await finish(world, owner, otherDigits(mail.code)))).toEqual(wrong);
        const moved = grantOf(await finish(world, owner, mail.code));
        expect(await admission(world.ampho, owner.token)).toBe("invalid_token");
        expect((await account(world, moved)).json).toMatchObject({ email: next, email_change: null });
        expect((await world.mail("email_changed", address)).alarm).toBe("");
        expect(outcomeOf(await finish(world, moved, mail.code))).toEqual(over);
        expect(await open(ground, world)).toEqual([]);
        const events = (await world.events()).filter((event) => event.startsWith("email_chang"));
        expect(events).toEqual(["email_change_begun", "email_changed"]);
      });

      const ends = Object.entries(users() ? enders : { ...enders, ...ofOperators });
      it.each(ends.flatMap(([name, end]) => [false, true].map((isMailed) => ({ name, end, isMailed }))))(
        "$name ends it with its mails, its code was mailed: $isMailed",
        async ({ end, isMailed }) => {
          const world = await openPlace(ground, users());
          const { session } = await begun(world);
          const code = isMailed ? await codeOf(world) : "12345678";
          world.clock.advance(60);
          const secret = await end(world, session);
          if (!isMailed) expect(await open(ground, world)).toEqual([]);
          const owner = await enter(world, secret);
          expect(await waiting(world, owner)).toBeNull();
          expect(outcomeOf(await finish(world, owner, code))).toEqual(over);
          expect((await account(world, owner)).json["email"]).toBe(address);
        },
      );

      it.each([false, true])(
        "the alarm link of its first mail ends it as long as its code is good, the code was mailed: %s",
        async (isMailed) => {
          const world = await openPlace(ground, users());
          const { first } = await begun(world);
          await waitOut(world, address);
          world.clock.advance((isMailed ? 3 * day : 0) - 60);
          const code = isMailed ? (await world.mail("email_later", next)).code : "12345678";
          expect((await raiseAlarm(world, first.alarm)).status).toBe(204);
          const { link } = await world.mail("alarm_reset", address);
          expect((await finishReset(world, { link })).status).toBe(204);
          world.clock.advance(30);
          const owner = await enter(world, newPassword);
          expect(await waiting(world, owner)).toBeNull();
          expect(outcomeOf(await finish(world, owner, code))).toEqual(over);
          expect(await world.countMails("email_later")).toBe(0);
          expect((await world.events()).filter((event) => event.startsWith("email_change_stopped"))).toEqual([
            "email_change_stopped: alarm",
          ]);
        },
      );

      it("a second session that begins one waits again, a day later, and the first code is void", async () => {
        const world = await openPlace(ground, users());
        await begun(world);
        const other = await enter(world);
        expect(outcomeOf(await later(world, other, "bob@new.example"))).toEqual([429, "too_many_attempts"]);
        world.clock.advance(6 * day);
        const again = await enter(world);
        const replaced = await later(world, again, "bob@new.example");
        expect(replaced.json["from"]).toBe(world.clock.now() + 7 * day);
        expect((await world.events()).filter((event) => event.startsWith("email_change_"))).toEqual([
          "email_change_begun",
          "email_change_stopped: replaced",
          "email_change_begun",
        ]);
        await leavingNotice(world, address);
        expect(await world.countMails("email_later")).toBe(1);
        await waitOut(world, address);
        const { code } = await world.mail("email_later", "bob@new.example");
        expect((await finish(world, await enter(world), code)).status).toBe(200);
        expect(world.mails.filter(({ to }) => to === next)).toEqual([]);
      });

      it("the code has its effect for one of many requests, in two processes", async () => {
        const world = await openPlace(ground, users());
        await begun(world);
        const code = await codeOf(world);
        const process = await world.another();
        const sessions = await Promise.all(Array.from({ length: 6 }, () => enter(world)));
        const all = await Promise.all(
          sessions.map(({ token: bearer }, n) =>
            (n % 2 === 0 ? world.callOnce : process.call)("POST", "/account/email/finish", {
              bearer,
              body: { code, later: true },
            }),
          ),
        );
        expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
        expect((await world.events()).filter((event) => event === "email_changed")).toHaveLength(1);
      });

      it("the code is good for its account alone, for three days, and for five attempts", async () => {
        const world = await openPlace(ground, users());
        const ben = await addPerson(world, "ben@example.org", password);
        await begun(world);
        const code = await codeOf(world);
        const stranger = grantOf(await world.call("POST", "/login", { body: { login: "ben@example.org", password } }));
        expect(claimsOf(stranger.token)["sub"]).toBe(claimsOf(ben.token)["sub"]);
        expect(outcomeOf(await finish(world, stranger, code))).toEqual(over);
        const owner = await enter(world);
        for (let attempt = 0; attempt < 5; attempt++)
          expect(outcomeOf(await finish(world, owner, otherDigits(code)))).toEqual(wrong);
        expect(outcomeOf(await finish(world, owner, code))).toEqual(over);
        world.clock.advance(day);
        expect((await later(world, await enter(world))).status).toBe(200);
        await leavingNotice(world, address);
        const late = await codeOf(world);
        world.clock.advance(3 * day);
        const session = await enter(world);
        expect(await waiting(world, session)).toBeNull();
        expect(outcomeOf(await finish(world, session, late))).toEqual(over);
      });

      it("an address that another account has got meanwhile stays with it", async () => {
        const world = await openPlace(ground, users());
        await begun(world);
        await addPerson(world, next, password);
        const code = await codeOf(world);
        const owner = await enter(world);
        expect(outcomeOf(await finish(world, owner, code))).toEqual([409, "email_taken"]);
        expect((await account(world, owner)).json["email"]).toBe(address);
      });

      it("an old login neither begins it nor enters its code, and an account without a mailbox needs none", async () => {
        const world = await openPlace(ground, users());
        const { session } = await begun(world);
        world.clock.advance(301);
        expect(outcomeOf(await later(world, session))).toEqual([401, "login_too_old"]);
        expect(outcomeOf(await finish(world, session, "12345678"))).toEqual([401, "login_too_old"]);
        world.clock.advance(day);
        const owner = await enter(world);
        expect(outcomeOf(await later(world, owner, "ANN@example.org"))).toEqual([400, "invalid_request"]);
        expect(outcomeOf(await finish(world, owner, "12345678"))).toEqual(over);
        if (users() !== undefined) return;
        await world.ampho.users.create({ login: "cleo", password, email: "cleo@example.org" });
        const cleo = await world.login("cleo");
        expect(outcomeOf(await later(world, cleo, "cleo@new.example"))).toEqual([400, "invalid_request"]);
      });

      it("the address becomes the login name too, and any session that stops nothing changes nothing", async () => {
        const world = await openPlace(ground, users());
        const session = await enter(world);
        const stop = (sent: Sent) => world.callOnce("DELETE", "/account/email", sent);
        expect((await stop({ bearer: session.token })).status).toBe(204);
        expect((await later(world, session, next, { login: true })).status).toBe(200);
        await leavingNotice(world, address);
        const code = await codeOf(world);
        grantOf(await finish(world, await enter(world), code));
        grantOf(await world.call("POST", "/login", { body: { login: next, password } }));
        expect((await world.events()).filter((event) => event.startsWith("email_change_stopped"))).toEqual([]);
      });
    });
});
