// The text of an API key: `{brand}_key_`, 30 random characters and the CRC-32 of all that in 6 characters, base62. A
// secret scanner finds it by its prefix. A guard recognizes a mistyped key, or another text, without the database.
import { hash as digest } from "node:crypto";
import { crc32 } from "node:zlib";
import { randomOctets } from "../crypto/random.js";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const [randomCharacters, checkCharacters] = [30, 6];

const prefixOf = (brand: string) => `${brand}_key_`;

/** 178 random bits. */
export function generateApiKey(brand: string): string {
  let text = prefixOf(brand);
  const end = text.length + randomCharacters;
  // Bytes from 248 on are dropped, so that each character is equally likely.
  while (text.length < end)
    for (const byte of randomOctets(end - text.length)) if (byte < 248) text += digits.charAt(byte % digits.length);
  return text + checkOf(text);
}

function checkOf(text: string): string {
  let value = crc32(text);
  let check = "";
  for (let at = 0; at < checkCharacters; at++) {
    check = digits.charAt(value % digits.length) + check;
    value = Math.floor(value / digits.length);
  }
  return check;
}

/** Returns whether a text can be a key: its prefix, its length, its characters and its checksum are right. */
export function apiKeyTest(brand: string): (text: string) => boolean {
  const prefix = prefixOf(brand);
  const length = prefix.length + randomCharacters + checkCharacters;
  return (text) => {
    if (text.length !== length || !text.startsWith(prefix) || !/^\w*$/.test(text)) return false;
    const checked = text.slice(0, -checkCharacters);
    return !checked.includes("_", prefix.length) && text.endsWith(checkOf(checked));
  };
}

/** The text that the database has of a key. A key has 178 random bits, so that one hash without a salt is enough. */
export const apiKeyHash = (key: string): string => digest("sha256", key, "base64url");

/** The first random characters, by which its owner recognizes a key. */
export const apiKeyStart = (key: string): string => key.slice(key.lastIndexOf("_") + 1).slice(0, 4);

/** Users can have keys, or services get access tokens for theirs. */
export const acceptsApiKeys = (settings: {
  readonly apiKeysPerUser: number;
  readonly tokenEndpoint: boolean;
}): boolean => settings.apiKeysPerUser > 0 || settings.tokenEndpoint;
