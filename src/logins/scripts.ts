// Script mixing by UTS #39 section 5.1. Each character has a set of scripts (Script_Extensions). A text has one script if
// one set of the table below covers all its characters, and Common and Inherited fit everywhere.

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
export function resolvesToOneScript(text: string): boolean {
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
