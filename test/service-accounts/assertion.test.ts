// The assertion with which a service account proves its private key (RFC 7523), and everything that is no such assertion.
import { createHmac, randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  claimsFor,
  encode,
  issuer,
  openService,
  outcomeOf,
  type Pair,
  pair,
  type Service,
  sendAssertion as send,
  serviceOf,
  signed,
} from "./services.js";

const endpoint = "https://app.example/api/security/token";
const rejected = [401, "invalid_client"];

async function openPair(): Promise<Service & { readonly own: Pair }> {
  const service = await openService({ tokenIssuer: issuer, appUrl: "https://app.example/" });
  const own = pair("own");
  await service.world.ampho.services.setPublicKeys("nightly", { keys: [own.jwk] });
  return { ...service, own };
}

const assertionOf = (service: Service & { readonly own: Pair }, more: object = {}, header: object = {}) =>
  signed({ alg: "ES256", kid: service.own.kid, ...header }, claimsFor(service, more), service.own.privateKey);

describe("private_key_jwt at POST /token", () => {
  it("an assertion for the issuer or for the endpoint gets a token", async () => {
    const service = await openPair();
    for (const more of [{}, { aud: endpoint }, { exp: service.world.clock.now() + 300 }])
      expect((await send(service, assertionOf(service, more))).json["scope"]).toBe("articles:read");
    for (const header of [{ typ: "JWT" }, { typ: "client-authentication+jwt" }, { kid: undefined }])
      expect((await send(service, assertionOf(service, {}, header))).status).toBe(200);
    expect((await send(service, assertionOf(service), { client_id: service.id })).status).toBe(200);
  });

  it("M-11: HS256 with the public key, other algorithms and no signature are rejected", async () => {
    const service = await openPair();
    const { own } = service;
    const spki = own.publicKey.export({ format: "pem", type: "spki" });
    const der = own.publicKey.export({ format: "der", type: "spki" });
    for (const secret of [spki, der, JSON.stringify(own.jwk), String(own.jwk["x"])])
      for (const header of [{ alg: "HS256", kid: "own" }, { alg: "HS256" }, { alg: "ES256", kid: "own" }]) {
        const input = `${encode(header)}.${encode(claimsFor(service))}`;
        const forged = `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
        expect(outcomeOf(await send(service, forged))).toEqual(rejected);
      }
    for (const header of [{ alg: "none" }, { alg: "ES384" }, { alg: "RS256" }, { crit: ["exp"] }, { typ: "at+jwt" }])
      expect(outcomeOf(await send(service, assertionOf(service, {}, header))), JSON.stringify(header)).toEqual(
        rejected,
      );
    const unsigned = assertionOf(service).replace(/[^.]+$/, "");
    expect(outcomeOf(await send(service, unsigned))).toEqual(rejected);
  });

  it("M-11: aud as an array, for another server, or absent is rejected", async () => {
    const service = await openPair();
    const auds = [
      [issuer],
      [issuer, "https://evil.example"],
      [],
      "https://evil.example",
      `${issuer}/`,
      undefined,
      null,
    ];
    for (const aud of [...auds, `${endpoint}/`, "https://app.example"])
      expect(outcomeOf(await send(service, assertionOf(service, { aud }))), JSON.stringify(aud)).toEqual(rejected);
    const host = assertionOf(service, { aud: "https://evil.example/api/security/token" });
    const headers = { Host: "evil.example", "X-Forwarded-Host": "evil.example" };
    expect(outcomeOf(await send(service, host, {}, headers))).toEqual(rejected);
  });

  it("M-11: exp in ten years, in the past or absent, and a missing jti, iss or sub are rejected", async () => {
    const service = await openPair();
    const now = service.world.clock.now();
    const wrong = [
      { exp: now + 10 * 365 * 86_400 },
      { exp: now + 400 },
      { exp: now - 400 },
      { exp: undefined },
      { nbf: now + 400 },
      { iat: now + 400 },
      { jti: undefined },
      { jti: "" },
      { jti: 1 },
      { iss: undefined },
      { iss: "x" },
      { sub: undefined },
      { sub: "nightly" },
      { iss: "nightly", sub: "nightly" },
      { sid: "0.x", exp: now + 10 * 365 * 86_400 },
    ];
    for (const more of wrong)
      expect(outcomeOf(await send(service, assertionOf(service, more))), JSON.stringify(more)).toEqual(rejected);
  });

  it("M-11: a jti works once, however many processes get it at once", async () => {
    const service = await openPair();
    const other = await service.world.another();
    const assertion = assertionOf(service);
    const sent = await Promise.all(
      Array.from({ length: 8 }, (_, at) => send(at % 2 === 0 ? service : { world: other }, assertion)),
    );
    expect(sent.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(401)]);
    expect(outcomeOf(await send({ world: other }, assertion))).toEqual(rejected);
  });

  it("assertions do not wait for each other, and one that is wrong or used counts each time", async () => {
    const service = await openPair();
    const ask = async (assertion: string, address: string) =>
      (await send(service, assertion, {}, {}, address)).error ?? "none";
    const many = Array.from({ length: 40 }, () => assertionOf(service));
    const asked = await Promise.all(many.map((assertion) => ask(assertion, "203.0.113.7")));
    expect(new Set(asked)).toEqual(new Set(["none"]));
    const used = String(many[0]);
    const wrong = signed({ alg: "ES256", kid: "own" }, claimsFor(service), pair("own").privateKey);
    for (const [assertion, address] of [[wrong, "203.0.113.8"] as const, [used, "203.0.113.9"] as const]) {
      const codes: unknown[] = [];
      for (let n = 0; n < 25; n++) codes.push(await ask(assertion, address));
      expect(codes).toEqual([...Array(20).fill("invalid_client"), ...Array(5).fill("too_many_attempts")]);
    }
  });

  it("M-11: the key of another service account is rejected, and a jti of another one is free", async () => {
    const service = await openPair();
    const other = await serviceOf(service.world, "other");
    const own = pair("own");
    await service.world.ampho.services.setPublicKeys("other", { keys: [own.jwk] });
    expect(outcomeOf(await send(service, assertionOf({ ...service, own })))).toEqual(rejected);
    expect(outcomeOf(await send(service, assertionOf(service), { client_id: other.id }))).toEqual(rejected);
    const jti = randomUUID();
    expect((await send(service, assertionOf(service, { jti }))).status).toBe(200);
    expect((await send(service, assertionOf({ ...other, own }, { jti }))).status).toBe(200);
  });

  it("M-11: two ways to authenticate in one request are rejected", async () => {
    const service = await openPair();
    const { id, key } = service;
    const basic = { Authorization: `Basic ${Buffer.from(`${id}:${key}`).toString("base64")}` };
    for (const sent of [
      send(service, assertionOf(service), { client_secret: key, client_id: id }),
      send(service, assertionOf(service), {}, basic),
      send(service, "x", { client_assertion_type: "" }, basic),
      service.world.call("POST", "/token", {
        form: { grant_type: "client_credentials", client_id: id, client_secret: key },
        headers: basic,
      }),
      service.world.call("POST", "/token", {
        form: { grant_type: "client_credentials", client_secret: "" },
        headers: basic,
      }),
    ])
      expect(outcomeOf(await sent)).toEqual([400, "invalid_request"]);
    const twice = `grant_type=client_credentials&client_id=${id}&client_secret=${key}&client_secret=${key}`;
    expect(outcomeOf(await service.world.call("POST", "/token", { form: twice }))).toEqual([400, "invalid_request"]);
    expect(outcomeOf(await send(service, assertionOf(service), { client_assertion_type: "x" }))).toEqual(rejected);
  });

  it("public keys that were replaced, and a disabled service account, are rejected", async () => {
    const service = await openPair();
    await service.world.ampho.services.disable("nightly");
    expect(outcomeOf(await send(service, assertionOf(service)))).toEqual(rejected);
    await service.world.ampho.services.enable("nightly");
    expect((await send(service, assertionOf(service))).status).toBe(200);
    const next = pair("next");
    await service.world.ampho.services.setPublicKeys("nightly", { keys: [next.jwk] });
    expect(outcomeOf(await send(service, assertionOf(service)))).toEqual(rejected);
    expect((await send(service, assertionOf({ ...service, own: next }))).status).toBe(200);
    await service.world.ampho.services.setPublicKeys("nightly", undefined);
    expect(outcomeOf(await send(service, assertionOf({ ...service, own: next })))).toEqual(rejected);
  });

  it("a private or symmetric key, an empty set and something else are no public keys", async () => {
    const { world } = await openService();
    const { privateKey, jwk } = pair("own");
    const secret = { kty: "oct", k: Buffer.alloc(32, 7).toString("base64url"), alg: "HS256" };
    const sets = [{ keys: [privateKey.export({ format: "jwk" })] }, { keys: [secret] }, { keys: [] }, {}, jwk];
    for (const set of [...sets, { keys: [jwk, secret] }, { keys: [jwk, jwk] }, { keys: [null] }])
      await expect(world.ampho.services.setPublicKeys("nightly", set)).rejects.toMatchObject({
        code: "invalid_request",
      });
    expect((await world.ampho.services.find("nightly"))?.kids).toEqual([]);
  });
});
