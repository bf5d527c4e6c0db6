// Ampho's tokens in the libraries that other services use, and tokens of these libraries in Ampho. The table of
// docs/guides/verifying.md must show the results.

import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { type Ampho, createAmpho } from "../../dist/index.js";
import { type Algorithm, algorithmFacts } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { readVectors } from "../tokens/vectors.js";
import { atEndOfFile } from "../world/clean-up.js";
import { listening } from "../world/listen.js";
import { type Jwk, libraries } from "./libraries.js";
import { requirePython, runPython } from "./python.js";

const algorithms = [
  "HS256",
  "EdDSA",
  "Ed25519",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "PS256",
] as const satisfies Algorithm[];
type Tried = (typeof algorithms)[number];

/** RFC 7520 §3.4: making new RSA keys takes seconds. */
const rsa = readVectors<Jwk>("jose-cookbook/jwk/3_4.rsa_private_key.json");
const issuer = "https://auth.example";
const audience = "https://api.example";
const claims = { login: "alice", exp: Math.floor(Date.now() / 1000) + 600 };

interface Case {
  readonly jwk: Jwk;
  /** Its public half, or the secret. */
  readonly verifying: Jwk;
  readonly jwksUrl: string;
  readonly token: string;
  /** For another audience, from another issuer, and a refresh token. */
  readonly rejected: readonly string[];
  /** Takes tokens without `iss` and `aud`. */
  readonly seed: Ampho;
}

const open: { close(): unknown }[] = [];
const cases = new Map<Tried, Case>();
const caseOf = (algorithm: Tried): Case => {
  const found = cases.get(algorithm);
  if (found === undefined) throw new Error("no such case");
  return found;
};

async function prepare(algorithm: Tried): Promise<Case> {
  const kind = algorithmFacts(algorithm);
  const jwk: Jwk = kind.kty === "RSA" ? { ...rsa, alg: algorithm } : { ...generateJwk(algorithm), alg: algorithm };
  const create = async (tokenIssuer?: string, tokenAudience?: string) => {
    const ampho = await createAmpho({
      databaseUrl: "sqlite::memory:",
      key: jwk,
      tokenIssuer,
      tokenAudience,
      log: () => {},
    });
    open.push(ampho);
    const user = await ampho.users.create({ login: "alice", roles: ["editor"] });
    return { ampho, grant: await ampho.sessions.create(user.id) };
  };
  const [ours, elsewhere, other, seed] = [
    await create(issuer, audience),
    await create(issuer, "https://elsewhere.example"),
    await create("https://elsewhere.example", audience),
    await create(),
  ];
  const { url } = await listening(mount(ours.ampho), atEndOfFile);
  const [key] = importKeys(jwk).keys;
  return {
    jwk,
    verifying: key?.publicJwk ?? jwk,
    jwksUrl: `${url}${ours.ampho.host.prefix}/.well-known/jwks.json`,
    token: ours.grant.token,
    rejected: [elsewhere.grant.token, other.grant.token, String(ours.grant.refresh_token)],
    seed: seed.ampho,
  };
}

interface Found {
  readonly verifies: boolean;
  readonly fetches: boolean;
  readonly rejects: boolean;
  readonly made: string | null;
}

/** Library -> algorithm -> what was found. */
const found: Record<string, Partial<Record<Tried, Found>>> = {};

async function isAlice(verifying: () => Promise<Readonly<Record<string, unknown>>>): Promise<boolean> {
  try {
    return (await verifying())["login"] === "alice";
  } catch {
    return false;
  }
}

async function tryLibrary(name: string, algorithm: Tried): Promise<Found> {
  const library = libraries[name];
  if (library === undefined) throw new Error("no such library");
  const { jwk, verifying, jwksUrl, token, rejected } = caseOf(algorithm);
  const asked = { algorithm, issuer, audience };
  const wrong = await Promise.all(rejected.map((one) => isAlice(() => library.verify(one, verifying, asked))));
  return {
    verifies: await isAlice(() => library.verify(token, verifying, asked)),
    fetches: jwk["kty"] !== "oct" && (await isAlice(() => library.verifyByUrl(token, jwksUrl, asked))),
    rejects: !wrong.includes(true),
    made: await library.make(claims, jwk, algorithm).catch(() => null),
  };
}

beforeAll(async () => {
  requirePython();
  for (const algorithm of algorithms) cases.set(algorithm, await prepare(algorithm));
  for (const name of Object.keys(libraries)) {
    const row: Partial<Record<Tried, Found>> = {};
    for (const algorithm of algorithms) row[algorithm] = await tryLibrary(name, algorithm);
    found[name] = row;
  }
  const input = algorithms.map((alg) => {
    const { jwk, verifying, jwksUrl, token, rejected } = caseOf(alg);
    return {
      alg,
      jwk,
      public: verifying,
      jwks: jwk["kty"] === "oct" ? null : jwksUrl,
      token,
      rejected,
      issuer,
      audience,
      claims,
    };
  });
  Object.assign(
    found,
    JSON.parse(await runPython([path.join(import.meta.dirname, "python.py")], JSON.stringify(input))),
  );
});
afterAll(async () => {
  for (const one of open) await one.close();
});

/** Library -> the algorithms that it does not know. */
const unknown: Readonly<Record<string, readonly Tried[]>> = {
  jose: [],
  jsonwebtoken: ["EdDSA", "Ed25519"],
  "fast-jwt": ["Ed25519"],
  "hono/jwt": ["Ed25519"],
  PyJWT: ["Ed25519"],
  jwcrypto: ["Ed25519"],
};

describe.each(Object.keys(unknown))("%s", (name) => {
  describe.each(algorithms)("%s", (algorithm) => {
    const known = !unknown[name]?.includes(algorithm);
    const result = () => found[name]?.[algorithm];

    test(`the library ${known ? "accepts" : "does not know"} Ampho's tokens, by the key and by the JWKS`, () => {
      const fetches = known && algorithmFacts(algorithm).kty !== "oct";
      expect(result()).toMatchObject({ verifies: known, fetches });
    });

    test("the library rejects tokens for another audience, from another issuer, and refresh tokens", () => {
      expect(result()?.rejects).toBe(true);
    });

    test(`the library ${known ? "creates" : "does not create"} tokens that Ampho authorizes`, async () => {
      const { made } = result() ?? {};
      if (!known) return expect(made).toBeNull();
      const { seed, verifying } = caseOf(algorithm);
      const verifier = createVerifier({ keys: verifying });
      expect(await seed.verify(made ?? "")).toMatchObject({ login: "alice", id: undefined, session: undefined });
      expect(await verifier.verify(made ?? "")).toMatchObject({ login: "alice", expires: claims.exp });
      return undefined;
    });
  });
});

test("docs/guides/verifying.md shows the results of all libraries", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/verifying.md"), "utf8");
  const rows = Object.keys(unknown).map((name) => {
    const cells = algorithms.map((algorithm) => (found[name]?.[algorithm]?.verifies ? "yes" : "no"));
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  expect(page).toContain(
    [`| | ${algorithms.join(" | ")} |`, `| --- ${"| --- ".repeat(algorithms.length)}|`, ...rows].join("\n"),
  );
});
