// A change of how a user signs in is confirmed before it happens (docs/reference/changes.md). Each test is an attempt to
// change an account by the password, a copy of a session or a part of a confirmation alone.
import { describe, expect, it } from "vitest";
import type { Message } from "../../dist/index.js";
import { confirmables } from "../../dist/store/sql/effects/changes.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { admission, type FullGrant, grantOf, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { ownTable } from "./changes.js";
import { addPerson, confirm, type Mailing, mailingOf, mailSettings, newPassword, otherDigits } from "./mailboxes.js";
import { link, type Outside, openOutside, signIn } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, outcomeOf, setUp } from "./owners.js";
import { addPasskey, logInWith, passkeySettings } from "./passkey-owners.js";

const address = "ann@example.org";
const needed = [401, "confirmation_needed"];

interface Place {
  readonly world: Mailing;
  readonly outside: Outside;
  readonly ground: Ground;
}

async function openPlace(ground: Ground, users?: ReturnType<typeof ownTable>, acme: object = {}): Promise<Place> {
  const mails: Message[] = [];
  const options = {
    ...mailSettings,
    ...passkeySettings,
    throttleAttempts: 1_000,
    users,
    mail: async (message: Message) => void mails.push(message),
  };
  const outside = await openOutside(ground, { options, acme });
  return { outside, ground, world: mailingOf(ground, outside.world, mails) };
}

/** A session by password of a user with a proven address, and with an app if `hasApp`. */
async function stolenPassword({ world }: Place, hasApp = false): Promise<FullGrant> {
  const { token } = await addPerson(world, address, password);
  let secret: string | undefined;
  if (hasApp) {
    const begun = await setUp(world, token);
    ({ secret } = begun);
    const body = { transaction: begun.transaction, totp: codeAt(secret, world.clock.now()) };
    grantOf(await world.callOnce("POST", "/totp/confirm", { bearer: token, body }));
  }
  world.clock.advance(301);
  const totp = secret && codeAt(secret, world.clock.now());
  return grantOf(await world.call("POST", "/login", { body: { login: address, password, totp } }));
}

// The changes of an account, by what it has. Each is a request with the token of a session.
const changesOf = {
  "without a second factor": [
    ["login_changed", "POST", "/account/login", { login: "ann" }],
    ["email_changed", "POST", "/account/email", { email: "thief@evil.example" }],
    ["names_changed", "POST", "/account/email", { email: "thief@evil.example", login: true }],
    ["first_factor", "POST", "/totp", {}],
    ["first_factor", "POST", "/passkeys/options", {}],
    ["identity_linked", "POST", "/identities", { provider: "acme" }],
    ["account_removed", "DELETE", "/account", {}],
  ],
  "with an app": [
    ["login_changed", "POST", "/account/login", { login: "ann" }],
    ["email_changed", "POST", "/account/email", { email: "thief@evil.example" }],
    ["further_factor", "POST", "/passkeys/options", {}],
    ["factor_replaced", "POST", "/totp", {}],
    ["codes_replaced", "POST", "/recovery-codes", {}],
    ["factor_removed", "DELETE", "/totp", {}],
    ["identity_linked", "POST", "/identities", { provider: "acme" }],
    ["account_removed", "DELETE", "/account", {}],
  ],
} as const;

const tables = ["users", "accounts", "totp", "passkeys", "recovery", "identities", "sessions", "api_keys"];

const rowsOf = async ({ ground, world }: Place) =>
  JSON.stringify(
    await Promise.all(tables.map(async (name) => [name, await ground.sql(world, `select * from ampho_${name}`)])),
  );

onBothDatabases((ground) => {
  for (const [table, users] of [
    ["the database", () => undefined],
    ["an application's own table", ownTable],
  ] as const) {
    describe(`with users of ${table}`, () => {
      it.each(["without a second factor", "with an app"] as const)(
        "the password alone makes no change that must be confirmed, and writes nothing, for an account %s",
        async (kind) => {
          const place = await openPlace(ground, users());
          const { world } = place;
          const { token: bearer } = await stolenPassword(place, kind === "with an app");
          const before = await rowsOf(place);
          for (const [change, method, path, body] of changesOf[kind]) {
            const response = await world.callOnce(method, path, { bearer, body });
            expect([change, ...outcomeOf(response)]).toEqual([change, ...needed]);
            expect(response.json).toMatchObject({ change, ways: ["mail"] });
          }
          expect(await rowsOf(place)).toBe(before);
          expect(await world.countMails("confirm")).toBe(0);
        },
      );

      it.each([
        ["login_changed", "POST", "/account/login", { body: { login: "thief" } }],
        ["account_removed", "DELETE", "/account", {}],
      ] as const)(
        "a copy of the session from before a confirmation makes no %s, also in another process",
        async (...row) => {
          const [change, method, path, more] = row;
          const own = users();
          const place = await openPlace(ground, own);
          const { world } = place;
          const other = await place.outside.world.another();
          const { token: copy } = await stolenPassword(place);
          const { token } = await confirm(world, copy, change);
          // It has not heard of the end of the copy yet, or it has: the database decides.
          expect(outcomeOf(await other.call(method, path, { bearer: copy, ...more }))).toEqual([401, "invalid_token"]);
          if (own !== undefined) expect(await own.find(address)).toMatchObject({ login: address });
          expect((await world.callOnce(method, path, { bearer: token, ...more })).status).toBe(204);
        },
      );

      it("an address that was the login name before becomes it again with the code for the address alone", async () => {
        const place = await openPlace(ground, users());
        const { world } = place;
        const email = (body: object, bearer: string) => world.callOnce("POST", "/account/email", { bearer, body });
        const change = async (bearer: string, body: { readonly email: string; readonly login?: boolean }) => {
          const { token } = await confirm(world, bearer, "email_changed");
          world.clock.advance(61);
          const { transaction } = (await email(body, token)).json;
          const { code } = await world.mail("email", body.email);
          const proof = { transaction, code };
          return grantOf(await world.callOnce("POST", "/account/email/finish", { bearer: token, body: proof })).token;
        };
        const away = await change((await stolenPassword(place)).token, { email: "ann@away.example" });
        world.clock.advance(61);
        await change(away, { email: address, login: true });
        expect((await world.call("POST", "/login", { body: { login: address, password } })).status).toBe(200);
      });

      it("a mailed code confirms one change of the session, and no second one", async () => {
        const place = await openPlace(ground, users());
        const { world } = place;
        const session = await stolenPassword(place);
        const { token: bearer } = await confirm(world, session.token, "first_factor");
        expect(await admission(world.ampho, session.token)).toBe("invalid_token");
        const { secret, transaction } = await setUp(world, bearer);
        const body = { transaction, totp: codeAt(secret, world.clock.now()) };
        const added = grantOf(await world.callOnce("POST", "/totp/confirm", { bearer, body }));
        expect(outcomeOf(await world.callOnce("POST", "/recovery-codes", { bearer: added.token }))).toEqual(needed);
        expect(outcomeOf(await world.callOnce("POST", "/totp", { bearer: added.token }))).toEqual(needed);
        const further = await world.callOnce("POST", "/passkeys/options", { bearer: added.token, body: {} });
        expect(outcomeOf(further)).toEqual(needed);
        const [row] = await ground.sql(world, "select confirmed from ampho_totp");
        expect(Number(row?.["confirmed"])).toBe(1);
      });
    });
  }

  describe("a code that confirms a change", () => {
    it("a code allows no other change, nor the same one after 300 seconds", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place);
      const { token: bearer } = await confirm(world, session.token, "identity_linked");
      expect(outcomeOf(await world.callOnce("POST", "/totp", { bearer }))).toEqual(needed);
      world.clock.advance(200);
      const { token } = grantOf(await world.call("POST", "/login", { body: { login: address, password }, bearer }));
      const begin = () => world.callOnce("POST", "/identities", { bearer: token, body: { provider: "acme" } });
      expect((await begin()).status).toBe(200);
      world.clock.advance(101);
      expect(outcomeOf(await begin())).toEqual(needed);
    });

    it("a code is needed at the end of a set-up too, where nothing is stored without it", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place);
      const confirmed = await confirm(world, session.token, "first_factor");
      const { secret, transaction } = await setUp(world, confirmed.token);
      world.clock.advance(301);
      const body = { transaction, totp: codeAt(secret, world.clock.now()) };
      const finish = (bearer: string) => world.callOnce("POST", "/totp/confirm", { bearer, body });
      expect(outcomeOf(await finish(confirmed.token))).toEqual(needed);
      expect(await ground.sql(world, "select 1 as one from ampho_totp")).toEqual([]);
      // The transaction of the set-up is not used up, so the user does not scan the secret again.
      const login = await world.call("POST", "/login", { body: { login: address, password }, bearer: confirmed.token });
      const again = await confirm(world, grantOf(login).token, "first_factor");
      expect((await finish(again.token)).status).toBe(200);
    });

    it("a code is good for the session and the user that asked for it, once, and not after another change", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place);
      const other = await world.login(address);
      const stranger = await addPerson(world, "ben@example.org", password);
      const ask = async (bearer: string, change: string) => {
        const { json } = await world.callOnce("POST", "/account/confirm", { bearer, body: { change } });
        return { transaction: json["transaction"], code: (await world.mail("confirm", address)).code };
      };
      const finish = (bearer: string, body: object) =>
        world.callOnce("POST", "/account/confirm/finish", { bearer, body });
      const first = await ask(session.token, "first_factor");
      const second = await ask(session.token, "account_removed");
      for (const { token } of [other, stranger])
        expect(outcomeOf(await finish(token, first))).toEqual([401, "transaction_over"]);
      const mixed = { transaction: second.transaction, code: first.code };
      expect(outcomeOf(await finish(session.token, mixed))).toEqual([401, "invalid_credentials"]);
      const { token } = grantOf(await finish(session.token, first));
      // A copy of the session has waited for the code.
      expect(await admission(world.ampho, session.token)).toBe("invalid_token");
      expect((await world.renew(session.refresh_token)).status).toBe(401);
      expect((await finish(token, first)).status).toBe(401);
      expect(outcomeOf(await finish(token, second))).toEqual([401, "invalid_credentials"]);
      expect(outcomeOf(await world.callOnce("DELETE", "/account", { bearer: token }))).toEqual(needed);
    });

    it("a code is used up by one of many requests at the same moment", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place, true);
      const { token: bearer } = await confirm(world, session.token, "codes_replaced");
      const all = await Promise.all(
        Array.from({ length: 8 }, () => world.callOnce("POST", "/recovery-codes", { bearer })),
      );
      expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
      expect((await world.events()).filter((event) => event === "factor_added")).toHaveLength(2);
    });

    it("all sessions together get five codes an hour and 20 a day, and try ten wrong ones an hour", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      await stolenPassword(place);
      const ask = async (change = "account_removed") => {
        const { token: bearer } = await world.login(address);
        return { bearer, ...(await world.callOnce("POST", "/account/confirm", { bearer, body: { change } })) };
      };
      const finish = (bearer: string, transaction: unknown, code: string) =>
        world.callOnce("POST", "/account/confirm/finish", { bearer, body: { transaction, code } });
      const rejected = [];
      let right = "";
      for (let count = 0; count < 3; count++) {
        const { bearer, json } = await ask();
        expect(Object.keys(json).sort()).toEqual(["expires", "transaction"]);
        right = (await world.mail("confirm", address)).code;
        for (let wrong = 0; wrong < 4; wrong++)
          rejected.push((await finish(bearer, json["transaction"], otherDigits(right))).error);
      }
      expect(rejected).toEqual([...Array(10).fill("invalid_credentials"), ...Array(2).fill("too_many_attempts")]);
      for (const change of ["review", "login_changed"]) expect((await ask(change)).status).toBe(200);
      expect(outcomeOf(await ask())).toEqual([429, "too_many_attempts"]);
      for (let hour = 1; hour <= 4; hour++) {
        world.clock.advance(3600);
        const statuses = [];
        for (let count = 0; count < 6; count++) statuses.push((await ask()).status);
        expect([hour, statuses]).toEqual([hour, hour < 4 ? [200, 200, 200, 200, 200, 429] : Array(6).fill(429)]);
      }
    });

    it("a code is mailed only to an account with a proven address, and after a recent login", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      await world.ampho.users.create({ login: "ben", password, email: "ben@example.org" });
      const { token: bearer } = await world.login("ben");
      const ask = (change: string, token = bearer) =>
        world.callOnce("POST", "/account/confirm", { bearer: token, body: { change } });
      for (const change of confirmables) expect(outcomeOf(await ask(change))).toEqual([400, "invalid_request"]);
      expect(outcomeOf(await ask("password_set"))).toEqual([400, "invalid_request"]);
      // Without a mailbox, a recent login is enough.
      await setUp(world, bearer);
      const session = await stolenPassword(place);
      world.clock.advance(301);
      expect(outcomeOf(await ask("first_factor", session.token))).toEqual([401, "login_too_old"]);
    });

    it("a code for a review confirms removals, and nothing else", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place);
      const { token: bearer } = await confirm(world, session.token, "review");
      expect(outcomeOf(await world.callOnce("POST", "/totp", { bearer }))).toEqual(needed);
      expect(outcomeOf(await world.callOnce("DELETE", "/account", { bearer }))).toEqual(needed);
      // The identities were there before.
      const id = claimsOf(bearer)["sub"];
      for (const subject of ["1", "2", "3"])
        await ground.sql(
          world,
          `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
           values ('https://acme.example', '${subject}', '${id}', 'acme', 1)`,
        );
      const outcomes = [];
      let latest = bearer;
      for (const seconds of [290, 600, 100]) {
        world.clock.advance(seconds);
        const login = await world.call("POST", "/login", { body: { login: address, password }, bearer: latest });
        const { token } = grantOf(login);
        const account = await world.callOnce("GET", "/account", { bearer: token });
        const [identity] = account.json["identities"] as readonly { readonly id: string }[];
        const removed = await world.callOnce("DELETE", `/identities/${identity?.id}`, { bearer: token });
        outcomes.push(outcomeOf(removed));
        latest = String(removed.json["token"]);
      }
      expect(outcomes).toEqual([[200], [200], needed]);
    });
  });

  describe("an account without a password", () => {
    it("a first password by the fresh token of a login at a provider needs a code", async () => {
      const place = await openPlace(ground);
      const { world, outside } = place;
      const { token } = await addPerson(world, address, password);
      grantOf(await link(outside, token, { claims: { sub: "ann" } }));
      await ground.sql(world, "update ampho_users set password_hash = null");
      world.clock.advance(301);
      const { token: bearer } = grantOf(await signIn(outside, { claims: { sub: "ann" } }));
      const body = { new_password: newPassword };
      const rejected = await world.callOnce("POST", "/password", { bearer, body });
      expect(rejected.json).toMatchObject({ error: "confirmation_needed", change: "password_added" });
      expect((await world.call("POST", "/password", { bearer, body })).status).toBe(200);
    });
  });

  describe("an identity at an outside provider", () => {
    it("an identity needs no code if its provider speaks for the mailbox of the account, and one for another address", async () => {
      const place = await openPlace(ground, undefined, { address: "believed" });
      const { world, outside } = place;
      const { token } = await stolenPassword(place);
      const reported = (email: string) => ({ claims: { sub: email, email, email_verified: true } });
      expect(outcomeOf(await link(outside, token, reported("thief@evil.example")))).toEqual(needed);
      expect(await ground.sql(world, "select 1 as one from ampho_identities")).toEqual([]);
      expect((await link(outside, token, reported(address))).status).toBe(200);
      const rows = await ground.sql(world, "select confirmed from ampho_identities");
      expect(rows.map((row) => Number(row["confirmed"]))).toEqual([1]);
    });
  });

  describe("nothing is asked", () => {
    it("nothing is asked right after a registration or a login by mail, for any number of changes", async () => {
      const { world } = await openPlace(ground);
      const { token } = await addPerson(world, address, password);
      await setUp(world, token);
      world.clock.advance(301);
      const begun = await world.callOnce("POST", "/login/mail", { body: { login: address } });
      const { code } = await world.mail("login");
      const body = { transaction: begun.json["transaction"], code };
      const { token: bearer } = grantOf(await world.callOnce("POST", "/login", { body }));
      const subject = createSubject(-7);
      const { added } = await addPasskey({ ...world, call: world.callOnce }, bearer, subject);
      const { token: next } = grantOf(added);
      expect((await world.callOnce("POST", "/recovery-codes", { bearer: next })).status).toBe(200);
      expect(await world.countMails("confirm")).toBe(0);
    });

    it("the set-up of a passkey uses the code up, and a step-up with that passkey confirms the next one", async () => {
      const place = await openPlace(ground);
      const { world } = place;
      const session = await stolenPassword(place);
      const { token: bearer } = await confirm(world, session.token, "first_factor");
      const subject = createSubject(-7);
      const { options, added } = await addPasskey({ ...world, call: world.callOnce }, bearer, subject);
      const { token } = grantOf(added);
      const further = (own: string) => world.callOnce("POST", "/passkeys/options", { bearer: own, body: {} });
      const rejected = await further(token);
      expect(rejected.json).toMatchObject({ error: "confirmation_needed", ways: ["mail", "passkey"] });
      const owner = { subject, handle: options.user?.id ?? "" };
      const raised = grantOf(await logInWith(world, owner, {}, { bearer: token }));
      expect((await further(raised.token)).status).toBe(200);
    });

    it("nothing is asked after a login with a passkey whose set-up was confirmed, and a code after another passkey", async () => {
      const { world } = await openPlace(ground);
      const { token } = await addPerson(world, address, password);
      const subject = createSubject(-7);
      const { options, added } = await addPasskey(world, token, subject);
      const owner = { subject, handle: options.user?.id ?? "" };
      world.clock.advance(301);
      const enter = async () => grantOf(await logInWith(world, owner)).token;
      expect((await world.callOnce("POST", "/recovery-codes", { bearer: await enter() })).status).toBe(200);
      expect(added.status).toBe(200);
      // As if a session had set it up before the address was proven.
      await ground.sql(world, "update ampho_passkeys set confirmed = 0");
      const rejected = await world.callOnce("POST", "/recovery-codes", { bearer: await enter() });
      expect(rejected.json).toMatchObject({ error: "confirmation_needed", ways: ["mail"] });
    });
  });
});
