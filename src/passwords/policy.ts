// What a new password may be (NIST SP 800-63B-4, section 3.1.1.2): long enough, not a common one or one padded to look
// long, nothing made of the login or the product's name. No rule asks for kinds of characters.
import { canonicalLogin } from "../logins/login-name.js";
import { checkPasswordText, normalizePassword } from "./hash.js";
import { scorePassword } from "./score.js";

export interface PasswordPolicy {
  /**
   * The rule that a new password breaks, as a sentence for people without the password itself; undefined for none.
   */
  check(password: string, about: { readonly login: string }): Promise<string | undefined>;
}

// Shorter logins and names are in too many words; where separators are left out, even more are.
const nameMinCharacters = 3;
const squeezedNameMinCharacters = 6;

const separators = /[\p{White_Space}\p{Punctuation}\p{Symbol}]/gu;

// Bounds the work: the compared form may be 18 times as long as what was typed. Nobody pads so far and is unique then.
const judgedMaxLength = 512;

// Three common words weigh 12 and make no password; four words, or three with something between them, do.
const weightEnough = 13;

/** `min`: the least number of characters, counted in code points after NFC. `product`: a name that none may hold. */
export function createPasswordPolicy(options: { readonly min: number; readonly product: string }): PasswordPolicy {
  const { min, product } = options;
  // A short minimum asks for less, with room for one common piece in what is otherwise not one; a run alone never does.
  const weightMin = Math.min(weightEnough, Math.max(min - 2, Math.min(min, 3)));

  return {
    async check(password, { login }) {
      const reason = checkPasswordText(password);
      if (reason !== undefined) return reason;
      if ([...normalizePassword(password)].length < min) return `A password has at least ${min} characters.`;
      // Compared as logins are: neither case nor width nor an invisible character makes a common password a good one.
      const whole = canonicalLogin(password);
      if (holdsName(whole, login)) return "A password does not contain the login.";
      if (holdsName(whole, product)) return "A password does not contain the name of the product.";
      const folded = whole.slice(0, judgedMaxLength);
      const squeezed = folded.replace(separators, "");
      const texts = [folded, squeezed].map((text) => ({ text, period: shortestPeriod(text) }));
      if (texts.some(({ period }) => period < min)) return "A password is not a short piece repeated.";
      const common = await readCommonPasswords();
      const tooCommon = "A password is not a common one, with or without a few characters more.";
      if (texts.some(({ text, period }) => common.has(text) || repeats(text, period, common))) return tooCommon;
      // What is repeated counts once, and what stands between the pieces counts too.
      const weights = texts.map(
        ({ text, period }) => scorePassword(text.slice(0, period), common) + folded.length - text.length,
      );
      return Math.min(...weights) < weightMin ? tooCommon : undefined;
    },
  };
}

/** Whether the text holds the name, or what stands before its @; a longer one also without separators in either. */
function holdsName(folded: string, name: string): boolean {
  const canonical = canonicalLogin(name);
  return [canonical, canonical.slice(0, Math.max(0, canonical.indexOf("@")))].some((part) => {
    const squeezed = part.replace(separators, "");
    return (
      ([...part].length >= nameMinCharacters && folded.includes(part)) ||
      ([...squeezed].length >= squeezedNameMinCharacters && folded.replace(separators, "").includes(squeezed))
    );
  });
}

/** The length of the piece that the text repeats at least once over; its own length when it repeats none. */
function shortestPeriod(text: string): number {
  for (let period = 1; period <= text.length / 2; period += 1) if (text.startsWith(text.slice(period))) return period;
  return Number.POSITIVE_INFINITY;
}

/** Whether the text is one of those, over and over: one that itself repeats something, such as `choochoo`, too. */
function repeats(text: string, period: number, common: ReadonlySet<string>): boolean {
  for (let length = period; length <= text.length / 2; length += period)
    if (common.has(text.slice(0, length))) return true;
  return false;
}

let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/** 49 000 passwords from leaks, in lower case; read at the first use, for it takes 20 ms and 10 MB. */
function readCommonPasswords(): Promise<ReadonlySet<string>> {
  commonPasswords ??= import("@zxcvbn-ts/language-common").then(
    ({ dictionary }) => new Set<string>(dictionary["passwords-common"]),
  );
  return commonPasswords;
}
