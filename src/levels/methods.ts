// Methods that a user proved at a login, the claim `amr`, and the level that they reach together.
import type { Acr } from "./acr.js";
import { factorNames, factors, reachesPhr } from "./factors.js";

/** Values of `amr`. `pwd`, `otp`, `swk`, `hwk` and `mfa` are those of RFC 8176, section 2. The others are Ampho's. */
export const methods = {
  pwd: "A password.",
  otp: "A code of an authenticator app.",
  rec: "A recovery code.",
  dev: "A remembered device, in place of a second factor.",
  swk: "A passkey that can be synced.",
  hwk: "A passkey that cannot leave its authenticator.",
  mail: "A mailed code or link.",
  fed: "A login at an outside provider.",
  mfa: "More than one factor: a second factor, or a passkey that verified its user.",
} as const;

export type Method = keyof typeof methods;

const methodsOf = (names: typeof factorNames): ReadonlySet<Method> =>
  new Set(names.flatMap((name) => factors[name].methods));

// A remembered device (`dev`) replaces the prompt for a second factor, but is none.
const secondFactors: ReadonlySet<string> = methodsOf(factorNames);
const phrMethods: ReadonlySet<string> = methodsOf(factorNames.filter(reachesPhr));

/** A passkey: `hwk` if it cannot leave its authenticator, by its own word, else `swk`. */
export const passkeyMethod = (backupEligible: boolean): Method => (backupEligible ? "swk" : "hwk");

/** Returns the methods with `mfa` where a second factor is among them. RFC 8176 adds `mfa` to the single methods. */
export const withMfa = (amr: readonly string[]): readonly string[] =>
  amr.includes("mfa") || !amr.some((method) => secondFactors.has(method)) ? amr : [...amr, "mfa"];

/** The check of a factor adds `mfa` for a passkey that verified its user, and the level follows from that alone. */
export function acrOf(amr: readonly string[]): Acr {
  if (!amr.includes("mfa")) return "1fa";
  return amr.some((method) => phrMethods.has(method)) ? "phr" : "2fa";
}
