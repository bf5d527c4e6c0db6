// Reads one e-mail address: a dot-atom, an @ and a domain (RFC 5321 §4.1.2, RFC 6531 §3.3 for other scripts). It is
// stricter than the RFCs on purpose. Comments, quotes, groups, lists and addresses of routes have misled parsers into
// mailing the wrong mailbox, and no person types them into a form.
import { toAsciiDomain } from "./domain.js";
import { canonicalLogin, checkNewText } from "./login-name.js";

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
 * The atoms of RFC 5322 §3.2.3 without `! % | \``, which mailers have read as routes and shells as commands, and
 * without `?`: some parsers decode encoded words (RFC 2047) such as `=?utf-8?q?…?=` also in an address, and mail
 * another mailbox. Letters of any script can stand in an atom (RFC 6531 §3.3).
 */
const atoms = /^[\w#$&'*+/=^{}~\p{L}\p{M}\p{N}-]+(?:\.[\w#$&'*+/=^{}~\p{L}\p{M}\p{N}-]+)*$/u;

/** Stricter than `toAsciiDomain`: no other sign of a dot, nothing invisible, and no port, path or escape. */
const domainCharacters = /^[a-zA-Z0-9.\p{L}\p{M}\p{N}-]+$/u;

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
  const domain = domainCharacters.test(name) ? toAsciiDomain(name) : undefined;
  if (domain === undefined || !isLocalPart(local)) return undefined;
  const address = `${local}@${domain}`;
  if (Buffer.byteLength(address) > addressMaxOctets) return undefined;
  return { address, canonical: `${canonicalLogin(local)}@${domain}` };
}

function isLocalPart(local: string): boolean {
  if (!atoms.test(local) || Buffer.byteLength(local) > localMaxOctets) return false;
  // Programs such as sendmail would read it as an option.
  if (local.startsWith("-")) return false;
  // Only the host of the mailbox knows whether a full-width letter is the same mailbox.
  if (local.normalize("NFKC") !== local) return false;
  return checkNewText(local) === undefined;
}

/** Spelled the same, but for the case of ASCII. Other mailboxes can have the same compared form. */
export const isSameMailbox = (one: string, other: string): boolean => mailboxForm(one) === mailboxForm(other);

/** The form in which two spellings of one mailbox are the same. */
export const mailboxForm = (address: string): string => address.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** The reason why an operator cannot create a user with this canonical login, for people. Undefined when one can. */
export const findOwnAddressProblem = (canonical: string, email: Pick<Address, "canonical"> | undefined) =>
  email?.canonical === canonical || !isAddressForm(canonical)
    ? undefined
    : "A login that is an e-mail address must be the address of its user.";

function isAddressForm(canonical: string): boolean {
  const [local = "", name, ...more] = canonical.split("@");
  return name !== undefined && more.length === 0 && atoms.test(local) && toAsciiDomain(name) !== undefined;
}

/** The login of a new user or of a change. The domain of an address is in ASCII, as the address itself has it. */
export const spellLogin = (login: string): string => parseAddress(login)?.address ?? login;
