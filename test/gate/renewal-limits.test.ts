// How long an access token alone renews its session, and what a clock that goes back repeats, on both databases.
import { expect, it } from "vitest";
import { password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addOwner,
  codeAt,
  fullLogin,
  type Ground,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
} from "./owners.js";

const hour = 3600;
const key = { "Idempotency-Key": "a-key-of-the-client-0123456789" };

async function openAnn(ground: Ground, options: Parameters<Ground["open"]>[0] = {}) {
  const world = await ground.open(options);
  const ann = await world.user("ann", { password });
  const grant = await world.session(ann);
  const byAccess = (token: string, headers = {}) => world.call("POST", "/renew", { bearer: token, headers });
  return { world, ann, grant, byAccess };
}

/** Renews by access token alone until that is rejected. Returns for how long it worked, and the last response. */
async function renewAlone(world: World, token: string, atMost: number) {
  const began = world.clock.now();
  for (let newest = token; ; ) {
    world.clock.advance(800);
    const { status, error, json } = await world.call("POST", "/renew", { bearer: newest });
    const lasted = world.clock.now() - began;
    if (status !== 200 || lasted > atMost) return { lasted, status, error, newest };
    newest = String(json["token"]);
  }
}

onBothDatabases((ground) => {
  it("an access token alone renews its session for 12 hours after the login and no longer", async () => {
    const { world, ann, grant } = await openAnn(ground);
    const { lasted, status, error, newest } = await renewAlone(world, grant.token, 20 * hour);
    expect([status, error]).toEqual([401, "session_ended"]);
    expect(lasted).toBeGreaterThan(12 * hour);
    expect(lasted).toBeLessThanOrEqual(12 * hour + 800);
    const again = await world.call("POST", "/renew", { bearer: newest, headers: key });
    expect(again.error).toBe("session_ended");
    // The session goes on for its user.
    expect(await world.ampho.sessions.list(ann.id)).toHaveLength(1);
    expect((await world.events()).at(-1)).toBe("renew_rejected: too_late");
  });

  it("an access token gets the generation again only while it could have renewed", async () => {
    const { world, grant, byAccess } = await openAnn(ground, { renewByToken: 60 });
    world.clock.advance(58);
    expect((await byAccess(grant.token, key)).status).toBe(200);
    world.clock.advance(2);
    expect((await byAccess(grant.token, key)).status).toBe(200);
    world.clock.advance(1);
    expect((await byAccess(grant.token)).error).toBe("session_ended");
    expect((await byAccess(grant.token, key)).error).toBe("session_ended");
    // A generation that was moved on before is still a replay.
    world.clock.advance(20);
    await world.renew(grant.refresh_token);
    expect(await world.events()).toContain("renew_replayed");
  });

  it("a renewal by refresh token and a login begin the 12 hours again", async () => {
    const { world, grant } = await openAnn(ground, { renewByToken: "1h" });
    world.clock.advance(50 * 60);
    const next = await world.renew(grant.refresh_token);
    expect((await renewAlone(world, String(next.json["token"]), 3 * hour)).lasted).toBeGreaterThan(hour);
    const live = await world.renew(String(next.json["refresh_token"]));
    // The refresh token was used up by the renewals with an access token.
    expect(live.error).toBe("session_ended");
    const other = await world.login("ann");
    world.clock.advance(50 * 60);
    const renewed = await world.renew(other.refresh_token);
    const again = await world.call("POST", "/login", {
      body: { login: "ann", password },
      bearer: String(renewed.json["token"]),
    });
    expect(claimsOf(String(again.json["token"]))["sid"]).toBe(claimsOf(String(renewed.json["token"]))["sid"]);
    const { lasted } = await renewAlone(world, String(again.json["token"]), 3 * hour);
    expect(lasted).toBeGreaterThan(hour);
    expect(lasted).toBeLessThanOrEqual(hour + 800);
  });

  it("a used token is a replay also after the clock went back, and its session ends", async () => {
    const { world, ann, grant } = await openAnn(ground);
    world.clock.advance(5);
    expect((await world.renew(grant.refresh_token)).status).toBe(200);
    world.clock.advance(-hour);
    expect(outcomeOf(await world.renew(grant.refresh_token))).toEqual([401, "session_ended"]);
    expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
    expect((await world.events()).at(-1)).toBe("renew_replayed");
  });

  it("a token from before a step-up is a replay also after the clock went back", async () => {
    const { world, ann, grant } = await openAnn(ground);
    await world.call("POST", "/login", { body: { login: "ann", password }, bearer: grant.token });
    world.clock.advance(-hour);
    expect(outcomeOf(await world.renew(grant.refresh_token))).toEqual([401, "session_ended"]);
    expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
  });

  it("a lost response is repeated although the clock went back by seconds", async () => {
    const { world, grant } = await openAnn(ground);
    world.clock.advance(5);
    expect((await world.renew(grant.refresh_token)).status).toBe(200);
    world.clock.advance(-2);
    expect((await world.renew(grant.refresh_token)).status).toBe(200);
    const bob = await addOwner(world, "bob");
    const sent = { body: { transaction: await pendingLogin(world, "bob"), totp: bob.nextCode() }, headers: key };
    expect((await world.call("POST", "/login", sent)).status).toBe(200);
    world.clock.advance(-2);
    expect((await world.call("POST", "/login", sent)).status).toBe(200);
    world.clock.advance(-hour);
    expect(outcomeOf(await world.call("POST", "/login", sent))).toEqual([401, "transaction_over"]);
  });

  it("a login is not recent any more after the clock went back behind it", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { refresh_token: refresh } = await fullLogin(world, ann);
    world.clock.advance(-hour);
    const renewed = await world.renew(refresh);
    expect(outcomeOf(await world.call("DELETE", "/totp", { bearer: String(renewed.json["token"]) }))).toEqual([
      401,
      "login_too_old",
    ]);
  });

  it("an app whose codes a clock that went back rejects is replaced as the runbook shows, and no code works twice", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const used = ann.nextCode();
    expect((await logIn(world, "ann", { totp: used })).status).toBe(200);
    world.clock.advance(-hour);
    const rejected = [401, "invalid_credentials"];
    expect(outcomeOf(await logIn(world, "ann", { totp: codeAt(ann.secret, world.clock.now()) }))).toEqual(rejected);
    expect((await logIn(world, "ann", { recovery_code: ann.recoveryCodes[0] })).status).toBe(200);
    await world.ampho.factors.remove(ann.id, { id: "totp", reason: "The clock went back." });
    const { token } = await world.login("ann");
    const { secret, transaction } = await setUp(world, token);
    const totp = codeAt(secret, world.clock.now());
    const confirmed = await world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer: token });
    expect(confirmed.status, confirmed.text).toBe(200);
    world.clock.advance(hour);
    expect(outcomeOf(await logIn(world, "ann", { totp: used }))).toEqual(rejected);
    expect((await logIn(world, "ann", { totp: codeAt(secret, world.clock.now()) })).status).toBe(200);
  });
});
