// The address that a provider reports, and whether the provider speaks for it.
import type { ProviderSettings } from "../config/provider-settings.js";
import type { OutsideIdentity } from "./identity.js";

type Address = Pick<OutsideIdentity, "email" | "emailVerified" | "speaksForEmail">;

const noAddress: Address = { emailVerified: false, speaksForEmail: false };

/** RFC 5321 §4.5.3.1. The flows parse the address strictly. This pattern rejects texts that are no address. */
const pattern = /^[^\s@\p{Cc}\p{Cf}\p{Cs}]{1,64}@[^\s@\p{Cc}\p{Cf}\p{Cs}]{1,189}$/u;

/** `verified` counts if it is true, or the text "true", which Apple writes. */
export function readAddress(
  email: unknown,
  verified: unknown,
  speaks: (email: string) => boolean,
  { believesAddress }: Pick<ProviderSettings, "believesAddress">,
): Address {
  if (typeof email !== "string" || !pattern.test(email)) return noAddress;
  const emailVerified = verified === true || verified === "true";
  return { email, emailVerified, speaksForEmail: emailVerified && (believesAddress || speaks(email)) };
}

/**
 * Google is authoritative for gmail.com, and for the addresses of an organization, whose domain is in `hd`
 * (developers.google.com/identity/gsi/web/guides/verify-google-id-token).
 */
export function googleSpeaksFor(email: string, hd: unknown): boolean {
  return /@gmail\.com$/i.test(email) || (typeof hd === "string" && hd !== "");
}
