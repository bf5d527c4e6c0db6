// Reads the test vectors of WebAuthn Level 3, section 16, from the file `index.bs` of the repository of the standard. The
// file is not in this repository. It is in the folder of `beside`, or AMPHO_TEST_WEBAUTHN_VECTORS names it.
import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The named bytes of one ceremony. */
export type VectorBytes = Readonly<Record<string, Buffer | undefined>>;

export interface Vector {
  readonly name: string;
  readonly registration: VectorBytes;
  readonly authentication: VectorBytes;
}

const beside = fileURLToPath(new URL("../../../../shared/vectors/webauthn/index.bs", import.meta.url));
const path = process.env["AMPHO_TEST_WEBAUTHN_VECTORS"] ?? beside;

function readBlock(block: string): VectorBytes {
  const values = [...block.matchAll(/^(\w+) = (?:[^'\n]*= )?h'([0-9a-f]*)'/gm)];
  return Object.fromEntries(values.map(([, name, hex]) => [name, Buffer.from(hex ?? "", "hex")]));
}

/** Returns the 15 pairs. */
export function readVectors(): readonly Vector[] {
  if (!existsSync(path))
    throw new Error("Set AMPHO_TEST_WEBAUTHN_VECTORS to the file index.bs of the repository w3c/webauthn.");
  const section = readFileSync(path, "utf8").split(/^# Test Vectors #.*$/m)[1] ?? "";
  return section.split(/^## /m).flatMap((text) => {
    const blocks = [...text.matchAll(/<xmp class="example" highlight="cddl">\n(.*?)<\/xmp>/gs)];
    const [registration, authentication] = blocks.map(([, block]) => readBlock(block ?? ""));
    if (registration?.["attestationObject"] === undefined || authentication?.["signature"] === undefined) return [];
    return [{ name: text.slice(0, text.indexOf(" ##")), registration, authentication }];
  });
}

export function bytesIn(values: VectorBytes, name: string): Buffer {
  const bytes = values[name];
  if (bytes === undefined) throw new Error(`the vector has no ${name}`);
  return bytes;
}

const toInteger = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);

function toText(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
}

/** The inverse of `value` modulo `modulus`. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [previous, current, previousRest, rest] = [0n, 1n, modulus, value % modulus];
  while (rest > 0n) {
    const quotient = previousRest / rest;
    [previous, current] = [current, previous - quotient * current];
    [previousRest, rest] = [rest, previousRest - quotient * rest];
  }
  return ((previous % modulus) + modulus) % modulus;
}

/** Returns the published private key that belongs to the public one. */
export function privateKeyOf({ registration }: Vector, publicKey: JsonWebKey): KeyObject {
  if (publicKey.kty !== "RSA") {
    const d = registration["credential_private_key"] ?? bytesIn(registration, "private_key");
    const size = publicKey.crv === "P-521" ? 66 : d.length;
    const padded = Buffer.concat([Buffer.alloc(size - d.length), d]).toString("base64url");
    return createPrivateKey({ key: { ...publicKey, d: padded }, format: "jwk" });
  }
  const p = toInteger(bytesIn(registration, "private_key_p"));
  const q = toInteger(bytesIn(registration, "private_key_q"));
  const d = inverse(65537n, (p - 1n) * (q - 1n));
  const numbers = { d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const texts = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, toText(value)]));
  return createPrivateKey({ key: { ...publicKey, ...texts }, format: "jwk" });
}
