// The policy for new passwords (NIST SP 800-63B-4 §3.1.1.2, docs/reference/contract.md §2): a minimum length, no common
// password, also not with padding, no login and no product name. No rule requires kinds of characters.
import { createHash } from "node:crypto";
import type { Origin } from "../audit/entry.js";
import { foldText } from "../logins/login-name.js";
import { checkPasswordText, normalizePassword, type PasswordProblem, passwordMaxCharacters, tooLong } from "./hash.js";
import { longCommonPasswordDigests } from "./long-common-passwords.js";
import { replaceLookalikes, scorePassword } from "./score.js";

/** The account that gets a new password. */
export interface NewPasswordOf {
  readonly login: string;
  /** Undefined for an account that does not exist yet. */
  readonly userId: string | undefined;
  readonly origin: Origin;
}

export interface PasswordPolicy {
  /** The rule that a new password breaks, undefined for none. The message holds nothing of the password. */
  check(password: string, about: NewPasswordOf): Promise<PasswordProblem | undefined>;
}

// Shorter names are in too many words. Where separators are left out, even more are.
const nameMinCharacters = 3;
const squeezedNameMinCharacters = 6;

const separators = /[\p{White_Space}\p{Punctuation}\p{Symbol}]/gu;

// Limits the work to some 10 ms. One typed character can have 18 in its compared form, but only a few rare ones do.
const judgedMaxCharacters = 2048;

// Three common words score 12 and make no password. Four words, or three with something between them, do.
const scoreEnough = 13;
const randomCharactersEnough = 15;

/** The parameters of the policy, by their names as options. */
export interface PolicySettings {
  /** The least number of characters, counted in code points after NFC. */
  readonly passwordMin: number;
  /** No password can contain one of them, or the name of the application. */
  readonly passwordWords: readonly string[];
  readonly appName?: string | undefined;
}

export function createPasswordPolicy({ passwordMin: min, passwordWords, appName }: PolicySettings): PasswordPolicy {
  const words = ["ampho", ...(appName === undefined ? [] : [appName]), ...passwordWords];
  // A short minimum asks for less, with room for one common piece and some characters. A run never suffices.
  const scoreMin = Math.min(scoreEnough, Math.max(min - 2, Math.min(min, 3)));

  const problem = (reason: PasswordProblem["reason"], message: string): PasswordProblem => ({ reason, message });
  const tooShort = {
    ...problem("too_short", `This password is too short. Use at least ${min} characters.`),
    limit: min,
  };
  const containsLogin = problem(
    "contains_login",
    "This password contains the login or its part before the @. Use a password without it.",
  );
  const repeated = problem(
    "repeated",
    "This password repeats a short piece. Use different words or characters instead.",
  );
  const tooCommon = problem(
    "too_common",
    `This password is too common, even with extra characters. Use four or more unusual words, or ${Math.max(min, randomCharactersEnough)} or more random characters.`,
  );

  return {
    async check(password, { login }) {
      const unusable = checkPasswordText(password);
      if (unusable !== undefined) return unusable;
      const characters = [...normalizePassword(password)].length;
      // Some characters become several by NFC.
      if (characters > passwordMaxCharacters) return tooLong;
      if (characters < min) return tooShort;
      // Compared as logins are: case, width and invisible characters do not make a common password a good one.
      const whole = foldText(password);
      if (containsName(whole, login)) return containsLogin;
      const word = words.find((each) => containsName(whole, each));
      if (word !== undefined)
        return problem("contains_product", `This password contains the name "${word}". Use a password without it.`);
      const judged = [...whole].slice(0, judgedMaxCharacters).join("");
      const text = withOneUnitACharacter(judged);
      const squeezed = withOneUnitACharacter(judged.replace(separators, ""));
      // Where separators are most of the text, the few other characters are not its pieces.
      if (shortestPeriod(text) < min || (squeezed.length > text.length / 2 && shortestPeriod(squeezed) < min))
        return repeated;
      const common = await readCommonPasswords();
      const isCommon = [text, squeezed].some(
        // A repeated piece counts once, and each separator that was left out counts too.
        (form) =>
          common.has(form) ||
          repeatsOneOf(form, common) ||
          scorePassword(form.slice(0, shortestPeriod(form)), common) + text.length - form.length < scoreMin,
      );
      return isCommon || isLongAndCommon(whole) || isLongAndCommon(whole.replace(separators, ""))
        ? tooCommon
        : undefined;
    },
  };
}

/** Returns whether the text contains the name or its part before the @, longer ones also without separators. */
function containsName(text: string, name: string): boolean {
  const folded = foldText(name);
  return [folded, folded.slice(0, Math.max(0, folded.indexOf("@")))].some((part) => {
    const length = [...part].length;
    if (length >= nameMinCharacters && text.includes(part)) return true;
    const squeezed = part.replace(separators, "");
    if (length < squeezedNameMinCharacters || [...squeezed].length < nameMinCharacters) return false;
    return text.replace(separators, "").includes(squeezed);
  });
}

/** The text with a character of the private use area for each one of two UTF-16 units, such as an emoji. */
function withOneUnitACharacter(text: string): string {
  const substitutes = new Map<string, string>();
  return text.replace(/[\u{10000}-\u{10FFFF}]/gu, (character) => {
    const substitute = substitutes.get(character) ?? String.fromCharCode(0xe000 + substitutes.size);
    substitutes.set(character, substitute);
    return substitute;
  });
}

/** The length of the piece that the text repeats at least once, the last time perhaps in part. Infinity for none. */
function shortestPeriod(text: string): number {
  for (let period = 1; period <= text.length / 2; period += 1) if (text.startsWith(text.slice(period))) return period;
  return Number.POSITIVE_INFINITY;
}

/** Returns whether the text repeats a common password. It can itself repeat something, such as `choochoo`. */
function repeatsOneOf(text: string, common: ReadonlySet<string>): boolean {
  const period = shortestPeriod(text);
  for (let length = period; length <= text.length / 2; length += period)
    if (common.has(text.slice(0, length))) return true;
  return false;
}

let longDigests: ReadonlySet<number> | undefined;

/** One of 700 000 random passwords has one of these 6 000 digests by accident. */
function isLongAndCommon(password: string): boolean {
  longDigests ??= readDigests(Buffer.from(longCommonPasswordDigests, "base64url"));
  return longDigests.has(createHash("sha256").update(password).digest().readUInt32BE(0));
}

const readDigests = (bytes: Buffer): ReadonlySet<number> =>
  new Set(Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32BE(4 * at)));

let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/** 49 000 passwords from leaks, in lower case, also without look-alikes. Read at the first use: 20 ms and 10 MB. */
function readCommonPasswords(): Promise<ReadonlySet<string>> {
  commonPasswords ??= import("@zxcvbn-ts/language-common").then(({ dictionary }) => {
    const passwords = dictionary["passwords-common"];
    return new Set<string>([...passwords, ...passwords.map(replaceLookalikes)]);
  });
  return commonPasswords;
}
