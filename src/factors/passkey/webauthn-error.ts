// Why a ceremony of WebAuthn was rejected. The reason is for the audit log. A response names none, because it would help
// the attacker to correct the next attempt.

/** The steps of WebAuthn L3 §7.1 (registration) and §7.2 (authentication) that reject for each reason. */
export const webauthnReasons = {
  response: { registration: [3], authentication: [3, 7] },
  credential_id: { registration: [3, 25], authentication: [5] },
  user_handle: { registration: [], authentication: [6] },
  client_data: { registration: [5, 6], authentication: [8, 9] },
  type: { registration: [7], authentication: [10] },
  challenge: { registration: [8], authentication: [11] },
  origin: { registration: [9], authentication: [12] },
  cross_origin: { registration: [10], authentication: [13] },
  top_origin: { registration: [11], authentication: [14] },
  attestation_object: { registration: [13], authentication: [] },
  authenticator_data: { registration: [13], authentication: [7] },
  rp_id: { registration: [14], authentication: [15] },
  user_presence: { registration: [15], authentication: [16] },
  user_verification: { registration: [16], authentication: [] },
  backup_state: { registration: [17], authentication: [18] },
  backup_eligibility: { registration: [], authentication: [19] },
  algorithm: { registration: [20], authentication: [] },
  public_key: { registration: [20], authentication: [] },
  attestation_format: { registration: [21], authentication: [] },
  attestation: { registration: [22], authentication: [] },
  signature: { registration: [], authentication: [21] },
} as const satisfies Record<
  string,
  { readonly registration: readonly number[]; readonly authentication: readonly number[] }
>;

export type WebAuthnReason = keyof typeof webauthnReasons;

export class WebAuthnError extends Error {
  override readonly name = "WebAuthnError";
  readonly reason: WebAuthnReason;

  constructor(reason: WebAuthnReason) {
    super(`the passkey was rejected: ${reason}`);
    this.reason = reason;
  }
}

export function ensure(condition: boolean, reason: WebAuthnReason): asserts condition {
  if (!condition) throw new WebAuthnError(reason);
}
