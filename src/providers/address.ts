// The address that a provider reports, and whether the provider speaks for it.
import type { ProviderSettings } from "../config/provider-settings.js";
import { parseAddress } from "../logins/address.js";
import type { OutsideIdentity } from "./identity.js";

type ReportedAddress = Pick<OutsideIdentity, "email" | "emailVerified" | "speaksForEmail">;

const none: ReportedAddress = { emailVerified: false, speaksForEmail: false };

/** `verified` counts if it is true, or the text "true", which Apple writes. A text that is no address is left out. */
export function readAddress(
  reported: unknown,
  verified: unknown,
  speaks: (email: string) => boolean,
  { believesAddress }: Pick<ProviderSettings, "believesAddress">,
): ReportedAddress {
  const email = typeof reported === "string" ? parseAddress(reported)?.address : undefined;
  if (email === undefined) return none;
  const emailVerified = verified === true || verified === "true";
  return { email, emailVerified, speaksForEmail: emailVerified && (believesAddress || speaks(email)) };
}

/**
 * Google is authoritative for gmail.com, and for the addresses of an organization, whose domain is in `hd`
 * (developers.google.com/identity/gsi/web/guides/verify-google-id-token).
 */
export function googleSpeaksFor(email: string, hd: unknown): boolean {
  return email.endsWith("@gmail.com") || (typeof hd === "string" && hd !== "");
}
