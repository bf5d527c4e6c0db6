import { describe, expect, test } from "vitest";
import { algorithmNames } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { thumbprint } from "../../dist/signing-keys/thumbprint.js";
import { execute } from "../world/command.js";

const generateUrl = new URL("../../dist/signing-keys/generate.js", import.meta.url).href;

describe("a new key", () => {
  test.each(algorithmNames.filter((name) => !/^[RP]S(384|512)/.test(name)))(
    "a generated key for %s is a valid configuration by itself",
    (algorithm) => {
      const jwk = generateJwk(algorithm);
      expect(Object.keys(jwk).slice(0, 3)).toEqual(["kty", "alg", "kid"]);
      const { keys } = importKeys(jwk);
      expect(keys[0]).toMatchObject({ algorithm, kid: jwk["kid"], canSign: true });
      expect(importKeys({ ...jwk, kid: undefined }).keys[0]?.kid).toBe(jwk["kid"]);
    },
  );

  test("a generated secret is as long as the output of its hash, and different each time", () => {
    expect(Buffer.from(generateJwk("HS256")["k"] ?? "", "base64url")).toHaveLength(32);
    expect(Buffer.from(generateJwk("HS512")["k"] ?? "", "base64url")).toHaveLength(64);
    expect(generateJwk("HS256")["k"]).not.toBe(generateJwk("HS256")["k"]);
    expect(thumbprint("oct", generateJwk("HS256"))).toHaveLength(43);
  });

  test("a garbage collection during a generation does not block the process", async () => {
    // The young generation is small, and is full at another point of each round.
    const source = `
      import { generateJwk } from ${JSON.stringify(generateUrl)};
      const garbage = [];
      for (let round = 0; round < 3_000; round += 1) {
        for (let n = 0; n < (round * 7919) % 977; n += 1) garbage[n % 10] = { n };
        generateJwk(round % 2 === 0 ? "EdDSA" : "ES256");
      }`;
    const args = ["--max-semi-space-size=1", "--input-type=module", "--eval", source];
    const { code, stderr } = await execute(process.execPath, args, { cwd: process.cwd(), env: {} });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
