// Assertions of service accounts that must get no access token (RFC 7523 §3). Each wrong one counts for this address, and
// twenty are too many, so there are few.
import { createPublicKey, randomUUID } from "node:crypto";
import { type Attack, blocked, sendEach, succeeded, type Target, type TestService, type Verdict } from "../attack.js";
import { encode, forgeHmac, join, segmentsOf } from "../forge.js";
import { importKey, newJwk } from "../key.js";
import {
  type AssertionChange,
  asking,
  assertionOf,
  hasToken,
  heldScope,
  judgeRejected,
  servicesOf,
  withAssertions,
} from "./oauth.js";

async function judgeAssertions(target: Target, assertions: readonly (readonly [string, string])[]): Promise<Verdict> {
  return judgeRejected(
    await sendEach(
      target,
      assertions.map(([what, text]) => [what, asking(text)] as const),
    ),
  );
}

const forged = (target: Target) =>
  withAssertions(target, async ({ gateway, other }) => {
    const { signing } = gateway;
    const { payload } = segmentsOf(assertionOf(target, gateway));
    const claims = Buffer.from(payload, "base64url");
    const publicKey = createPublicKey({ key: { ...signing.publicJwk }, format: "jwk" });
    const pem = publicKey.export({ format: "pem", type: "spki" });
    const own = importKey(newJwk("ES256"));
    return judgeAssertions(target, [
      ["alg none", join(encode({ alg: "none" }), payload, "")],
      ["HS256 with the public key", forgeHmac(pem, { alg: "HS256", kid: signing.kid }, claims)],
      ["the key of another service account", assertionOf(target, gateway, { key: other.signing })],
      [
        "the key of another service account under its own name",
        assertionOf(target, gateway, { key: other.signing, header: { kid: other.signing.kid } }),
      ],
      ["a key in its header", assertionOf(target, gateway, { key: own, header: { jwk: own.publicJwk, kid: own.kid } })],
    ]);
  });

const wrongClaims = (target: Target) =>
  withAssertions(target, ({ gateway, other }, audience) => {
    const now = target.now();
    const cases: readonly (readonly [string, AssertionChange["claims"]])[] = [
      ["for another audience", { aud: "https://elsewhere.example/token" }],
      ["for several audiences", { aud: [audience, "https://elsewhere.example"] }],
      ["of another issuer", { iss: other.id }],
      ["expired", { iat: now - 900, exp: now - 600 }],
      ["valid for ten years", { exp: now + 3650 * 86_400 }],
      ["without exp", { exp: undefined }],
      ["without jti", { jti: undefined }],
    ];
    return judgeAssertions(
      target,
      cases.map(([what, claims]) => [what, assertionOf(target, gateway, { claims: claims ?? {} })] as const),
    );
  });

const racers = 3;

const replayed = (target: Target) =>
  withAssertions(target, async ({ gateway }) => {
    const assertion = assertionOf(target, gateway, { claims: { jti: randomUUID() } });
    const responses = await Promise.all(Array.from({ length: racers }, () => target.send(asking(assertion))));
    const granted = [...responses, await target.send(asking(assertion))].filter(hasToken).length;
    return granted <= 1 ? blocked : succeeded(`one assertion got ${granted} access tokens`);
  });

/** The key was replaced, and then the service account was disabled. */
const stale = (target: Target) =>
  withAssertions(target, async () => {
    const services = servicesOf(target);
    const service = await services.create([heldScope]);
    const next: TestService = { ...service, signing: importKey(newJwk("ES256")) };
    await services.setPublicKey(service, next.signing.publicJwk ?? {});
    const first = await judgeAssertions(target, [["with the key that was replaced", assertionOf(target, service)]]);
    if (first.outcome !== "blocked") return first;
    await services.disable(service);
    return judgeAssertions(target, [["of a disabled service account", assertionOf(target, next)]]);
  });

export const assertionAttacks: readonly Attack[] = [
  {
    id: "assertion-forged",
    title: "Sign the assertion of a service account with another key",
    source: "RFC 7523 §3, RFC 8725 §2.1",
    needs: "testUsers",
    run: forged,
  },
  {
    id: "assertion-claims",
    title: "Send an assertion for another server, of another issuer or out of time",
    source: "RFC 7523 §3",
    needs: "testUsers",
    run: wrongClaims,
  },
  {
    id: "assertion-replay",
    title: `Send one assertion ${racers} times at once, and again`,
    source: "RFC 7523 §3, CWE-294",
    needs: "testUsers",
    run: replayed,
  },
  {
    id: "assertion-stale",
    title: "Use a replaced key, or that of a disabled service account",
    source: "CWE-613",
    needs: "testUsers",
    run: stale,
  },
];
