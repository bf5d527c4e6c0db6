// The compared form of a login, and the rules for new logins. The compared form is Unicode's toNFKC_Casefold (The
// Unicode Standard, section 3.13, R5): compatibility forms, case and invisible characters make no difference. New
// logins have one script, as UTS #39 section 5.2 ("highly restrictive") defines it. Two logins of one script that
// merely look alike (Latin `rn` and `m`) are both allowed. The domain of a login that is an e-mail address has the form
// of `toAsciiDomain`. So the login and the address are compared in one form.
import { toAsciiDomain, toVisible } from "./domain.js";
import { isServiceId } from "./service-id.js";

export const loginMaxCharacters = 255;

const surrogate = /\p{Surrogate}/u;
const control = /\p{Control}/u;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;
const neverShown = /[\p{Format}\p{Private_Use}\p{Unassigned}\p{Line_Separator}\p{Paragraph_Separator}]/u;
const cherokee = /\p{Script=Cherokee}/u;
/**
 * Printable ASCII without blanks, like most logins. It has one script, is visible, and is its own compatibility form.
 */
const plain = /^[\x21-\x7e]+$/;
const strayBlank = /^\p{White_Space}|\p{White_Space}$|\p{White_Space}{2}/u;

/**
 * The form in which a login is compared and unique: `canonicalLogin(canonicalLogin(x)) === canonicalLogin(x)`.
 * Never throws, also for a text that cannot be a login (see `checkLogin`).
 */
export function canonicalLogin(login: string): string {
  if (plain.test(login)) return login.toLowerCase();
  return untilStable(login, (form) => {
    const [local = "", name, ...more] = toVisible(form).split("@");
    const domain = name === undefined || more.length > 0 ? undefined : toAsciiDomain(name);
    return domain === undefined ? foldOnce(form) : `${foldText(local)}@${domain}`;
  });
}

/** Unicode's toNFKC_Casefold, for a text that is no login. */
export const foldText = (text: string): string => (plain.test(text) ? text.toLowerCase() : untilStable(text, foldOnce));

const foldOnce = (text: string): string => foldCase(toVisible(text)).normalize("NFKC");

function untilStable(text: string, change: (form: string) => string): string {
  for (let form = text; ; ) {
    const next = change(form);
    if (next === form) return form;
    form = next;
  }
}

/** Full case folding (the C and F lines of CaseFolding.txt). JavaScript has no function for it. */
function foldCase(text: string): string {
  let folded = "";
  // One code point at a time, because toLowerCase() writes a final sigma by context in whole words.
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

function foldCharacter(character: string): string {
  // The capital of dotless i is I, but dotless i does not fold to i.
  if (character === "ı") return character;
  // Cherokee folds to capitals, because they were encoded first.
  if (cherokee.test(character)) return character.toUpperCase();
  return character.toLowerCase().toUpperCase().toLowerCase();
}

/** The reason why a text cannot be a login, for people and without the login. Undefined when it can. */
export function checkLogin(login: string): string | undefined {
  if (surrogate.test(login)) return "A login must be well-formed Unicode.";
  if (control.test(login)) return "A login must not contain control characters.";
  const length = [...login].length;
  if (length < 1 || length > loginMaxCharacters) return `A login must have 1 to ${loginMaxCharacters} characters.`;
  return undefined;
}

/**
 * The reason why no new user can have this login, for people and without the login. Undefined when one can.
 * Unassigned characters depend on the Unicode version of this Node. The case folding of assigned ones never changes.
 */
export const checkNewLogin = (login: string): string | undefined =>
  checkNewText(login) ??
  (isLikeServiceId(login) ? "A login must not have the form of the id of a service account." : undefined);

/** In any spelling, because login names are compared in their canonical form. */
export const isLikeServiceId = (login: string): boolean => isServiceId(foldText(login));

/** The same for a part of a login. */
export function checkNewText(login: string): string | undefined {
  const reason = checkLogin(login);
  if (reason !== undefined) return reason;
  if (plain.test(login)) return undefined;
  const folded = foldText(login);
  for (const form of [login, folded]) {
    if (neverShown.test(form) || form.search(ignorable) >= 0)
      return "A new login must not contain invisible characters.";
    if (strayBlank.test(form)) return "A new login must only have single spaces between other characters.";
    // Both: an ordinary letter can be the compatibility form of a neutral sign (Greek mu of the micro sign).
    if (!resolvesToOneScript(form)) return "A new login must not mix scripts.";
  }
  if (countDigitSystems(folded) > 1) return "A new login must not mix decimal digits of several scripts.";
  return checkLogin(canonicalLogin(login));
}

/**
 * UTS #39 section 5.3. The ten digits of a system are consecutive, so the start of its row identifies a digit's system.
 */
function countDigitSystems(text: string): number {
  const systems = new Set<number>();
  for (const digit of text.match(/\p{Decimal_Number}/gu) ?? []) {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (zero > code - 9 && /\p{Decimal_Number}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    systems.add(zero);
  }
  return systems.size;
}

// Every script of Unicode 17 by its ISO 15924 code. A Node that does not know one yet has no characters of it either.
const scripts =
  "Latn Cyrl Grek Arab Hebr Hani Hira Kana Hang Deva Thai Adlm Aghb Ahom Armi Armn Avst Bali Bamu Bass Batk Beng Berf " +
  "Bhks Bopo Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt Cpmn Cprt Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi " +
  "Gara Geor Glag Gong Gonm Goth Gran Gujr Gukh Guru Hano Hatr Hluw Hmng Hmnp Hung Ital Java Kali Kawi Khar Khmr Khoj " +
  "Kits Knda Krai Kthi Lana Laoo Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym " +
  "Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc " +
  "Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora " +
  "Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Tayo Telu Tfng Tglg Thaa Tibt Tirh Tnsa Todr Tols Toto " +
  "Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb";

// The scripts that "highly restrictive" allows together (UTS #39 section 5.2).
const mixtures = [
  ["Latn", "Hani", "Hira", "Kana"],
  ["Latn", "Hani", "Bopo"],
  ["Latn", "Hani", "Hang"],
];

let covers: readonly RegExp[] | undefined;

/** Returns whether one script, or one of the mixtures that a language uses, covers the text. */
function resolvesToOneScript(text: string): boolean {
  // Most logins are ASCII and do not need the table.
  if (/^\p{ASCII}*$/u.test(text)) return true;
  covers ??= [...scripts.split(" ").map((script) => [script]), ...mixtures].flatMap(compile);
  return covers.some((cover) => cover.test(text));
}

function compile(together: readonly string[]): readonly RegExp[] {
  const classes = ["Zyyy", "Zinh", ...together].map((script) => `\\p{Script_Extensions=${script}}`);
  try {
    return [new RegExp(`^[${classes.join("")}]*$`, "u")];
  } catch {
    return [];
  }
}
