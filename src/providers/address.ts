// The address that a provider reports, and whether the provider speaks for it.
import type { ProviderSettings } from "../config/provider-settings.js";
import { type Address, parseAddress } from "../logins/address.js";
import type { OutsideIdentity } from "./provider.js";

type ReportedAddress = Pick<OutsideIdentity, "email" | "emailVerified" | "speaksForEmail" | "ownsDomain">;

export const noAddress: ReportedAddress = { emailVerified: false, speaksForEmail: false, ownsDomain: false };

/** The addresses that the provider is known to host. */
interface Authority {
  readonly speaksFor: (address: Address) => boolean;
  /** It can report an address of a configured domain that it does not host. */
  readonly hosts: (domain: string) => boolean;
}

/** `verified` counts if it is true, or the text "true", which Apple writes. A text that is no address is left out. */
export function readAddress(
  reported: unknown,
  verified: unknown,
  { speaksFor, hosts }: Authority,
  { believesAddress, domains }: Pick<ProviderSettings, "believesAddress" | "domains">,
): ReportedAddress {
  const address = typeof reported === "string" ? parseAddress(reported) : undefined;
  if (address === undefined) return noAddress;
  const emailVerified = verified === true || verified === "true";
  const domain = domainOf(address);
  return {
    email: address.address,
    emailVerified,
    speaksForEmail: emailVerified && (believesAddress || speaksFor(address)),
    ownsDomain: emailVerified && domains.includes(domain) && hosts(domain),
  };
}

const domainOf = ({ canonical }: Address) => canonical.slice(canonical.lastIndexOf("@") + 1);

export const everywhere: Authority = { speaksFor: () => true, hosts: () => true };
export const nowhere: Authority = { speaksFor: () => false, hosts: () => true };

/**
 * Google is authoritative for gmail.com, and for the addresses of an organization, whose domain is in `hd`. Everyone
 * can have an account of Google with an address of another host
 * (developers.google.com/identity/gsi/web/guides/verify-google-id-token).
 */
export function googleAuthority(hd: unknown): Authority {
  const hosts = (domain: string) => typeof hd === "string" && hd.toLowerCase() === domain;
  return { speaksFor: (address) => domainOf(address) === "gmail.com" || hosts(domainOf(address)), hosts };
}
