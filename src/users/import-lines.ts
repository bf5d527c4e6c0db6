// JSON Lines (jsonlines.org) in and out of bytes: what a stream gives is cut into lines, and a line is read as a new user.

import { parseJsonObject } from "../crypto/json.js";
import { canonicalLogin, checkNewLogin } from "../logins/login-name.js";
import { identifyHash } from "../passwords/formats/formats.js";
import type { StagedUser } from "../store/sql/imports.js";
import { findRoleProblem } from "./roles.js";

/** A line holds a login, a hash and roles: the longest of any use has some thousand bytes. */
export const lineMaxBytes = 65_536;

const lineFeed = 0x0a;

/**
 * The lines of a stream of bytes (or of text), without their line feeds. Of a line that is too long only so much is kept
 * that it is seen to be too long: memory stays bounded whatever comes.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array> {
  let parts: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer): void => {
    const room = lineMaxBytes + 1 - length;
    if (room <= 0 || part.length === 0) return;
    parts.push(part.subarray(0, room));
    length += Math.min(part.length, room);
  };
  const take = (): Buffer => {
    // Most lines lie within one chunk; the others are copied once.
    const line = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    const bytes = bytesOf(chunk);
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
      keep(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    keep(bytes.subarray(start));
  }
  if (length > 0) yield take();
}

export function bytesOf(text: Uint8Array | string): Buffer {
  if (typeof text === "string") return Buffer.from(text);
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}

export interface ReadUser {
  readonly user: Omit<StagedUser, "id">;
  /** By which the report counts: the hash's, or `none`. */
  readonly format: string;
  /** Of the line. */
  readonly bytes: number;
}

export type ReadLine = ReadUser | { readonly wrong: string } | "empty";

const wrong = (reason: string) => ({ wrong: reason });

/** Reasons are for people and hold nothing of the line. `first`: a byte order mark may stand before it. */
export function readImportLine(text: Uint8Array | string, line: number): ReadLine {
  if (typeof text === "string" && !text.isWellFormed()) return wrong("The line is not well-formed Unicode.");
  const bytes = withoutMark(bytesOf(text), line);
  if (bytes.length > lineMaxBytes) return wrong(`The line has more than ${lineMaxBytes} bytes.`);
  if (bytes.every(isBlank)) return "empty";
  const object = parseJsonObject(bytes);
  if (object === undefined)
    return wrong("The line is not a JSON object in UTF-8 in which each member is written once.");
  return readMembers(object, line, bytes.length);
}

const members = new Set(["login", "password_hash", "roles"]);

function readMembers(object: Readonly<Record<string, unknown>>, line: number, bytes: number): ReadLine {
  // Left aside, a misspelled `password_hash` would make users who cannot log in.
  if (Object.keys(object).some((name) => !members.has(name)))
    return wrong("The line has a member that is none of login, password_hash and roles.");
  const { login, password_hash: passwordHash = null, roles = [] } = object;
  if (typeof login !== "string") return wrong("The login is missing, or is not a string.");
  const reason = checkNewLogin(login);
  if (reason !== undefined) return wrong(reason);
  if (passwordHash !== null && typeof passwordHash !== "string")
    return wrong("The password_hash is not a string (a JSON credential is given as the text of its JSON).");
  if (!isTexts(roles)) return wrong("The roles are not an array of strings.");
  const badRole = findRoleProblem(roles);
  if (badRole !== undefined) return wrong(badRole);
  const hash = passwordHash === null ? { format: "none", kind: undefined } : identifyHash(passwordHash);
  if ("refused" in hash) return wrong(hash.refused);
  const user = {
    login,
    canonical: canonicalLogin(login),
    passwordHash,
    hashKind: hash.kind ?? null,
    roles: [...new Set(roles)],
    line,
  };
  return { user, format: hash.format, bytes };
}

/** Some programs write a byte order mark before the first line; it says nothing here (RFC 8259 section 8.1). */
function withoutMark(bytes: Buffer, line: number): Buffer {
  const marked = line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === lineFeed;

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
