// Every attack of `ampho doctor --attack`, in the order of execution. docs/operate/doctor.md is generated from this table.
import type { Attack } from "./attack.js";
import { algorithmAttacks } from "./cases/algorithms.js";
import { apiKeyAttacks } from "./cases/api-keys.js";
import { assertionAttacks } from "./cases/assertions.js";
import { claimAttacks } from "./cases/claims.js";
import { cookieAttacks } from "./cases/cookies.js";
import { factorAttacks } from "./cases/factors.js";
import { formAttacks } from "./cases/forms.js";
import { guessingAttacks } from "./cases/guessing.js";
import { headerAttacks } from "./cases/headers.js";
import { leakAttacks } from "./cases/leaks.js";
import { limitAttacks } from "./cases/limits.js";
import { mailAttacks } from "./cases/mails.js";
import { resourceAttacks } from "./cases/resources.js";
import { serviceAttacks } from "./cases/services.js";
import { sessionAttacks } from "./cases/sessions.js";
import { signatureAttacks } from "./cases/signatures.js";
import { transactionAttacks } from "./cases/transactions.js";

export const attacks: readonly Attack[] = [
  ...algorithmAttacks,
  ...signatureAttacks,
  ...formAttacks,
  ...claimAttacks,
  ...sessionAttacks,
  ...apiKeyAttacks,
  ...serviceAttacks,
  ...assertionAttacks,
  ...resourceAttacks,
  ...factorAttacks,
  ...transactionAttacks,
  ...headerAttacks,
  ...cookieAttacks,
  ...limitAttacks,
  ...leakAttacks,
  ...mailAttacks,
  // These come last, because they end with a throttled login.
  ...guessingAttacks,
];
