// Reads one e-mail address: a dot-atom, an @ and a domain (RFC 5321 §4.1.2, RFC 6531 §3.3 for other scripts). It is stricter than
// the RFCs on purpose. Comments, quotes, groups, lists and addresses of routes have misled parsers into mailing the wrong
// mailbox, and no person types them into a form.
import { domainToASCII, domainToUnicode } from "node:url";
import { canonicalLogin, checkNewLogin } from "./login-name.js";

/** One mailbox. */
export interface Address {
  /** The address that is mailed. Its domain is in ASCII and lower case. */
  readonly address: string;
  /** The form in which addresses are compared and unique. */
  readonly canonical: string;
}

/** RFC 5321 §4.5.3.1.3 allows a path of 256 octets, of which < and > are two. */
export const addressMaxOctets = 254;
/** RFC 5321 §4.5.3.1.1. */
const localMaxOctets = 64;

/**
 * The atoms of RFC 5322 §3.2.3 without `! % | \``, which mailers have read as routes and shells as commands, and without
 * `?`: some parsers decode encoded words (RFC 2047) such as `=?utf-8?q?…?=` also in an address, and mail another mailbox.
 * Letters of any script can stand in an atom (RFC 6531 §3.3).
 */
const atoms = /^[\w#$&'*+/=^{}~\p{L}\p{M}\p{N}-]+(?:\.[\w#$&'*+/=^{}~\p{L}\p{M}\p{N}-]+)*$/u;

/** One character before the conversion, so that the parser of URLs sees neither a port, a path nor an escape. */
const domainCharacters = /^[a-zA-Z0-9.\p{L}\p{M}\p{N}-]+$/u;

/** Two or more labels of letters, digits and inner hyphens (RFC 1123 §2.1). The last one is no number, as in an IP address. */
const domainName =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Returns undefined for a text that is not exactly one address.
 * @example parseAddress("Ann@Example.com"); // { address: "Ann@example.com", canonical: "ann@example.com" }
 */
export function parseAddress(text: string): Address | undefined {
  // The limit is first, so that the time of everything below is limited too. An octet is at most one character.
  if (text.length > addressMaxOctets) return undefined;
  const [given = "", name = "", ...more] = text.split("@");
  if (more.length > 0) return undefined;
  // RFC 6532 §3.1 recommends this form. It only joins letters and their accents.
  const local = given.normalize("NFC");
  const domain = parseDomain(name);
  if (domain === undefined || !isLocalPart(local)) return undefined;
  const address = `${local}@${domain}`;
  if (Buffer.byteLength(address) > addressMaxOctets) return undefined;
  return { address, canonical: `${canonicalLogin(local)}@${domain}` };
}

function isLocalPart(local: string): boolean {
  if (!atoms.test(local) || Buffer.byteLength(local) > localMaxOctets) return false;
  // Programs such as sendmail would read it as an option.
  if (local.startsWith("-")) return false;
  // Only the host of the mailbox knows whether a full-width letter is the same mailbox. No such mailbox is known to exist.
  if (local.normalize("NFKC") !== local) return false;
  return checkNewLogin(local) === undefined;
}

/** Its last label begins with a letter, so that no parser of URLs takes the name for an IP address. */
const plainDomain = /^[a-z0-9.-]+\.[a-z][a-z0-9-]*$/;

/** Returns the domain in ASCII (UTS #46). */
function parseDomain(name: string): string | undefined {
  // UTS #46 leaves plain names as they are. Nearly all names are plain, and an import reads many.
  if (plainDomain.test(name) && !name.includes("xn--")) return domainName.test(name) ? name : undefined;
  if (!domainCharacters.test(name)) return undefined;
  const domain = domainToASCII(name);
  if (!domainName.test(domain)) return undefined;
  // A label such as `xn--abc-` encodes nothing that needs it, and would be a second spelling of the domain.
  return domainToASCII(domainToUnicode(domain)) === domain ? domain : undefined;
}
