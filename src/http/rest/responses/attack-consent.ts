// AMPHO_ALLOW_ATTACK_TEST: each answer says that this instance may be attacked by `ampho doctor --attack`. It changes nothing else.
import type { HttpResponse } from "../message.js";

/** Its value is `true`. */
export const consentHeader = "ampho-doctor";

export function markAttackable(answer: HttpResponse): HttpResponse {
  return { ...answer, headers: { ...answer.headers, "Ampho-Doctor": "true" } };
}
