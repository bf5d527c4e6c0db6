// The configured key or keys: a JWK or a JWK Set (RFC 7517 §5) whose first key signs and whose others verify.
import { ConfigurationError } from "../errors.js";
import { importJwk, importVerifyingJwk, isJwk, type JwkReading } from "./jwk.js";
import type { Key, PublicJwk } from "./key.js";
import { isPrivate, sinceOf } from "./members.js";
import { isGuessableSecret, isWeakSecret } from "./weak-secret.js";

export interface ImportedKeys {
  /** A configuration has at least one key, and its first key can sign. */
  readonly keys: readonly Key[];
  /** A text for the log about each skipped key. */
  readonly warnings: readonly string[];
}

/** The members of a JWK Set, or the one JWK. Throws ConfigurationError when it is neither. */
export function listJwks(value: unknown): readonly unknown[] {
  if (!isJwk(value)) throw new ConfigurationError("the key must be a JSON object that is a JWK or a JWK Set");
  if (value["keys"] === undefined) return [value];
  if (!Array.isArray(value["keys"])) throw new ConfigurationError("`keys` of a JWK Set must be an array");
  if (value["keys"].length === 0) throw new ConfigurationError("the JWK Set is empty");
  return value["keys"];
}

/** Finds two keys with one `kid`, one key with two algorithms (RFC 8725 §3.1), and one secret under two `kid`s. */
function findClashes(keys: ReadonlyMap<string, Key>): string[] {
  const problems: string[] = [];
  const byKid = new Map<string, string>();
  const earlier: { position: string; key: Key }[] = [];
  for (const [position, key] of keys) {
    const twin = byKid.get(key.kid);
    if (twin !== undefined) problems.push(`${position} has the same \`kid\` as ${twin}`);
    byKid.set(key.kid, position);
    const same = earlier.find((other) => isSameMaterial(other.key, key));
    if (same !== undefined && same.key.algorithm !== key.algorithm)
      problems.push(`${position} is the same key as ${same.position} with another algorithm`);
    // A key pair can have two, so that tokens from before it got its `kid` still verify.
    else if (same?.key.material.kind === "secret" && same.key.kid !== key.kid)
      problems.push(`${position} is the same secret as ${same.position} under another \`kid\``);
    earlier.push({ position, key });
  }
  return problems;
}

/** The same key with the same `kid`: one verifies the signatures of the other. */
export const isSameKey = (one: Key, other: Key): boolean =>
  one.kid === other.kid && one.algorithm === other.algorithm && isSameMaterial(one, other);

/** The same key material, even if the `kid`s differ. */
export function isSameMaterial(one: Key, other: Key): boolean {
  const [a, b] = [one.material, other.material];
  if (a.kind === "secret") return b.kind === "secret" && a.secret.equals(b.secret);
  return b.kind === "pair" && one.publicJwk !== undefined && sameMembers(one.publicJwk, other.publicJwk);
}

const sameMembers = (one: PublicJwk, other: PublicJwk | undefined): boolean =>
  ["kty", "crv", "x", "y", "n", "e"].every((name) => one[name] === other?.[name]);

/** How one key is read, and which secrets are too weak for it. */
interface Reader {
  readonly read: (jwk: unknown) => JwkReading;
  readonly isWeak: (secret: Uint8Array) => boolean;
}

/** Keys that sign, with everything that is known about weak ones. */
const signing: Reader = { read: importJwk, isWeak: isWeakSecret };
/** A verifier is given keys that their issuer has checked. The digests of known secrets would double its size. */
const verifying: Reader = { read: importVerifyingJwk, isWeak: isGuessableSecret };

function hasWeakSecret({ material }: Key, { isWeak }: Reader): boolean {
  if (material.kind !== "secret") return false;
  const secret = material.secret.export();
  // The operator might have used a well known text directly as base64url.
  return isWeak(secret) || isWeak(Buffer.from(secret.toString("base64url")));
}

/** `unsupported`: keys of an unsupported type, which a reader of sets can skip (RFC 7517 §5). */
function readSet(members: readonly unknown[], reader: Reader) {
  const keys = new Map<string, Key>();
  const problems: string[] = [];
  const unsupported: { readonly at: number; readonly text: string }[] = [];
  for (const [at, member] of members.entries()) {
    const position = positionOf(at, members.length);
    const reading = reader.read(member);
    if (reading.outcome === "rejected") problems.push(...reading.problems.map((problem) => about(position, problem)));
    else if (reading.outcome === "unsupported") unsupported.push({ at, text: reading.why });
    else {
      keys.set(position, reading.key);
      if (hasWeakSecret(reading.key, reader)) problems.push(about(position, "`k` is a well known or guessable secret"));
    }
  }
  problems.push(...findClashes(keys));
  return { keys, problems, unsupported };
}

const whyNoSigner = (jwk: unknown): string =>
  isJwk(jwk) && ("d" in jwk || "k" in jwk) ? "but its `key_ops` does not allow it" : "but has no private part";

const onlyKey = "the key";

/** A single key needs no name before its problem. */
const about = (position: string, problem: string) => (position === onlyKey ? problem : `${position}: ${problem}`);
const positionOf = (at: number, count: number): string => (count === 1 ? onlyKey : `key ${at + 1} of ${count}`);

/**
 * Imports the parsed value of AMPHO_SECURITY_KEY.
 * Throws a ConfigurationError that names every problem and no value of a key.
 */
export function importKeys(value: unknown): ImportedKeys {
  const members = listJwks(value);
  const { keys, problems, unsupported } = readSet(members, signing);
  const first = positionOf(0, members.length);
  if (keys.get(first)?.canSign === false) problems.push(`${first} must sign, ${whyNoSigner(members[0])}`);
  const warnings: string[] = [];
  for (const { at, text } of unsupported) {
    if (at === 0) problems.push(about(first, text));
    else warnings.push(skipped(at, members.length, text));
  }
  if (problems.length > 0) throw new ConfigurationError(problems.join("; "));
  const [signer, ...others] = keys.values();
  if (signer === undefined) throw new TypeError("a set without a problem has a first key");
  const since = isJwk(members[0]) ? sinceOf(members[0], "current") : undefined;
  return { keys: [since === undefined ? signer : { ...signer, signingSince: since }, ...others], warnings };
}

const skipped = (at: number, count: number, why: string): string =>
  `${positionOf(at, count)} is skipped, because ${why}`;

/** Imports keys that only verify: public or symmetric ones, and the public part of private ones. */
export function importVerifyingKeys(value: unknown): ImportedKeys {
  const members = listJwks(value);
  const { keys, problems, unsupported } = readSet(members, verifying);
  const warnings = unsupported.map(({ at, text }) => skipped(at, members.length, text));
  if (problems.length === 0 && keys.size === 0) problems.push(...warnings);
  if (problems.length > 0) throw new ConfigurationError(problems.join("; "));
  return { keys: [...keys.values()], warnings };
}

/** Skips unusable keys, and symmetric or private ones, with which every reader could sign. Undefined for no set. */
export function importPublishedKeys(value: unknown): ImportedKeys | undefined {
  const members = isJwk(value) ? value["keys"] : undefined;
  if (!Array.isArray(members)) return undefined;
  const keys = new Map<string, Key>();
  const warnings: string[] = [];
  for (const [at, member] of members.entries()) {
    const reading = importVerifyingJwk(member);
    const why = reading.outcome === "imported" ? findUnusable(reading.key, member, keys) : whyNot(reading);
    if (why !== undefined) warnings.push(skipped(at, members.length, why));
    else if (reading.outcome === "imported") keys.set(reading.key.kid, reading.key);
  }
  return { keys: [...keys.values()], warnings };
}

function findUnusable(key: Key, jwk: unknown, before: ReadonlyMap<string, Key>): string | undefined {
  if (key.material.kind === "secret") return "it is symmetric, and every reader could sign with it";
  if (isJwk(jwk) && isPrivate(jwk)) return "it contains its private part, and every reader could sign with it";
  if (before.has(key.kid)) return "a key before it has the same `kid`";
  const twin = [...before.values()].some((one) => one.algorithm !== key.algorithm && isSameMaterial(one, key));
  return twin ? "a key before it is the same key with another algorithm" : undefined;
}

const whyNot = (reading: Exclude<JwkReading, { readonly outcome: "imported" }>): string =>
  reading.outcome === "unsupported" ? reading.why : reading.problems.join(", ");

/** The set that `/.well-known/jwks.json` publishes, without symmetric keys and private members. */
export const publicJwkSet = (keys: readonly Key[]): { readonly keys: readonly PublicJwk[] } => ({
  keys: keys.flatMap((key) => (key.publicJwk === undefined ? [] : [key.publicJwk])),
});
