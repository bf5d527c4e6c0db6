// The age of a login at an outside provider (ASVS 6.8.4). A provider with a long session logs its user in silently, and that is no
// recent login.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { grantOf, password, type ReadResponse } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { claimsOf } from "../world/tokens.js";
import { addLinked, begunOf, codeOf, link, type Outside, openOutside, signIn } from "./outside.js";
import { addOwner, codeAt, onBothDatabases, outcomeOf, wrong } from "./owners.js";

const tooOld = [401, "login_too_old"];
const month = 2_592_000;
const verified = { email: "ann@acme.example", email_verified: true };
const timeOf = (response: ReadResponse) => claimsOf(grantOf(response).token)["auth_time"];

/** Begins to link an identity, which needs a login at most 300 s old. */
const needsRecent = async ({ world }: Outside, response: ReadResponse) =>
  outcomeOf(await world.call("POST", "/identities", { body: { provider: "other" }, bearer: grantOf(response).token }));

/** A login for which the provider must ask a user whose login there is older. */
async function signInWithin({ world, evil }: Outside, max_age: number, claims: object, more: object = {}) {
  const begun = await world.call("POST", "/login/outside", { body: { provider: "acme", max_age } });
  const { transaction, state, nonce } = begunOf(begun);
  evil.claims = { nonce, ...claims };
  const body = { transaction, outside: { provider: "acme", code: "code-1", state } };
  const response = await world.call("POST", "/login", { body, ...more });
  return { response, sent: new URL(String(begun.json["url"])).searchParams.get("max_age") };
}

onBothDatabases((ground) => {
  it("a silent login is as old as the session at the provider, and is no recent login", async () => {
    const outside = await openOutside(ground, { acme: { trust: "amr" } });
    const { world } = outside;
    await addLinked(outside, "ann");
    for (const amr of [[], ["mfa"]]) {
      const silent = await signIn(outside, { claims: { sub: "ann", amr, auth_time: start - 3600 } });
      expect([timeOf(silent), await needsRecent(outside, silent)]).toEqual([start - 3600, tooOld]);
    }
    const recent = await signIn(outside, { claims: { sub: "ann", auth_time: start - 200 } });
    expect([timeOf(recent), await needsRecent(outside, recent)]).toEqual([start - 200, [200]]);
    // A clock of the provider that is a little ahead makes no login of the future.
    expect(timeOf(await signIn(outside, { claims: { sub: "ann", auth_time: start + 30 } }))).toBe(world.clock.now());
  });

  it("a re-authentication at the provider with max_age needs a login of that age", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const { grant } = await addLinked(outside, "ann");
    world.clock.advance(600);
    const now = world.clock.now();
    const { token: bearer } = grantOf(await world.renew(grant.refresh_token));
    const again = (auth_time: number) => signInWithin(outside, 300, { sub: "ann", auth_time }, { bearer });
    const silent = await again(now - 3600);
    expect([outcomeOf(silent.response), silent.sent]).toEqual([wrong, "300"]);
    expect(await world.events()).toContain("identity_refused: auth_time");
    const { response } = await again(now - 5);
    expect([timeOf(response), claimsOf(grantOf(response).token)["sid"]]).toEqual([now - 5, claimsOf(bearer)["sid"]]);
    expect(await needsRecent(outside, response)).toEqual([200]);
  });

  it("a silent login beside the token of a session makes that session no more recent", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const { grant } = await addLinked(outside, "ann");
    world.clock.advance(600);
    const { token: bearer } = grantOf(await world.renew(grant.refresh_token));
    const silent = await signIn(outside, { bearer, claims: { sub: "ann", auth_time: start - 3600 } });
    expect(await needsRecent(outside, silent)).toEqual(tooOld);
  });

  it("the second factor of now makes a silent login no more recent, also one that is set up", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const owner = await addOwner(world, "bob");
    const session = grantOf(
      await world.call("POST", "/login", { body: { login: "bob", password, totp: owner.nextCode() } }),
    );
    expect(outcomeOf(await link(outside, session.token, { claims: { sub: "bob" } }))).toEqual([200]);
    const { transaction } = (await signIn(outside, { claims: { sub: "bob", auth_time: start - 3600 } })).json;
    const second = await world.call("POST", "/login", { body: { transaction, totp: owner.nextCode() } });
    expect([timeOf(second), await needsRecent(outside, second)]).toEqual([start - 3600, tooOld]);

    const { user } = await addLinked(outside, "ann");
    await world.ampho.factors.setPolicy(user.id, "required");
    const pending = (await signIn(outside, { claims: { sub: "ann", auth_time: start - 3600 } })).json;
    const { json } = await world.call("POST", "/totp", { body: { transaction: pending["transaction"] } });
    const totp = codeAt(String(json["secret"]), world.clock.now());
    const body = { transaction: json["transaction"], totp };
    expect(timeOf(await world.call("POST", "/totp/confirm", { body }))).toBe(start - 3600);
  });

  it("a login by the code of link_needed is as old as the login at the provider, and one by password is new", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await world.user("ann@acme.example", { password });
    await world.user("bob@acme.example", { password });
    const begin = async (sub: string, email: string) => {
      const claims = { sub, email, email_verified: true, auth_time: start - 3600 };
      return (await signIn(outside, { claims })).json["transaction"];
    };
    const transaction = await begin("s-1", "ann@acme.example");
    const code = await codeOf(outside, "ann@acme.example");
    expect(timeOf(await world.call("POST", "/login", { body: { transaction, code } }))).toBe(start - 3600);
    const byPassword = { transaction: await begin("s-2", "bob@acme.example"), login: "bob@acme.example", password };
    expect(timeOf(await world.call("POST", "/login", { body: byPassword }))).toBe(world.clock.now());
  });

  it("a provider that does not report the time gives no recent login, and none with max_age", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await addLinked(outside, "ann");
    const claims = { sub: "ann", auth_time: undefined };
    const received = await signIn(outside, { claims });
    expect([timeOf(received), await needsRecent(outside, received)]).toEqual([start - month, tooOld]);
    expect(outcomeOf((await signInWithin(outside, 300, claims)).response)).toEqual(wrong);
    expect(await world.events()).toContain("identity_refused: no_auth_time");
  });

  it("a login at a provider whose time is assumed is of this moment, unless the provider reports another", async () => {
    const outside = await openOutside(ground, { acme: { auth_time: "assumed" } });
    await addLinked(outside, "ann");
    const claims = { sub: "ann", auth_time: undefined };
    const received = await signIn(outside, { claims });
    expect([timeOf(received), await needsRecent(outside, received)]).toEqual([start, [200]]);
    expect(timeOf((await signInWithin(outside, 300, claims)).response)).toBe(start);
    expect(timeOf(await signIn(outside, { claims: { sub: "ann", auth_time: start - 3600 } }))).toBe(start - 3600);
  });

  it("a user of an own table has the time of the provider too", async () => {
    const row = { id: "7", login: "ann@acme.example", email: verified.email, emailProven: true };
    const users = { find: async (): Promise<ApplicationUser> => row, verify: async () => true };
    const outside = await openOutside(ground, { options: { users }, acme: { domains: ["acme.example"] } });
    const silent = await signIn(outside, { claims: { sub: "s-1", ...verified, auth_time: start - 3600 } });
    expect([timeOf(silent), await needsRecent(outside, silent)]).toEqual([start - 3600, tooOld]);
  });

  it("max_age is a whole number of seconds, also from a form", async () => {
    const { world } = await openOutside(ground);
    for (const max_age of [-1, 1.5, month + 1, "300", null])
      expect([
        max_age,
        ...outcomeOf(await world.call("POST", "/login/outside", { body: { provider: "acme", max_age } })),
      ]).toEqual([max_age, 400, "invalid_request"]);
    const form = new Request("http://localhost/api/security/login/outside", {
      method: "POST",
      body: new URLSearchParams({ provider: "acme", max_age: "0" }),
    });
    const { url } = await (await world.ampho.fetch(form)).json();
    expect(new URL(url).searchParams.get("max_age")).toBe("0");
  });
});
