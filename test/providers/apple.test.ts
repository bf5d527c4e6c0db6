import { createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { start } from "../world/clock.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { keyPair } from "../world/key-pairs.js";
import { claimsOf } from "../world/tokens.js";
import { clientId, newSecrets, openProvider } from "./open.js";

const { privateKey } = keyPair("ec", { namedCurve: "P-256" });
const key = privateKey.export({ format: "pem", type: "pkcs8" }).toString();

async function openApple() {
  const standIn = await startEvilProvider(() => start);
  const settings = {
    kind: "apple",
    issuer: standIn.issuer,
    client_id: clientId,
    team: "TEAM123456",
    key_id: "KEY1234567",
    key,
  };
  const { provider, clock } = await openProvider(settings);
  const secrets = newSecrets();
  standIn.claims = { nonce: secrets.nonce, email: "x7@privaterelay.appleid.com", email_verified: "true" };
  return { standIn, provider, clock, secrets };
}

describe("Apple", () => {
  test("each request has a new client secret, signed with ES256", async () => {
    const { standIn, provider, clock, secrets } = await openApple();
    await provider.identify({ code: "code-1", state: secrets.state }, secrets);
    clock.advance(30);
    await provider.identify({ code: "code-2", state: secrets.state }, secrets);
    const [first, second] = standIn.tokenRequests.map((request) => request.get("client_secret") ?? "");
    expect(first).not.toBe(second);
    expect(claimsOf(second ?? "")).toEqual({
      iss: "TEAM123456",
      iat: start + 30,
      exp: start + 330,
      aud: standIn.issuer,
      sub: clientId,
    });
    const [header, payload, signature] = (first ?? "").split(".");
    expect(JSON.parse(Buffer.from(header ?? "", "base64url").toString())).toEqual({ alg: "ES256", kid: "KEY1234567" });
    const signedBy = { key: createPublicKey(privateKey), dsaEncoding: "ieee-p1363" } as const;
    expect(
      verify("sha256", Buffer.from(`${header}.${payload}`), signedBy, Buffer.from(signature ?? "", "base64url")),
    ).toBe(true);
  });

  test("the request asks for form_post, and Apple speaks for the address that it reports", async () => {
    const { provider, secrets } = await openApple();
    const url = new URL(await provider.authorizationUrl(secrets));
    expect(url.searchParams.get("response_mode")).toBe("form_post");
    const identity = await provider.identify({ code: "code-1", state: secrets.state }, secrets);
    expect(identity).toMatchObject({ email: "x7@privaterelay.appleid.com", emailVerified: true, speaksForEmail: true });
  });
});
