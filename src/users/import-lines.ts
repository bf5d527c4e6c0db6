// The input of an import, JSON Lines (jsonlines.org), is split into lines, and each is read as a new user.
import type { Readable } from "node:stream";
import { isTexts, parseJsonObject } from "../crypto/json.js";
import { findOwnAddressProblem, parseAddress } from "../logins/address.js";
import { canonicalLogin, checkNewLogin, isLikeServiceId } from "../logins/login-name.js";
import { identifyHash } from "../passwords/formats/formats.js";
import type { StagedUser } from "../store/sql/account/imports.js";
import { emailOf } from "../store/sql/rows/users.js";
import { findRoleProblem } from "./directory.js";
import { type ImportedTotp, type ImportProvider, readIdentities, readPasskeys, readTotp } from "./import-members.js";

/** A line has a login, a hash and roles. The longest useful one has some thousand bytes. */
export const lineMaxBytes = 65_536;

const lineFeed = 0x0a;

type Chunk = Uint8Array | string;

/** Chunks of JSON Lines, or its lines with or without their line feeds. */
export type ImportInput = Readable | AsyncIterable<Chunk> | Iterable<Chunk>;

/**
 * Yields the lines of an input, without their line feeds. Of a line that is too long it keeps only what shows that, so
 * memory is bounded for any input.
 *
 * A stream can split its bytes anywhere, so the first items decide whether an item without a line feed is a line. It is
 * one if it is a complete JSON object, or a string that cannot be the beginning of one.
 */
export async function* linesOf(input: ImportInput): AsyncGenerator<Chunk> {
  let parts: Buffer[] = [];
  let length = 0;
  /** Undefined until an item shows it. */
  let itemsAreLines: boolean | undefined;
  const keep = (part: Buffer): void => {
    const room = lineMaxBytes + 1 - length;
    if (room <= 0 || part.length === 0) return;
    parts.push(part.subarray(0, room));
    length += Math.min(part.length, room);
  };
  const take = (): Buffer => {
    // Most lines lie within one chunk. The others are copied once.
    const line = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of input as AsyncIterable<Chunk>) {
    const bytes = bytesOf(chunk);
    let end = bytes.indexOf(lineFeed);
    itemsAreLines ??= areLines(chunk, bytes, end);
    if (end < 0 && itemsAreLines === true) {
      // As it came: a string can still be checked for well-formed Unicode.
      yield chunk;
      continue;
    }
    let start = 0;
    for (; end >= 0; end = bytes.indexOf(lineFeed, start)) {
      keep(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    keep(bytes.subarray(start));
  }
  if (length > 0) yield take();
}

/** Undefined if this item can be either: it is empty, or it ends with its only line feed. */
function areLines(chunk: Chunk, bytes: Buffer, end: number): boolean | undefined {
  if (end >= 0) return end === bytes.length - 1 ? undefined : false;
  if (bytes.length === 0) return undefined;
  if (typeof chunk === "string" && !/^[\uFEFF\s]*\{/.test(chunk)) return true;
  return parseJsonObject(withoutMark(bytes)) !== undefined;
}

export function bytesOf(text: Uint8Array | string): Buffer {
  if (typeof text === "string") return Buffer.from(text);
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}

export interface ReadUser {
  /** The secret of `totp` is sealed later, for the id of its user. */
  readonly user: Omit<StagedUser, "id" | "totp"> & {
    readonly id: string | undefined;
    readonly totp: ImportedTotp | undefined;
  };
  /** The user has proven the address to another system. */
  readonly emailProven: boolean;
  /** The hash's format for the report, or `none`. */
  readonly format: string;
  readonly bytes: number;
}

export type ReadLine = ReadUser | { readonly wrong: string } | "empty";

const wrong = (reason: string) => ({ wrong: reason });

export interface ImportSettings {
  /** The relying party of passkeys. Undefined while they are not offered. */
  readonly rp?: string | undefined;
  readonly providers?: readonly ImportProvider[] | undefined;
}

/** `line`: its number, from 1. The reason of a wrong line is for people and contains nothing of the line. */
export function readImportLine(text: Uint8Array | string, line: number, settings: ImportSettings = {}): ReadLine {
  if (typeof text === "string" && !text.isWellFormed()) return wrong("The line is not well-formed Unicode.");
  const bytes = line === 1 ? withoutMark(bytesOf(text)) : bytesOf(text);
  if (bytes.length > lineMaxBytes) return wrong(`The line has more than ${lineMaxBytes} bytes.`);
  if (bytes.every(isBlank)) return "empty";
  const object = parseJsonObject(bytes);
  if (object === undefined) return wrong("The line is not a JSON object in UTF-8 whose members are all different.");
  return readMembers(object, line, bytes.length, settings);
}

const members = new Set(
  "id login password_hash roles disabled email email_proven totp_secret recovery_hashes user_handle passkeys identities".split(
    " ",
  ),
);

function readMembers(
  object: Readonly<Record<string, unknown>>,
  line: number,
  bytes: number,
  { rp, providers = [] }: ImportSettings,
): ReadLine {
  // If it were ignored, a misspelt `password_hash` would create users who cannot sign in.
  if (Object.keys(object).some((name) => !members.has(name)))
    return wrong(`The line has an unknown member. The members are ${[...members].join(", ")}.`);
  const { id, login, password_hash: passwordHash = null, roles = [], disabled = false } = object;
  if (id !== undefined && !isUserId(id)) return wrong("The id is not a text of 1 to 255 visible ASCII characters.");
  if (id !== undefined && isLikeServiceId(id)) return wrong("The id has the form of the id of a service account.");
  if (typeof disabled !== "boolean") return wrong("The member disabled is not true or false.");
  if (typeof login !== "string") return wrong("The login is missing or is not a string.");
  const reason = checkNewLogin(login);
  if (reason !== undefined) return wrong(reason);
  if (passwordHash !== null && typeof passwordHash !== "string")
    return wrong("The password_hash is not a string. Give a JSON credential as the text of its JSON.");
  if (!isTexts(roles)) return wrong("The roles are not an array of strings.");
  const badRole = findRoleProblem(roles);
  if (badRole !== undefined) return wrong(badRole);
  const hash = passwordHash === null ? { format: "none", current: true } : identifyHash(passwordHash);
  if ("reason" in hash) return wrong(hash.reason);
  const email = readEmail(login, object["email"], object["email_proven"]);
  if ("wrong" in email) return email;
  const passkeys = readPasskeys(object["user_handle"], object["passkeys"], rp);
  if (passkeys !== undefined && "wrong" in passkeys) return passkeys;
  const totp = readTotp(object["totp_secret"], object["recovery_hashes"]);
  if (totp !== undefined && "wrong" in totp) return totp;
  const identities = readIdentities(object["identities"], providers);
  if (identities !== undefined && "wrong" in identities) return identities;
  const hashKind = hash.current ? null : hash.format;
  const state = { id, disabled };
  const proofs = { passwordHash, hashKind, passkeys, totp, identities };
  const names = { login, email: email.address, canonical: canonicalLogin(login), roles: [...new Set(roles)], line };
  return { user: { ...names, ...state, ...proofs }, emailProven: email.proven, format: hash.format, bytes };
}

const isUserId = (value: unknown): value is string => typeof value === "string" && /^[!-~]{1,255}$/.test(value);

/** Without an address of its own, a login that is an address is the user's. */
function readEmail(login: string, email: unknown = null, proven: unknown = false) {
  if (email !== null && typeof email !== "string") return wrong("The email is not a string.");
  if (typeof proven !== "boolean") return wrong("The email_proven is not true or false.");
  const address = parseAddress(email ?? login);
  if (address === undefined && email !== null) return wrong("The email is not one e-mail address.");
  const problem = findOwnAddressProblem(canonicalLogin(login), address);
  if (problem !== undefined) return wrong(problem);
  if (address === undefined && proven) return wrong("The line has email_proven without an address.");
  return { address: address && emailOf(address, undefined), proven };
}

/** Some programs write a byte order mark before the first line, and parsers can ignore it (RFC 8259 §8.1). */
function withoutMark(bytes: Buffer): Buffer {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === lineFeed;
