// The second factors and identities of a line. The operator vouches for them, as for a hash.
import { decodeBase32 } from "../crypto/base32.js";
import { decodeBase64url } from "../crypto/base64url.js";
import { isJsonObject } from "../crypto/json.js";
import { decodeCbor } from "../factors/passkey/cbor.js";
import { coseKeyOf, readCoseKey } from "../factors/passkey/cose.js";
import { readTransports } from "../factors/passkey/webauthn-response.js";
import { type NewPasskeyRow, passkeysMax } from "../store/sql/factors/passkeys.js";
import { identitiesMax, type ProvenIdentity } from "../store/sql/rows/identities.js";

type Wrong = { readonly wrong: string };
const wrong = (reason: string): Wrong => ({ wrong: reason });

export interface ImportedTotp {
  readonly seed: Buffer;
  /** Hashes as Ampho stores them. */
  readonly recoveryHashes: readonly string[];
}

/** NIST SP 800-63B-4 §3.1.4.1 asks for 112 bits. An app accepts no more than this. */
const seedBytes = { min: 14, max: 64 };
const hashesMax = 8;
const hashBytes = 32;

/** Undefined: the line has none. */
export function readTotp(secret: unknown, hashes: unknown): ImportedTotp | Wrong | undefined {
  if (secret === undefined)
    return hashes === undefined ? undefined : wrong("The line has recovery_hashes without totp_secret.");
  const seed = typeof secret === "string" ? decodeBase32(secret) : undefined;
  if (seed === undefined || seed.length < seedBytes.min || seed.length > seedBytes.max)
    return wrong(`The totp_secret is not ${seedBytes.min} to ${seedBytes.max} bytes in base32.`);
  const list: unknown = hashes ?? [];
  if (!Array.isArray(list) || list.length > hashesMax || !list.every(isHash))
    return wrong(`The recovery_hashes are not an array of at most ${hashesMax} SHA-256 in base64url.`);
  if (new Set(list).size < list.length) return wrong("Two recovery_hashes are the same.");
  return { seed, recoveryHashes: list };
}

const isHash = (value: unknown): value is string =>
  typeof value === "string" && decodeBase64url(value)?.length === hashBytes;

export interface ImportedPasskeys {
  /** The user handle of the account. Undefined if the other system gave each passkey its own, or kept none. */
  readonly handle: string | undefined;
  readonly passkeys: readonly NewPasskeyRow[];
}

const nameMax = 100;
const members = new Set("id public_key sign_count backup_eligible backup_state transports name user_handle".split(" "));
const noModel = "00000000-0000-0000-0000-000000000000";

/** `rp` is undefined while passkeys are not offered. */
export function readPasskeys(
  userHandle: unknown,
  value: unknown,
  rp: string | undefined,
): ImportedPasskeys | Wrong | undefined {
  if (value === undefined && userHandle === undefined) return undefined;
  if (!Array.isArray(value) || value.length < 1 || value.length > passkeysMax)
    return wrong("The passkeys are not an array of 1 to 20 objects.");
  if (rp === undefined) return wrong("Passkeys belong to a domain. Set AMPHO_APP_URL before you import them.");
  if (!isHandle(userHandle)) return badHandle;
  const read: NewPasskeyRow[] = [];
  for (const each of value as readonly unknown[]) {
    const passkey = readPasskey(each, rp);
    if ("wrong" in passkey) return passkey;
    read.push(passkey);
  }
  if (new Set(read.map(({ id }) => id)).size < read.length) return wrong("Two passkeys have the same id.");
  const own = new Set(read.map(({ ownHandle }) => ownHandle ?? userHandle));
  const handle = userHandle ?? (own.size === 1 ? read[0]?.ownHandle : undefined);
  const passkeys = read.map(({ ownHandle = userHandle ?? "", ...passkey }) => ({
    ...passkey,
    ownHandle: ownHandle === handle ? undefined : ownHandle,
  }));
  return { handle, passkeys };
}

const isHandle = (value: unknown): value is string | undefined => value === undefined || isBytes(value, 64);
const badHandle = wrong("A user_handle is not 1 to 64 bytes in base64url.");

function isBytes(value: unknown, max: number): value is string {
  const bytes = typeof value === "string" ? decodeBase64url(value) : undefined;
  return bytes !== undefined && bytes.length > 0 && bytes.length <= max;
}

function readPasskey(value: unknown, rp: string): NewPasskeyRow | Wrong {
  if (!isJsonObject(value)) return wrong("A passkey is not an object.");
  if (Object.keys(value).some((name) => !members.has(name)))
    return wrong(`A passkey has an unknown member. The members are ${[...members].join(", ")}.`);
  const { id, sign_count: signCount = 0, transports = [], name = "Passkey" } = value;
  const { backup_eligible: backupEligible, backup_state: backedUp, user_handle: ownHandle } = value;
  if (!isHandle(ownHandle)) return badHandle;
  if (!isBytes(id, 1023)) return wrong("The id of a passkey is missing or is not 1 to 1023 bytes in base64url.");
  const key = readKey(value["public_key"]);
  if (key === undefined)
    return wrong("The public_key of a passkey is no JWK and no COSE key in base64url that Ampho accepts.");
  if (!(Number.isSafeInteger(signCount) && Number(signCount) >= 0 && Number(signCount) <= 0xffffffff))
    return wrong("The sign_count of a passkey is not a whole number of 32 bits.");
  // A wrong flag would reject each login (§7.2 step 19), so there is no default.
  if (typeof backupEligible !== "boolean" || typeof backedUp !== "boolean")
    return wrong("The backup_eligible or the backup_state of a passkey is missing or is not true or false.");
  if (backedUp && !backupEligible) return wrong("A passkey has backup_state without backup_eligible.");
  if (!Array.isArray(transports)) return wrong("The transports of a passkey are not an array.");
  if (typeof name !== "string" || name === "" || name.length > nameMax || /\p{C}/u.test(name))
    return wrong("The name of a passkey is not a text of 1 to 100 characters without control characters.");
  const { publicKey } = key;
  return {
    ...key,
    publicKey: { ...publicKey },
    id,
    name,
    rp,
    backupEligible,
    backedUp,
    ownHandle,
    aaguid: noModel,
    signCount: Number(signCount),
    transports: readTransports(transports),
    userVerified: false,
    discoverable: undefined,
  };
}

function readKey(value: unknown): ReturnType<typeof readCoseKey> {
  if (isJsonObject(value)) return readCoseKey(coseKeyOf(value));
  const bytes = typeof value === "string" ? decodeBase64url(value) : undefined;
  const item = bytes && decodeCbor(bytes);
  return item === undefined || item.end !== bytes?.length ? undefined : readCoseKey(item.value);
}

export interface ImportProvider {
  readonly name: string;
  /** One, or one for each tenant. */
  readonly issuers: readonly string[];
}

type ImportedIdentity = Omit<ProvenIdentity, "email">;

/** Undefined: the line has none. */
export function readIdentities(
  value: unknown,
  providers: readonly ImportProvider[],
): readonly ImportedIdentity[] | Wrong | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > identitiesMax)
    return wrong(`The identities are not an array of at most ${identitiesMax} objects.`);
  const identities: ImportedIdentity[] = [];
  for (const each of value as readonly unknown[]) {
    const read = readIdentity(each, providers);
    if ("wrong" in read) return read;
    identities.push(read);
  }
  const texts = identities.map(({ issuer, subject }) => JSON.stringify([issuer, subject]));
  return new Set(texts).size < texts.length ? wrong("Two identities are the same.") : identities;
}

function readIdentity(value: unknown, providers: readonly ImportProvider[]): ImportedIdentity | Wrong {
  if (!isJsonObject(value)) return wrong("An identity is not an object.");
  const { provider: name, issuer, subject, ...others } = value;
  if (Object.keys(others).length > 0)
    return wrong("An identity has an unknown member. The members are provider, issuer, subject.");
  // OpenID Connect Core §2.
  if (typeof subject !== "string" || !/^[\x20-\x7e]{1,255}$/.test(subject))
    return wrong("The subject of an identity is not a text of 1 to 255 ASCII characters.");
  const found = providers.find((each) =>
    name === undefined ? typeof issuer === "string" && each.issuers.includes(issuer) : each.name === name,
  );
  // With another issuer, no login would find the identity.
  if (found === undefined)
    return wrong(
      "An identity is of no provider in AMPHO_SECURITY_PROVIDERS. Give the name as provider, or the exact issuer.",
    );
  const [only, ...more] = found.issuers;
  const chosen = issuer ?? (more.length === 0 ? only : undefined);
  if (chosen === undefined)
    return wrong("The provider of an identity has several issuers. Give the issuer of the tenant.");
  if (typeof chosen !== "string" || !found.issuers.includes(chosen))
    return wrong("The issuer of an identity is not one of its provider.");
  return { provider: found.name, issuer: chosen, subject };
}
