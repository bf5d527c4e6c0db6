// Identities at outside providers that a user links and unlinks (docs/guides/providers.md).
import { expect, it } from "vitest";
import { identityIdOf } from "../../dist/store/sql/rows/identities.js";
import { admission, grantOf, password } from "../world/ampho.js";
import { sessionOf } from "../world/tokens.js";
import { addLinked, begin, begunOf, identities, link, openOutside, signIn } from "./outside.js";
import { addOwner, onBothDatabases, outcomeOf } from "./owners.js";

const over = [401, "transaction_over"];

onBothDatabases((ground) => {
  it("an identity of another account cannot be linked, and linking the own one again does nothing", async () => {
    const outside = await openOutside(ground);
    const { grant } = await addLinked(outside, "ann");
    const bob = await addLinked(outside, "bob");
    expect(outcomeOf(await link(outside, bob.grant.token, { claims: { sub: "ann" } }))).toEqual([
      409,
      "identity_taken",
    ]);
    expect(outcomeOf(await link(outside, grant.token, { claims: { sub: "ann" } }))).toEqual([200]);
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann" }, { subject: "bob" }]);
  });

  it("one subject at two issuers, and a subject in another case, are different identities", async () => {
    const outside = await openOutside(ground);
    const ann = await addLinked(outside, "ann");
    const bob = await addLinked(outside, "bob", { sub: "ANN" });
    const cid = await outside.world.user("cid", { password });
    const { token } = await outside.world.login("cid");
    expect(outcomeOf(await link(outside, token, { provider: "other", claims: { sub: "ann" } }))).toEqual([200]);
    const userOf = async (about: Parameters<typeof signIn>[1]) => {
      const { token } = grantOf(await signIn(outside, about));
      return (await outside.world.ampho.verify(token)).id;
    };
    expect(await userOf({ claims: { sub: "ann" } })).toBe(ann.user.id);
    expect(await userOf({ claims: { sub: "ANN" } })).toBe(bob.user.id);
    expect(await userOf({ provider: "other", claims: { sub: "ann" } })).toBe(cid.id);
  });

  it("a provider that reports another address, also that of another user, logs in the user of the subject", async () => {
    const outside = await openOutside(ground, { acme: { address: "believed" } });
    const { world } = outside;
    const ann = await addLinked(outside, "ann");
    await addLinked(outside, "bob@acme.example", { sub: "bob" });
    const before = await ground.sql(world, "select login, email, email_proven_at from ampho_users order by login");
    for (const email of ["new@acme.example", "bob@acme.example", undefined]) {
      const claims = { sub: "ann", email, email_verified: true };
      const { token } = grantOf(await signIn(outside, { claims }));
      expect((await world.ampho.verify(token)).id).toBe(ann.user.id);
    }
    expect(await ground.sql(world, "select login, email, email_proven_at from ampho_users order by login")).toEqual(
      before,
    );
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann" }, { subject: "bob" }]);
  });

  it("unknown members of a body and claims of a provider give no role, level or other account", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const ann = await addLinked(outside, "ann");
    const bob = await addLinked(outside, "bob");
    const more = {
      id: bob.user.id,
      sub: "bob",
      user_id: bob.user.id,
      login: "bob",
      email: "bob@acme.example",
      roles: ["admin"],
      scope: "admin",
      email_proven: true,
      acr: "phr",
      amr: ["hwk", "mfa"],
      issuer: "https://x.example",
    };
    const claims = { ...more, email_verified: true, sub: "ann", groups: ["admin"] };
    const { login: _, ...others } = more;
    const { token } = grantOf(await signIn(outside, { claims, body: others }));
    expect(await world.ampho.verify(token)).toMatchObject({ id: ann.user.id, roles: [], acr: "1fa", amr: ["fed"] });
    const recent = grantOf(await world.call("POST", "/login", { body: { login: "ann", password } }));
    const begun = begunOf(
      await world.call("POST", "/identities", { body: { provider: "acme", ...others }, bearer: recent.token }),
    );
    evil.claims = { nonce: begun.nonce, ...claims, sub: "second" };
    const response = { provider: "acme", code: "code-1", state: begun.state, ...others };
    const body = { transaction: begun.transaction, outside: response, ...others };
    const changed = grantOf(await world.call("POST", "/identities/finish", { body, bearer: recent.token }));
    const renamed = await world.call("POST", "/account/login", {
      body: { ...more, login: "anne" },
      bearer: changed.token,
    });
    expect(renamed.status).toBe(204);
    expect(await ground.sql(world, "select id, login, roles, email from ampho_users order by login")).toMatchObject([
      { id: ann.user.id, login: "anne", email: null },
      { id: bob.user.id, login: "bob", email: null },
    ]);
    expect(await world.ampho.users.find("anne")).toMatchObject({ roles: [] });
    expect((await identities(outside, ground)).map((row) => [row["subject"], row["user_id"]])).toEqual([
      ["ann", ann.user.id],
      ["bob", bob.user.id],
      ["second", ann.user.id],
    ]);
  });

  it("a link is finished by its own session only, and the code of an attacker is sent nowhere", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const ann = await addLinked(outside, "ann");
    const bob = await addLinked(outside, "bob");
    const again = await world.login("ann");
    const { transaction, state, nonce } = begunOf(
      await world.call("POST", "/identities", { body: { provider: "acme" }, bearer: ann.grant.token }),
    );
    evil.claims = { nonce, sub: "attacker" };
    const requests = evil.tokenRequests.length;
    const body = { transaction, outside: { provider: "acme", code: "code-1", state } };
    for (const bearer of [bob.grant.token, again.token])
      expect(outcomeOf(await world.call("POST", "/identities/finish", { body, bearer }))).toEqual(over);
    expect(outcomeOf(await world.call("POST", "/identities/finish", { body }))).toEqual([401, "missing_token"]);
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
    const forged = { ...body, outside: { ...body.outside, state: "another" } };
    const mine = { bearer: ann.grant.token };
    expect(outcomeOf(await world.call("POST", "/identities/finish", { body: forged, ...mine }))).toEqual([
      401,
      "invalid_credentials",
    ]);
    expect(evil.tokenRequests).toHaveLength(requests);
    const { token: bearer } = grantOf(await world.call("POST", "/identities/finish", { body, ...mine }));
    expect(outcomeOf(await world.call("POST", "/identities/finish", { body, ...mine }))).toEqual([
      401,
      "invalid_token",
    ]);
    expect(outcomeOf(await world.call("POST", "/identities/finish", { body, bearer }))).toEqual(over);
    expect(evil.tokenRequests).toHaveLength(requests + 1);
  });

  it("no provider is asked with a transaction that is over, at a login and at a link", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const { grant } = await addLinked(outside, "ann");
    const begun = await begin(world);
    evil.claims = { nonce: begun.nonce, sub: "ann" };
    const login = { transaction: begun.transaction, outside: { provider: "acme", code: "code-1", state: begun.state } };
    expect((await world.call("POST", "/login", { body: login })).status).toBe(200);
    const link = begunOf(await world.call("POST", "/identities", { body: { provider: "acme" }, bearer: grant.token }));
    evil.claims = { nonce: link.nonce, sub: "second" };
    const body = {
      transaction: link.transaction,
      outside: { provider: "acme", code: "code-1", state: link.state },
    };
    const { token: bearer } = grantOf(await world.call("POST", "/identities/finish", { body, bearer: grant.token }));
    const requests = evil.tokenRequests.length;
    expect(outcomeOf(await world.call("POST", "/login", { body: login }))).toEqual(over);
    expect(outcomeOf(await world.call("POST", "/identities/finish", { body, bearer }))).toEqual(over);
    expect(evil.tokenRequests).toHaveLength(requests);
  });

  it("linking and unlinking need a recent login at the level of the account", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const { grant } = await addLinked(outside, "ann");
    const id = identityIdOf({ issuer: outside.evil.issuer, subject: "ann" });
    world.clock.advance(301);
    expect(outcomeOf(await link(outside, grant.token, {}))).toEqual([401, "login_too_old"]);
    const removed = await world.call("DELETE", `/identities/${id}`, { bearer: grant.token });
    expect(outcomeOf(removed)).toEqual([401, "login_too_old"]);
    const owner = await addOwner(world, "bob");
    expect(outcomeOf(await link(outside, owner.weak.token, {}))).toEqual([401, "login_too_weak"]);
  });

  it("an unlinked identity no longer signs in, and the other sessions of its user end", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const { grant } = await addLinked(outside, "ann");
    const byIdentity = grantOf(await signIn(outside, { claims: { sub: "ann" } }));
    const id = identityIdOf({ issuer: evil.issuer, subject: "ann" });
    const bob = await addLinked(outside, "bob");
    const foreign = await world.call("DELETE", `/identities/${id}`, { bearer: bob.grant.token });
    expect(outcomeOf(foreign)).toEqual([404, "not_found"]);
    expect(outcomeOf(await world.call("DELETE", "/identities/x", { bearer: grant.token }))).toEqual([404, "not_found"]);
    const unlinked = grantOf(await world.call("DELETE", `/identities/${id}`, { bearer: grant.token }));
    expect(outcomeOf(await signIn(outside, { claims: { sub: "ann" } }))).toEqual([403, "registration_closed"]);
    expect(outcomeOf(await world.call("GET", "/session", { bearer: byIdentity.token }))).toEqual([
      401,
      "invalid_token",
    ]);
    expect(sessionOf(unlinked)).toBe(sessionOf(grant));
    expect(await admission(world.ampho, unlinked.token)).toBe("in");
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    expect(await world.events()).toContain("identity_unlinked");
  });

  it("the last way in cannot be unlinked, and can with another one", async () => {
    const outside = await openOutside(ground, {
      options: { registration: "open", mailLogin: false },
      acme: { address: "believed" },
    });
    const { world, evil, other } = outside;
    const claims = { sub: "s-1", email: "ann@acme.example", email_verified: true };
    let grant = grantOf(await signIn(outside, { claims }));
    const remove = (issuer: string) =>
      world.call("DELETE", `/identities/${identityIdOf({ issuer, subject: "s-1" })}`, { bearer: grant.token });
    expect(outcomeOf(await remove(evil.issuer))).toEqual([409, "last_way_in"]);
    grant = grantOf(await link(outside, grant.token, { provider: "other", claims: { sub: "s-1" } }));
    grant = grantOf(await remove(evil.issuer));
    expect(outcomeOf(await remove(other.issuer))).toEqual([409, "last_way_in"]);
    const again = grantOf(await signIn(outside, { provider: "other", claims: { sub: "s-1" } }));
    expect(sessionOf(again)).not.toBe(sessionOf(grant));
  });

  it("an identity that is unlinked during a login opens no session", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const owner = await addOwner(world, "ann");
    const session = grantOf(
      await world.call("POST", "/login", { body: { login: "ann", password, totp: owner.nextCode() } }),
    );
    const linked = grantOf(await link(outside, session.token, { claims: { sub: "ann" } }));
    const { transaction } = (await signIn(outside, { claims: { sub: "ann" } })).json;
    const id = identityIdOf({ issuer: outside.evil.issuer, subject: "ann" });
    expect(outcomeOf(await world.call("DELETE", `/identities/${id}`, { bearer: linked.token }))).toEqual([200]);
    const second = await world.call("POST", "/login", { body: { transaction, totp: owner.nextCode() } });
    expect(outcomeOf(second)).toEqual(over);
  });

  it("a user of an application's own table links an identity and signs in with it, while the table knows the user", async () => {
    let isDisabled = false;
    const find = async (login: string) =>
      login === "ann" ? { id: "id-1", login: "ann", disabled: isDisabled } : undefined;
    const users = {
      find,
      findById: async (id: string) => (id === "id-1" ? find("ann") : undefined),
      verify: async (_: unknown, given: string) => given === password,
    };
    const outside = await openOutside(ground, { options: { users } });
    const { world, evil } = outside;
    const { token } = await world.login("ann");
    expect(outcomeOf(await link(outside, token, { claims: { sub: "s-1" } }))).toEqual([200]);
    const grant = grantOf(await signIn(outside, { claims: { sub: "s-1" } }));
    expect(await world.ampho.verify(grant.token)).toMatchObject({ id: "id-1", login: "ann", amr: ["fed"] });
    isDisabled = true;
    expect(outcomeOf(await signIn(outside, { claims: { sub: "s-1" } }))).toEqual([401, "invalid_credentials"]);
    isDisabled = false;
    // The application verifies passwords, so the identity is never the last way in.
    const id = identityIdOf({ issuer: evil.issuer, subject: "s-1" });
    const again = await world.login("ann");
    expect(outcomeOf(await world.call("DELETE", `/identities/${id}`, { bearer: again.token }))).toEqual([200]);
  });
});
