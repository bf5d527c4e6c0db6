// AMPHO_DOCTOR: each answer says that this instance may be attacked by `ampho doctor --attack`. It changes nothing else.
import type { HttpAnswer } from "./message.js";

/** Its value is `true`. */
export const consentHeader = "ampho-doctor";

export function withConsent(answer: HttpAnswer): HttpAnswer {
  return { ...answer, headers: { ...answer.headers, "Ampho-Doctor": "true" } };
}
