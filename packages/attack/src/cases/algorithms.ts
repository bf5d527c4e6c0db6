// The algorithm comes from the key, never from the token (RFC 8725 §2.1, §3.1).
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { type Attack, notRun, rejectsTokens, type Target } from "../attack.js";
import { membersOf } from "../exchange.js";
import { type Content, encode, forge, forgeHmac, join, parseSegment, segmentsOf } from "../forge.js";
import { isObject } from "../key.js";
import { goodClaims, keyOf } from "./good.js";

const hmacs = ["HS256", "HS384", "HS512"] as const;
const nones = ["none", "None", "NONE", "nOnE", "none ", ""];

async function unsigned(target: Target) {
  const { token } = await target.sharedSession();
  const { payload, signature } = segmentsOf(token);
  const claims: readonly (readonly [string, string])[] = [
    ["the token's own claims", payload],
    ["made-up claims", encode(goodClaims(target))],
  ];
  const headers = nones.map((alg) => [`alg ${JSON.stringify(alg)}`, encode({ alg, typ: "at+jwt" })] as const);
  const bare = [["no alg", encode({ typ: "at+jwt" })] as const, ["alg null", encode({ alg: null })] as const];
  return rejectsTokens(
    target,
    [...headers, ...bare].flatMap(([alg, header]) =>
      claims.flatMap(([whose, body]) => [
        [`${alg}, ${whose}, no signature`, join(header, body, "")] as const,
        [`${alg}, ${whose}, a signature`, join(header, body, signature)] as const,
      ]),
    ),
  );
}

/** Every form of a public key that an application could have passed to a verifier as "the key". */
function spellingsOf(jwk: JsonWebKey): readonly (readonly [string, string | Uint8Array])[] {
  const values = [jwk.n, jwk.x, jwk.y, jwk.k].filter((value) => value !== undefined);
  return [
    ...encodingsOf(jwk),
    ["JWK", JSON.stringify(jwk)],
    ...values.map((value) => ["member as text", value] as const),
    ...values.map((value) => ["member as bytes", Buffer.from(value, "base64url")] as const),
  ];
}

function encodingsOf(jwk: JsonWebKey): readonly (readonly [string, string | Uint8Array])[] {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    // Node cannot read this JWK. Another product can publish keys of its own kind.
    return [];
  }
  const pem = key.export({ format: "pem", type: "spki" }).toString();
  return [
    ["PEM", pem],
    ["PEM without its last line end", pem.trimEnd()],
    ["PEM with CRLF", pem.replaceAll("\n", "\r\n")],
    ["DER", key.export({ format: "der", type: "spki" })],
    ...(jwk.kty === "RSA" ? ([["PKCS #1", key.export({ format: "pem", type: "pkcs1" }).toString()]] as const) : []),
  ];
}

async function confused(target: Target) {
  const { keys } = membersOf(await target.send({ path: "/.well-known/jwks.json" }));
  const published: readonly JsonWebKey[] = Array.isArray(keys) ? keys.filter(isObject) : [];
  if (published.length === 0) return notRun("The server publishes no public key.");
  const { payload } = segmentsOf((await target.sharedSession()).token);
  const tokens: (readonly [string, string])[] = [];
  for (const jwk of published)
    for (const [what, secret] of spellingsOf(jwk))
      for (const alg of hmacs)
        for (const header of [{ alg, kid: jwk["kid"], typ: "at+jwt" }, { alg }]) {
          const input = `${encode(header)}.${payload}`;
          tokens.push([`${alg} with the public key as ${what}`, forgeRaw(secret, header, input)]);
        }
  return rejectsTokens(target, tokens);
}

/** Keeps the bytes of the payload. */
function forgeRaw(secret: string | Uint8Array, header: { readonly alg: string }, input: string): string {
  const [, payload = ""] = input.split(".");
  return forgeHmac(secret, header, Buffer.from(payload, "base64url"));
}

const commonSecrets = [
  "",
  "\0",
  "secret",
  "your-256-bit-secret",
  "changeme",
  "password",
  "key",
  "null",
  "undefined",
  "ampho",
];

async function guessed(target: Target) {
  const { token } = await target.sharedSession();
  const { header, payload } = segmentsOf(token);
  const { kid } = parseSegment(header);
  const secrets: readonly (readonly [string, string | Uint8Array])[] = [
    ...commonSecrets.map((secret) => [secret === "" ? "nothing" : `${JSON.stringify(secret)}`, secret] as const),
    ["32 zero bytes", Buffer.alloc(32)],
    ["the kid", typeof kid === "string" ? kid : "kid"],
  ];
  return rejectsTokens(
    target,
    secrets.flatMap(([what, secret]) =>
      hmacs.map((alg) => {
        const content: Content = Buffer.from(payload, "base64url");
        return [`${alg} with ${what} as the secret`, forgeHmac(secret, { alg, kid, typ: "at+jwt" }, content)] as const;
      }),
    ),
  );
}

async function otherAlgorithm(target: Target) {
  const key = keyOf(target);
  const { kid, algorithm } = key;
  const claims = goodClaims(target);
  const named = [
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "PS256",
    "ES256",
    "EdDSA",
    algorithm.toLowerCase(),
    `${algorithm} `,
  ];
  const wrong = named.filter((alg) => alg !== algorithm && !(algorithm === "Ed25519" && alg === "EdDSA"));
  const signed = wrong.map(
    (alg) => [`signed by ${algorithm}, named ${alg}`, forge(key, { alg, kid, typ: "at+jwt" }, claims)] as const,
  );
  if (key.secret === undefined) return rejectsTokens(target, signed);
  const secret = key.secret.export();
  const related = hmacs
    .filter((alg) => alg !== algorithm)
    .flatMap((alg) => [
      [`the same secret by ${alg}`, forgeHmac(secret, { alg, kid, typ: "at+jwt" }, claims)] as const,
      [`the same secret by ${alg}, no kid`, forgeHmac(secret, { alg }, claims)] as const,
    ]);
  return rejectsTokens(target, [...signed, ...related]);
}

export const algorithmAttacks: readonly Attack[] = [
  {
    id: "alg-none",
    title: "Send a token with the algorithm none",
    source: "RFC 8725 §3.2, CVE-2015-9235",
    run: unsigned,
  },
  {
    id: "alg-confusion",
    title: "Sign with the public key as an HMAC secret",
    source: "RFC 8725 §2.1, CVE-2016-10555",
    run: confused,
  },
  {
    id: "alg-other",
    title: "Use the right key with another algorithm",
    source: "RFC 8725 §3.1",
    needs: "key",
    run: otherAlgorithm,
  },
  { id: "weak-secret", title: "Sign with a common secret", source: "RFC 8725 §3.5", run: guessed },
];
