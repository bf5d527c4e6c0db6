// Every attack of `ampho doctor --attack`, in the order in which they are tried. From this table comes docs/doctor.md.
import type { Attack } from "./attack.js";
import { algorithmAttacks } from "./attacks/algorithms.js";
import { claimAttacks } from "./attacks/claims.js";
import { cookieAttacks } from "./attacks/cookies.js";
import { formAttacks } from "./attacks/forms.js";
import { guessingAttacks } from "./attacks/guessing.js";
import { headerAttacks } from "./attacks/headers.js";
import { leakAttacks } from "./attacks/leaks.js";
import { limitAttacks } from "./attacks/limits.js";
import { sessionAttacks } from "./attacks/sessions.js";
import { signatureAttacks } from "./attacks/signatures.js";

export const attacks: readonly Attack[] = [
  ...algorithmAttacks,
  ...signatureAttacks,
  ...formAttacks,
  ...claimAttacks,
  ...sessionAttacks,
  ...headerAttacks,
  ...cookieAttacks,
  ...limitAttacks,
  ...leakAttacks,
  // Last: it ends with a login that has to wait.
  ...guessingAttacks,
];
