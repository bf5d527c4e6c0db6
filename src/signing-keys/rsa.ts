// RSA keys: RFC 7518 §6.3, with sizes by §3.3 and §3.5 and exponents by FIPS 186-5 §A.1.1.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { isPrivate, type Jwk, type KeyReader, type Report, readInteger, tryCreate } from "./members.js";

const modulusBitsMin = 2048;
/** OpenSSL's own limit, at which one verification takes milliseconds. */
const modulusBitsMax = 16384;
const exponentMin = 65537n;
const exponentBitsMax = 64;

const privateNames = ["d", "p", "q", "dp", "dq", "qi"] as const;
type PrivateName = (typeof privateNames)[number];

const bitLength = (value: bigint): number => value.toString(2).length;

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const generator = 65537;

function isPowerOfGenerator(residue: number, prime: number): boolean {
  let power = 1;
  do {
    if (power === residue) return true;
    power = (power * generator) % prime;
  } while (power !== 1);
  return false;
}

/**
 * Finds the weak moduli of the Infineon library ("ROCA", CVE-2017-15361, Nemec et al., CCS 2017). Their primes are
 * powers of 65537 modulo many small primes, so the modulus is one too, and an attacker can factor it. The odds that a
 * good modulus is mistaken for a weak one are about one in a hundred million.
 */
const isRocaModulus = (modulus: bigint): boolean =>
  smallPrimes.every((prime) => isPowerOfGenerator(Number(modulus % BigInt(prime)), prime));

function checkPublic(n: bigint, e: bigint, report: Report): void {
  const bits = bitLength(n);
  if (bits < modulusBitsMin || bits > modulusBitsMax) {
    report(`the modulus has ${bits} bits and must have ${modulusBitsMin} to ${modulusBitsMax}`);
  } else if (n % 2n === 0n) report("the modulus is even");
  else if (isRocaModulus(n)) report("the modulus can be factored (ROCA, CVE-2017-15361)");
  if (e < exponentMin) report("the exponent `e` must be at least 65537");
  else if (e % 2n === 0n) report("the exponent `e` must be odd");
  else if (bitLength(e) > exponentBitsMax) report(`the exponent \`e\` must have at most ${exponentBitsMax} bits`);
}

function readPrivate(jwk: Jwk, report: Report): Readonly<Record<PrivateName, bigint>> | undefined {
  if (jwk["oth"] !== undefined) return void report("keys of more than two primes (`oth`) are not supported");
  const [d, p, q, dp, dq, qi] = privateNames.map((name) => readInteger(jwk, name, report));
  if (d === undefined || p === undefined || q === undefined) return undefined;
  if (dp === undefined || dq === undefined || qi === undefined) return undefined;
  return { d, p, q, dp, dq, qi };
}

/** RFC 8017 §3.2, by arithmetic, because OpenSSL accepts numbers that do not match and signs wrongly with them. */
function isPair(n: bigint, e: bigint, key: Readonly<Record<PrivateName, bigint>>): boolean {
  const { d, p, q, dp, dq, qi } = key;
  if (p <= 1n || q <= 1n || p === q || p * q !== n || d >= n) return false;
  return (
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    qi < p &&
    (q * qi) % p === 1n
  );
}

function readPublic(jwk: Jwk, report: Report) {
  let problems = 0;
  const note: Report = (problem) => {
    problems++;
    report(problem);
  };
  const n = readInteger(jwk, "n", note);
  const e = readInteger(jwk, "e", note);
  if (n !== undefined && e !== undefined) checkPublic(n, e, note);
  if (n === undefined || e === undefined || problems > 0) return undefined;
  const members = { kty: "RSA", n: String(jwk["n"]), e: String(jwk["e"]) };
  const publicKey = tryCreate(() => createPublicKey({ key: members, format: "jwk" }));
  if (publicKey === undefined) return void report("`n` and `e` are not a valid public key");
  return { n, e, publicKey, publicMembers: members };
}

export const readPublicRsa: KeyReader = readPublic;

export const readRsa: KeyReader = (jwk, report) => {
  const read = readPublic(jwk, report);
  if (!isPrivate(jwk)) return read;
  const key = readPrivate(jwk, report);
  if (read === undefined || key === undefined) return undefined;
  const { n, e, publicMembers } = read;
  if (!isPair(n, e, key)) return void report("the private members do not match the public ones");
  const secrets = Object.fromEntries(privateNames.map((name) => [name, String(jwk[name])]));
  const privateKey = tryCreate(() => createPrivateKey({ key: { ...publicMembers, ...secrets }, format: "jwk" }));
  if (privateKey === undefined) return void report("the private members are not a valid private key");
  return { ...read, privateKey };
};
