// Attacks on service accounts and their tokens: by users, by other processes, and with tokens of others.
import { describe, expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { settableClock } from "../world/clock.js";
import { keyPair } from "../world/key-pairs.js";
import { foreignToken } from "../world/tokens.js";
import { askGuard, openService, outcomeOf, scopes, serviceOf, tokenOf } from "./services.js";

onBothDatabases((ground) => {
  it("sessions.endForEveryone ends the token of a process whose clock is ahead, and the next token is good", async () => {
    const world = await ground.open({ scopes, tokenEndpoint: true });
    const service = await serviceOf(world);
    const ahead = await world.another({ clock: settableClock(world.clock.now() + 4) });
    const token = await tokenOf({ ...service, world: ahead });
    expect(await askGuard(world, token)).toBe("articles:read");
    await world.ampho.sessions.endForEveryone();
    expect(await askGuard(world, token)).toBe("invalid_token");
    expect(await askGuard(world, await tokenOf(service))).toBe("articles:read");
    // No token is lost that is issued in the second of the end.
    const other = await serviceOf(world, "other");
    await world.ampho.sessions.endForEveryone();
    expect(await askGuard(world, await tokenOf(other))).toBe("articles:read");
  });
});

describe("a token of a service account", () => {
  it("the end of tokens for a login that is the id of a service account ends none of its tokens", async () => {
    const service = await openService();
    const { world, id } = service;
    const token = await tokenOf(service);
    const claims = { login: id, exp: world.clock.now() + 600, iat: world.clock.now() };
    const foreign = [{}, { sub: id }, { client_id: id }].map((more) => foreignToken(world.key, { ...claims, ...more }));
    await world.ampho.sessions.revokeForUser({ id: "mallory", login: id });
    expect(await askGuard(world, token)).toBe("articles:read");
    // The tokens of other software for this login have ended.
    for (const each of foreign)
      await expect(world.ampho.verify(each, ["foreign", "service"])).rejects.toMatchObject({ code: "invalid_token" });
  });
});

describe("a service account that asks POST /introspect", () => {
  it("its bearer token beside the id of another one, or beside a second way, is rejected", async () => {
    const { world, id, key } = await openService();
    const gateway = await serviceOf(world, "gateway", ["ampho:introspect"]);
    const ask = async (more: Record<string, string>) =>
      outcomeOf(await world.call("POST", "/introspect", { form: { token: key, ...more }, bearer: gateway.key }));
    expect(await ask({})).toEqual([200, "none"]);
    expect(await ask({ client_id: gateway.id })).toEqual([200, "none"]);
    expect(await ask({ client_id: id })).toEqual([401, "invalid_client"]);
    for (const second of ["client_secret", "client_assertion", "client_assertion_type"])
      expect(await ask({ [second]: "x" })).toEqual([400, "invalid_request"]);
  });
});

describe("the public keys of a service account", () => {
  it.each(["d", "p", "q", "dp", "dq", "qi"])("an RSA key with its private member %s alone is none", async (name) => {
    const { world } = await openService();
    const { kty, n, e, ...secret } = keyPair("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
    const key = { kty, n, e, alg: "PS256" };
    await world.ampho.services.setPublicKeys("nightly", { keys: [key] });
    const leaked = { keys: [{ ...key, [name]: secret[name] }] };
    await expect(world.ampho.services.setPublicKeys("nightly", leaked)).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});
