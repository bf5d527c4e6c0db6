// The examples of RFC 7520, 7797 and 8037 from the JOSE cookbook, below the claims layer: their payloads are text.
import { describe, expect, test } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { importJwk } from "../../dist/signing-keys/jwk.js";
import { createKeySet } from "../../dist/signing-keys/key.js";
import { verifyJws } from "../../dist/tokens/jws.js";
import { listVectors, readVectors } from "./vectors.js";

interface Example {
  readonly input: {
    readonly payload: string;
    readonly key?: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];
    readonly alg?: string | readonly string[];
  };
  readonly output: { readonly compact?: string; readonly json?: unknown; readonly json_flat?: unknown };
}

function read(file: string) {
  const { input, output } = readVectors<Example>(`jose-cookbook/${file}`);
  const jwks = [input.key ?? []].flat();
  // The keys of the cookbook name no algorithm, but the example does.
  const algorithms = [input.alg ?? []].flat();
  const keys = jwks.flatMap((jwk, at) => {
    const reading = importJwk({ alg: algorithms[at], ...jwk });
    return reading.outcome === "imported" ? [reading.key] : [];
  });
  return { input, output, keys: createKeySet(keys) };
}

const into = Buffer.alloc(8192);

describe("the compact examples", () => {
  test.each([
    "jws/4_1.rsa_v15_signature.json",
    "jws/4_2.rsa-pss_signature.json",
    "jws/4_3.ecdsa_signature.json",
    "jws/4_4.hmac-sha2_integrity_protection.json",
    "curve25519/jws.json",
  ])("the verifier accepts the example %s", (file) => {
    const { input, output, keys } = read(file);
    expect(keys.keys).toHaveLength(1);
    const { payloadBytes } = verifyJws(output.compact ?? "", keys, new Set(), into);
    expect(into.toString("utf8", 0, payloadBytes)).toBe(input.payload);
  });
});

describe("the verifier rejects the examples in other serializations", () => {
  test.each([
    ...["4_5.signature_with_detached_content", "4_6.protecting_specific_header_fields"].map(
      (name) => `jws/${name}.json`,
    ),
    ...["4_7.protecting_content_only", "4_8.multiple_signatures"].map((name) => `jws/${name}.json`),
    ...listVectors("jose-cookbook/rfc7797").map((path) => path.slice("jose-cookbook/".length)),
  ])("the verifier rejects the example %s", (file) => {
    const { output, keys } = read(file);
    const forms = [output.compact, output.json, output.json_flat].filter((form) => form !== undefined);
    expect(forms.length).toBeGreaterThan(0);
    for (const form of forms) {
      const token = typeof form === "string" ? form : JSON.stringify(form);
      expect(() => verifyJws(token, keys, new Set(), into)).toThrow(AmphoError);
    }
  });
});

test.each([
  "jwk/3_2.ec_private_key.json",
  "jwk/3_4.rsa_private_key.json",
  "jwk/3_5.symmetric_key_mac_computation.json",
])("the key %s can sign", (file) => {
  const reading = importJwk(readVectors(`jose-cookbook/${file}`));
  expect(reading.outcome === "imported" && reading.key.canSign).toBe(true);
});

test.each(["jwk/3_1.ec_public_key.json", "jwk/3_3.rsa_public_key.json"])("the key %s only verifies", (file) => {
  const reading = importJwk(readVectors(`jose-cookbook/${file}`));
  expect(reading.outcome === "imported" && !reading.key.canSign).toBe(true);
});
