// A login at an outside provider through HTTP (docs/guides/providers.md).
import { expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { grantOf, password } from "../world/ampho.js";
import { runningClock, start } from "../world/clock.js";
import { json, signed } from "../world/evil-provider.js";
import { startOpenIdProvider } from "../world/open-id-provider.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import {
  addLinked,
  appUrl,
  begin,
  begunOf,
  clientId,
  codeOf,
  identities,
  link,
  openOutside,
  signIn,
} from "./outside.js";
import { addOwner, codeAt, onBothDatabases, outcomeOf, textsOf, wrong, wrongCode } from "./owners.js";
import { challengeOf, passkeySettings } from "./passkey-owners.js";

const over = [401, "transaction_over"];
const closed = [403, "registration_closed"];
const needed = [401, "link_needed"];
const verified = { email: "ann@acme.example", email_verified: true };

onBothDatabases((ground) => {
  it("a linked identity logs its user in with one first factor", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const { user } = await addLinked(outside, "ann");
    const grant = grantOf(await signIn(outside, { claims: { sub: "ann" } }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: user.id, login: "ann", amr: ["fed"], acr: "1fa" });
    expect(await world.events()).toContain("identity_linked");
    expect(await identities(outside, ground)).toMatchObject([{ user_id: user.id, provider: "acme", subject: "ann" }]);
  });

  it("the page of a login lists the providers", async () => {
    const { world } = await openOutside(ground);
    const { json } = await world.call("GET", "/login");
    expect(json["ways"]).toMatchObject({
      providers: [
        { name: "acme", label: "Acme" },
        { name: "other", label: "Other" },
      ],
    });
  });

  it("an unknown identity is rejected while registration is closed, and a user of the application still signs in", async () => {
    const outside = await openOutside(ground);
    await outside.world.user("bob", { password });
    for (const claims of [{}, verified]) expect(outcomeOf(await signIn(outside, { claims }))).toEqual(closed);
    const unverified = await signIn(outside, { claims: { email: "x@acme.example" } });
    expect(outcomeOf(unverified)).toEqual(needed);
    expect(await identities(outside, ground)).toEqual([]);
    expect(await outside.world.events()).toContain("identity_refused: no_account");
    await outside.world.login("bob");
  });

  it("a transaction is used once, and its code is sent to the provider once", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    await addLinked(outside, "ann");
    const { transaction, state, nonce } = await begin(world);
    evil.claims = { nonce, sub: "ann" };
    const body = { transaction, outside: { provider: "acme", code: "code-1", state } };
    const responses = await Promise.all([1, 2, 3, 4].map(() => world.call("POST", "/login", { body })));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
  });

  it("a response with the state of another browser or to another callback is rejected, and its code is sent nowhere", async () => {
    const outside = await openOutside(ground);
    const { world, evil, other } = outside;
    await addLinked(outside, "ann");
    const requests = evil.tokenRequests.length;
    const [mine, attackers] = [await begin(world), await begin(world)];
    const attempt = (response: object) =>
      world.call("POST", "/login", {
        body: { transaction: mine.transaction, outside: { code: "code-1", ...response } },
      });
    for (const response of [
      { provider: "acme", state: attackers.state },
      { provider: "acme", state: "" },
      { provider: "other", state: mine.state },
      { provider: "acme", state: mine.state, iss: other.issuer },
    ]) {
      // The audit log has one row a minute for a reason.
      world.clock.advance(60);
      expect([response, ...outcomeOf(await attempt(response))]).toEqual([response, ...wrong]);
    }
    expect(outcomeOf(await attempt({ provider: "acme" }))).toEqual([400, "invalid_request"]);
    expect(evil.tokenRequests).toHaveLength(requests);
    expect(other.tokenRequests).toEqual([]);
    expect((await world.events()).filter((event) => event === "identity_refused: response")).toHaveLength(4);
    evil.claims = { nonce: mine.nonce, sub: "ann" };
    grantOf(await attempt({ provider: "acme", state: mine.state }));
  });

  it("a flood of invented responses writes one audit row a minute for each address and provider", async () => {
    const { world } = await openOutside(ground);
    const flood = async (provider: string, address: string) => {
      const { transaction } = await begin(world, provider);
      const body = { transaction, outside: { provider, code: "c", state: "s" } };
      for (let n = 0; n < 5; n += 1)
        expect(outcomeOf(await world.call("POST", "/login", { body, address }))).toEqual(wrong);
    };
    const rows = async () => (await world.events()).filter((event) => event === "identity_refused: response");
    await flood("acme", "192.0.2.1");
    await flood("acme", "192.0.2.1");
    expect(await rows()).toHaveLength(1);
    // One customer can have a whole /48 of IPv6.
    for (const n of [1, 2]) await flood("acme", `2001:db8:0:${n}::1`);
    await flood("other", "192.0.2.1");
    expect(await rows()).toHaveLength(3);
    world.clock.advance(60);
    await flood("acme", "192.0.2.1");
    expect(await rows()).toHaveLength(4);
  });

  it("a transaction of an outside login is good for nothing else, and no other one is good for it", async () => {
    const outside = await openOutside(ground, { options: { mailLogin: true } });
    const { world } = outside;
    const { grant } = await addLinked(outside, "ann");
    const { transaction, state } = await begin(world);
    const response = { provider: "acme", code: "code-1", state };
    const linking = begunOf(
      await world.call("POST", "/identities", { body: { provider: "acme" }, bearer: grant.token }),
    );
    const page = String((await world.call("GET", "/login")).json["transaction"]);
    const attempts = [
      world.call("POST", "/identities/finish", { body: { transaction, outside: response }, bearer: grant.token }),
      world.call("POST", "/login", { body: { transaction, totp: "123456" } }),
      world.call("POST", "/login", { body: { transaction, code: "12345678" } }),
      world.call("POST", "/totp/confirm", { body: { transaction, totp: "123456" }, bearer: grant.token }),
      world.call("POST", "/login", {
        body: { transaction: linking.transaction, outside: { ...response, state: linking.state } },
      }),
      world.call("POST", "/login", { body: { transaction: page, outside: response } }),
    ];
    for (const received of await Promise.all(attempts)) expect(outcomeOf(received)).toEqual(over);
    for (const each of [transaction, linking.transaction]) {
      const beside = { transaction: each, login: "ann", password };
      expect(outcomeOf(await world.call("POST", "/login", { body: beside }))).toEqual([400, "invalid_request"]);
    }
  });

  it("a provider that is down causes 503, one line in the log, and no used login transaction", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    await addLinked(outside, "ann");
    const { transaction, state, nonce } = await begin(world);
    evil.claims = { nonce, sub: "ann" };
    const body = { transaction, outside: { provider: "acme", code: "code-1", state } };
    evil.routes.set("/token", (_, response) => void response.writeHead(502).end());
    for (let at = 0; at < 3; at++)
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual([503, "unavailable"]);
    expect(world.notices.filter((line) => line.includes("The provider acme cannot be used"))).toHaveLength(1);
    evil.routes.clear();
    grantOf(await world.call("POST", "/login", { body }));
  });

  it("a stranger with many invented codes at once takes the provider from no other user", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    await addLinked(outside, "ann");
    const good = evil.token;
    const held: (() => void)[] = [];
    evil.token = (claims) => (request, response) => {
      if (evil.tokenRequests.at(-1)?.get("code") === "code-1") return good(claims)(request, response);
      held.push(() => json({ error: "invalid_grant" }, 400)(request, response));
    };
    const attackers = await Promise.all(Array.from({ length: 20 }, () => begin(world)));
    const flood = attackers.flatMap(({ transaction, state }) =>
      Array.from({ length: 15 }, (_, at) =>
        world.call("POST", "/login", {
          body: { transaction, outside: { provider: "acme", code: `invented-${at}`, state } },
          address: "203.0.113.9",
        }),
      ),
    );
    await expect.poll(() => held.length).toBe(8);
    for (let at = 0; at < 10; at++) grantOf(await signIn(outside, { claims: { sub: "ann" } }));
    for (const release of held) release();
    const outcomes = (await Promise.all(flood)).map(outcomeOf);
    expect(outcomes.filter(([, code]) => code === "invalid_credentials")).toHaveLength(8);
    expect(evil.tokenRequests.filter((request) => request.get("code")?.startsWith("invented"))).toHaveLength(8);
    grantOf(await signIn(outside, { claims: { sub: "ann" } }));
  });

  it("a disabled user and a user who was deleted do not sign in", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await addLinked(outside, "ann");
    await world.ampho.users.disable("ann");
    expect(outcomeOf(await signIn(outside, { claims: { sub: "ann" } }))).toEqual(wrong);
    await world.ampho.users.remove("ann");
    expect(await identities(outside, ground)).toEqual([]);
    expect(outcomeOf(await signIn(outside, { claims: { sub: "ann" } }))).toEqual(closed);
  });

  it("an account with a second factor is asked for it, and a required one is set up first", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await addLinked(outside, "ann");
    const owner = await addOwner(world, "bob");
    const session = grantOf(
      await world.call("POST", "/login", { body: { login: "bob", password, totp: owner.nextCode() } }),
    );
    expect(outcomeOf(await link(outside, session.token, { claims: { sub: "bob" } }))).toEqual([200]);
    const pending = await signIn(outside, { claims: { sub: "bob" } });
    expect(outcomeOf(pending)).toEqual([401, "factor_needed"]);
    const { transaction } = pending.json;
    const grant = grantOf(await world.call("POST", "/login", { body: { transaction, totp: owner.nextCode() } }));
    expect(claimsOf(grant.token)).toMatchObject({ amr: ["fed", "otp", "mfa"], acr: "2fa" });
    await world.ampho.factors.setPolicy(
      String(claimsOf(grantOf(await signIn(outside, { claims: { sub: "ann" } })).token)["sub"]),
      "required",
    );
    const enrol = await signIn(outside, { claims: { sub: "ann" } });
    expect([...outcomeOf(enrol), enrol.json["enroll"]]).toEqual([401, "factor_needed", true]);
  });

  it("the second factor of a provider counts only where it is trusted", async () => {
    const outside = await openOutside(ground, { acme: { trust: "amr" } });
    await addLinked(outside, "ann");
    const trusted = grantOf(await signIn(outside, { claims: { sub: "ann", amr: ["mfa"] } }));
    expect(claimsOf(trusted.token)).toMatchObject({ amr: ["fed", "mfa"], acr: "2fa" });
    const other = await openOutside(ground);
    await addLinked(other, "eve");
    const untrusted = grantOf(await signIn(other, { claims: { sub: "eve", amr: ["mfa"] } }));
    expect(claimsOf(untrusted.token)).toMatchObject({ amr: ["fed"], acr: "1fa" });
  });

  it("the first passkey of an account comes with recovery codes, also after the second factor of a trusted provider", async () => {
    const outside = await openOutside(ground, { options: passkeySettings, acme: { trust: "amr" } });
    const { world } = outside;
    const { user } = await addLinked(outside, "ann");
    await world.ampho.factors.setPolicy(user.id, "phr");
    const pending = await signIn(outside, { claims: { sub: "ann", amr: ["mfa"] } });
    expect(pending.json).toMatchObject({ error: "factor_needed", enroll: true });
    const { transaction: first } = pending.json;
    const begun = challengeOf(await world.call("POST", "/passkeys/options", { body: { transaction: first } }));
    const subject = createSubject(-7);
    const body = { transaction: begun.transaction, passkey: register(subject, begun.challenge) };
    const added = await world.call("POST", "/passkeys", { body });
    expect(claimsOf(grantOf(added).token)).toMatchObject({ acr: "phr" });
    const [code] = textsOf(added.json["recovery_codes"]);
    await world.ampho.factors.setPolicy(user.id, "optional");
    expect(
      outcomeOf(await world.call("POST", "/login", { body: { login: "ann", password, recovery_code: code } })),
    ).toEqual([200]);
  });

  it("an address links nothing: the user proves the account by a login, which links the identity", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const ann = await world.user("ann@acme.example", { password });
    await world.user("bob", { password });
    const received = await signIn(outside, { claims: { sub: "s-1", ...verified } });
    expect([...outcomeOf(received), received.json["ways"]]).toEqual([...needed, ["login", "mail"]]);
    // One address gets one code a minute.
    const again = await signIn(outside, { claims: { sub: "s-1", ...verified } });
    expect([...outcomeOf(again), again.json["ways"]]).toEqual([...needed, ["login"]]);
    const { transaction } = received.json;
    const attempt = (login: string, word: string) =>
      world.call("POST", "/login", { body: { transaction, login, password: word } });
    expect(outcomeOf(await attempt("ann@acme.example", "wrong"))).toEqual(wrong);
    expect(outcomeOf(await attempt("bob", password))).toEqual(over);
    expect(await identities(outside, ground)).toEqual([]);
    const grant = grantOf(await attempt("ann@acme.example", password));
    expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, amr: ["pwd"] });
    expect(await identities(outside, ground)).toMatchObject([{ user_id: ann.id, subject: "s-1" }]);
    expect(outcomeOf(await attempt("ann@acme.example", password))).toEqual(over);
    grantOf(await signIn(outside, { claims: { sub: "s-1", email: "changed@else.example" } }));
  });

  it("a login with a second factor links the identity only when both factors are proven", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const owner = await addOwner(world, "ann@acme.example");
    const { transaction } = (await signIn(outside, { claims: { sub: "s-1", ...verified } })).json;
    const first = await world.call("POST", "/login", { body: { transaction, login: owner.login, password } });
    expect(outcomeOf(first)).toEqual([401, "factor_needed"]);
    expect(await identities(outside, ground)).toEqual([]);
    const second = { transaction: first.json["transaction"], totp: owner.nextCode() };
    grantOf(await world.call("POST", "/login", { body: second }));
    expect(await identities(outside, ground)).toMatchObject([{ user_id: owner.id }]);
    expect(codeAt(owner.secret, world.clock.now())).toMatch(/^\d{6}$/);
  });

  it("an address that is not verified gets the same response for every account, and only its mailbox links", async () => {
    const outside = await openOutside(ground, { options: { mailLogin: true } });
    const { world, mails } = outside;
    const ann = await world.user("ann@acme.example", { password });
    const claims = { sub: "s-1", email: "ann@acme.example" };
    const others = { sub: "s-2", email: "nobody@acme.example", email_verified: "false" };
    const [known, unknown] = [await signIn(outside, { claims }), await signIn(outside, { claims: others })];
    expect(outcomeOf(known)).toEqual(needed);
    const shape = ({ json }: typeof known) => ({ ...json, transaction: String(json["transaction"]).length > 100 });
    expect(shape(known)).toEqual(shape(unknown));
    expect(known.json["ways"]).toEqual(["mail"]);
    const code = await codeOf(outside, "ann@acme.example");
    expect(mails.map(({ to }) => to)).toEqual(["ann@acme.example"]);
    const { transaction } = known.json;
    const byPassword = { transaction, login: "ann@acme.example", password };
    expect(outcomeOf(await world.call("POST", "/login", { body: byPassword }))).toEqual(over);
    const invented = code === "00000000" ? "11111111" : "00000000";
    expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, code: invented } }))).toEqual(wrong);
    const grant = grantOf(await world.call("POST", "/login", { body: { transaction, code } }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, amr: ["fed", "mail"] });
    expect(await identities(outside, ground)).toMatchObject([{ user_id: ann.id, subject: "s-1" }]);
    // The first proof of the address has removed the password, to whose version the code belongs.
    expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, code } }))).toEqual(over);
  });

  it("open registration creates an account at once where the provider speaks for the address, else after a code", async () => {
    const options = { registration: "open" } as const;
    const believed = await openOutside(ground, { options, acme: { address: "believed" } });
    const created = grantOf(await signIn(believed, { claims: { sub: "s-1", ...verified } }));
    expect(claimsOf(created.token)).toMatchObject({ login: "ann@acme.example", amr: ["fed"] });
    expect(await believed.world.events()).toEqual(expect.arrayContaining(["registered", "identity_linked"]));
    const again = grantOf(await signIn(believed, { claims: { sub: "s-1", ...verified } }));
    expect(claimsOf(again.token)["sub"]).toBe(claimsOf(created.token)["sub"]);

    const received = await signIn(believed, {
      provider: "other",
      claims: { sub: "s-9", email: "eve@acme.example", email_verified: true },
    });
    expect([...outcomeOf(received), received.json["ways"]]).toEqual([...needed, ["mail"]]);
    const users = await ground.sql(believed.world, "select login from ampho_users order by login");
    expect(users).toEqual([{ login: "ann@acme.example" }]);
    const code = await codeOf(believed, "eve@acme.example");
    const { transaction } = received.json;
    const grant = grantOf(await believed.world.call("POST", "/login", { body: { transaction, code } }));
    expect(claimsOf(grant.token)).toMatchObject({ login: "eve@acme.example", amr: ["fed", "mail"] });
  });

  it("an identity without an address is rejected as such while users can register", async () => {
    for (const registration of ["open", "invite"] as const) {
      const outside = await openOutside(ground, { options: { registration }, acme: { address: "believed" } });
      for (const email of [undefined, "no address"])
        expect(outcomeOf(await signIn(outside, { claims: { email, email_verified: true } }))).toEqual([
          403,
          "address_needed",
        ]);
      expect(await outside.world.events()).toContain("identity_refused: no_address");
    }
    const outside = await openOutside(ground);
    expect(outcomeOf(await signIn(outside))).toEqual(closed);
  });

  it("a user of a provider with the address at UserInfo alone registers with it", async () => {
    const provider = await startOpenIdProvider({
      clientId,
      clientSecret: "a secret",
      atUserInfo: true,
      redirectUris: [`${appUrl}api/security/login/outside/real/callback`],
    });
    provider.user = { sub: "ann-17", claims: verified };
    const settings = { issuer: provider.issuer, client_id: clientId, client_secret: "a secret" };
    const options = { registration: "open", clock: runningClock(), providers: { real: settings } } as const;
    const outside = await openOutside(ground, { options });
    const { world } = outside;
    const finish = async () => {
      const { json } = await world.call("POST", "/login/outside", { body: { provider: "real" } });
      const fields = Object.fromEntries(await provider.signIn(String(json["url"])));
      const body = { transaction: json["transaction"], outside: { provider: "real", ...fields } };
      return world.call("POST", "/login", { body });
    };
    const { transaction, ways } = (await finish()).json;
    expect(ways).toEqual(["mail"]);
    const code = await codeOf(outside, "ann@acme.example");
    grantOf(await world.call("POST", "/login", { body: { transaction, code } }));
    expect(claimsOf(grantOf(await finish()).token)).toMatchObject({ login: "ann@acme.example", amr: ["fed"] });
  });

  it("an invitation gives its roles only after the mailed code, also where the provider speaks for the address", async () => {
    const options = { registration: "invite" } as const;
    const acme = { address: "believed", domains: ["acme.example"] };
    const outside = await openOutside(ground, { options, acme });
    const { world, mails } = outside;
    const email = "ann@acme.example";
    await world.ampho.users.invite({ email, roles: ["editor"] });
    await expect.poll(() => mails.length).toBe(1);
    const eve = { sub: "s-2", email: "eve@acme.example", email_verified: true };
    expect(outcomeOf(await signIn(outside, { claims: eve }))).toEqual(closed);
    mails.length = 0;
    const received = await signIn(outside, { claims: { sub: "s-1", ...verified } });
    expect([...outcomeOf(received), received.json["ways"]]).toEqual([...needed, ["mail"]]);
    expect(await ground.sql(world, "select id from ampho_users")).toEqual([]);
    const code = await codeOf(outside, email);
    const { transaction } = received.json;
    const invented = code === "00000000" ? "11111111" : "00000000";
    expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, code: invented } }))).toEqual(wrong);
    const grant = grantOf(await world.call("POST", "/login", { body: { transaction, code } }));
    expect(claimsOf(grant.token)["roles"]).toEqual(["editor"]);
    expect(await world.ampho.users.invitations.list()).toMatchObject([{ used: expect.any(Number) }]);
  });

  it("an own user table gets the roles of an invitation only after the mailed code", async () => {
    const created: object[] = [];
    const table: ApplicationUsers = {
      find: async () => undefined,
      verify: async () => false,
      create: async (draft) => {
        created.push(draft);
        return { id: "7", login: draft.email, email: draft.email, emailProven: true, roles: draft.roles };
      },
    };
    const options = { registration: "invite", users: table } as const;
    const outside = await openOutside(ground, { options, acme: { address: "believed" } });
    const { world } = outside;
    // A table that took over from the users of the database finds their invitations.
    await ground.sql(
      world,
      `insert into ampho_invites (id, email, email_canonical, roles, created_at, until)
       values ('invitation-1', 'ann@acme.example', 'ann@acme.example', '["editor"]', ${start}, ${start + 600})`,
    );
    const received = await signIn(outside, { claims: { sub: "s-1", ...verified } });
    expect([...outcomeOf(received), received.json["ways"], created]).toEqual([...needed, ["mail"], []]);
    const { transaction } = received.json;
    const code = await codeOf(outside, "ann@acme.example");
    const grant = grantOf(await world.call("POST", "/login", { body: { transaction, code } }));
    expect([claimsOf(grant.token)["roles"], created]).toMatchObject([["editor"], [{ roles: ["editor"] }]]);
  });

  it.each([
    ["links", {}],
    ["signs in by the domain of a provider", { acme: { domains: ["acme.example"] } }],
  ])(
    "an address that its user has given up and that is still the login neither proves the account nor %s",
    async (_, options) => {
      const outside = await openOutside(ground, options);
      const { world, mails } = outside;
      await world.user("ann@acme.example", { password });
      await world.ampho.users.setEmail("ann@acme.example", "ann@new.example", { reason: "ticket 4711" });
      mails.length = 0;
      const { error, json } = await signIn(outside, { claims: { sub: "eve", email: "ann@acme.example" } });
      expect(error).toBe("link_needed");
      const { transaction } = json;
      const byCode = world.call("POST", "/login", { body: { transaction, code: "12345678" } });
      expect(outcomeOf(await byCode)).toEqual(wrong);
      // No account has the address, so it is that of a new user.
      const verifiedOne = await signIn(outside, { claims: { sub: "eve", ...verified } });
      expect(outcomeOf(verifiedOne)).toEqual([403, "registration_closed"]);
      expect([mails, await identities(outside, ground)]).toEqual([[], []]);
    },
  );

  it("a login that links an identity of another account forgives no wrong second factor", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const owner = await addOwner(world, "ann@acme.example");
    const claims = { sub: "s-1", ...verified };
    const { transaction } = (await signIn(outside, { claims })).json;
    const mallory = await addLinked(outside, "mallory", claims);
    expect(await identities(outside, ground)).toMatchObject([{ user_id: mallory.user.id }]);
    const attempt = (more: object) =>
      world.call("POST", "/login", { body: { login: owner.login, password, ...more }, address: "203.0.113.9" });
    const totp = wrongCode(owner.secret, world.clock.now());
    for (let count = 0; count < 4; count += 1) expect(outcomeOf(await attempt({ totp }))).toEqual(wrong);
    const failures = async () => {
      const rows = await ground.sql(world, "select failures from ampho_attempts where kind = 'factor'");
      return rows.map((row) => Number(row["failures"]));
    };
    expect(await failures()).toEqual([4]);
    const [recovery_code = ""] = owner.recoveryCodes;
    const invented = recovery_code.replace(/[A-Z0-9]/g, (character) => (character === "2" ? "3" : "2"));
    expect(outcomeOf(await attempt({ transaction, recovery_code: invented }))).toEqual(over);
    expect(await failures()).toEqual([4]);
  });

  it("two first logins of one identity at once create one account", async () => {
    const options = { registration: "open" } as const;
    const outside = await openOutside(ground, { options, acme: { address: "believed" } });
    const { world, evil } = outside;
    const begun = await Promise.all(Array.from({ length: 6 }, () => begin(world)));
    // Each code belongs to the login of its nonce.
    const nonceOf = () => begun[Number(evil.tokenRequests.at(-1)?.get("code"))]?.nonce;
    evil.claims = { sub: "s-1", ...verified };
    evil.token = (claims) =>
      json({ access_token: "a", token_type: "bearer", id_token: signed(evil.key, { ...claims, nonce: nonceOf() }) });
    const responses = await Promise.all(
      begun.map(({ transaction, state }, at) =>
        world.call("POST", "/login", { body: { transaction, outside: { provider: "acme", code: String(at), state } } }),
      ),
    );
    const granted = responses.filter(({ status }) => status === 200);
    expect(granted.length).toBeGreaterThan(0);
    for (const received of responses.filter(({ status }) => status !== 200)) expect(outcomeOf(received)).toEqual(over);
    expect(await identities(outside, ground)).toHaveLength(1);
    expect(await ground.sql(world, "select id from ampho_users")).toHaveLength(1);
  });

  it("a provider links by itself only for the domain that it is authoritative for", async () => {
    const outside = await openOutside(ground, { acme: { domains: ["acme.example"] } });
    const { world } = outside;
    const ann = await world.user("ann@acme.example", { password });
    await world.user("eve@sub.acme.example", { password });
    for (const email of ["eve@sub.acme.example"])
      expect(outcomeOf(await signIn(outside, { claims: { sub: "s-2", email, email_verified: true } }))).toEqual(needed);
    expect(outcomeOf(await signIn(outside, { claims: { sub: "s-3", email: "ann@acme.example" } }))).toEqual(needed);
    const byOther = { provider: "other", claims: { sub: "s-4", ...verified } } as const;
    expect(outcomeOf(await signIn(outside, byOther))).toEqual(needed);
    const grant = grantOf(await signIn(outside, { claims: { sub: "s-1", ...verified } }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, amr: ["fed"] });
  });

  it("a first login is over when an own table gives the address to another user meanwhile", async () => {
    const row = { id: "7", login: "ann", email: verified.email, emailProven: true };
    let present: ApplicationUser = row;
    const users = {
      // Each read sees the row as it was before the address moved.
      async find(): Promise<ApplicationUser> {
        const read = present;
        present = { ...row, id: "8", login: "bob" };
        return read;
      },
      verify: async () => true,
    };
    const outside = await openOutside(ground, { options: { users }, acme: { domains: ["acme.example"] } });
    expect(outcomeOf(await signIn(outside, { claims: { sub: "s-1", ...verified } }))).toEqual(over);
    expect(await identities(outside, ground)).toEqual([]);
    const grant = grantOf(await signIn(outside, { claims: { sub: "s-1", ...verified } }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: "8" });
  });

  it("a login with a bearer token of the same user re-authenticates the session, and of another user opens a new one", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const { grant } = await addLinked(outside, "ann");
    await addLinked(outside, "bob");
    world.clock.advance(400);
    const again = grantOf(await signIn(outside, { claims: { sub: "ann" }, bearer: grant.token }));
    expect(sessionOf(again)).toBe(sessionOf(grant));
    expect(claimsOf(again.token)["auth_time"]).toBe(world.clock.now());
    const other = grantOf(await signIn(outside, { claims: { sub: "bob" }, bearer: grant.token }));
    expect(sessionOf(other)).not.toBe(sessionOf(grant));
  });

  it("a return path that leads to another origin is rejected", async () => {
    const { world } = await openOutside(ground);
    const begun = (return_to: unknown) =>
      world.call("POST", "/login/outside", { body: { provider: "acme", return_to } });
    const bad = [
      "//evil.example",
      "/\\evil.example",
      "\\\\evil.example",
      "https:evil.example",
      "https://evil.example/",
      "javascript:alert(1)",
      "//user:word@evil.example/",
      "/\t/evil.example",
      "/%00",
      "/%0d%0aLocation:x",
      "/%5cevil",
      "cart",
      "",
      "?a=b",
      "#x",
      "/a b",
      "/\u2028",
      "/..//evil.example",
      "/.//evil.example",
      "/a%",
      "/\r\nx",
      7,
      `/${"a".repeat(1100)}`,
    ];
    for (const path of bad) expect([path, ...outcomeOf(await begun(path))]).toEqual([path, 400, "invalid_request"]);
    for (const path of ["/", "/cart", "/cart?x=1&y=%20#top", "/a/b/../c", "/@me"])
      expect([path, ...outcomeOf(await begun(path))]).toEqual([path, 200]);
  });

  it("the callback sends the browser to the application, with the parameters and the provider in the fragment", async () => {
    const { world } = await openOutside(ground);
    const received = await world.call(
      "GET",
      "/login/outside/acme/callback?code=a%2Fb&state=s&iss=i&scope=x&provider=other",
    );
    expect(received.status).toBe(303);
    const location = new URL(received.headers.get("location") ?? "");
    expect(location.origin + location.pathname).toBe(appUrl);
    const sent = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    expect(sent).toEqual({ code: "a/b", state: "s", iss: "i", scope: "x", provider: "acme" });
    expect(location.search).toBe("");
    expect((await world.call("GET", "/login/outside/nobody/callback?code=a&state=s")).status).toBe(404);
    expect((await world.call("GET", "/login/outside/acme/callback?code=a&code=b")).status).toBe(400);
  });

  it("no secret of a login and no token of a provider is in the database or the log", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    await addLinked(outside, "ann");
    const { transaction, state, nonce } = await begin(world);
    evil.claims = { nonce, sub: "ann" };
    const code = "a-code-of-the-provider";
    evil.token = (claims) =>
      json({ access_token: "a-token-of-the-provider", token_type: "bearer", id_token: signed(evil.key, claims) });
    grantOf(await world.call("POST", "/login", { body: { transaction, outside: { provider: "acme", code, state } } }));
    const verifier = evil.tokenRequests.at(-1)?.get("code_verifier") ?? "";
    expect(verifier).toMatch(/^[\w-]{43}$/);
    const stored = (await ground.dump(world)) + world.notices.join("\n");
    for (const secret of [state, nonce, verifier, code, "a-token-of-the-provider", transaction, "a secret"])
      expect(stored.includes(secret), secret).toBe(false);
  });
});
