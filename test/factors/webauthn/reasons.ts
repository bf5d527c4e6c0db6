// The reason with which a ceremony is rejected.
import { WebAuthnError } from "../../../dist/factors/passkey/webauthn-response.js";

/** Returns undefined for an accepted ceremony, and throws any other error. */
export function reasonOf(ceremony: () => unknown): string | undefined {
  try {
    ceremony();
  } catch (error) {
    if (error instanceof WebAuthnError) return error.reason;
    throw error;
  }
  return undefined;
}
