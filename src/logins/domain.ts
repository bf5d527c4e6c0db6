// The domain of an e-mail address in ASCII (UTS #46), the form in which addresses and login names are compared.

/**
 * Two or more labels of letters, digits and inner hyphens (RFC 1123 §2.1), the last one no number as in an IP address.
 */
const domainName =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Its last label begins with a letter, so that no parser of URLs takes the name for an IP address. */
const plainDomain = /^[a-z0-9.-]+\.[a-z][a-z0-9-]*$/;

/** One character before the conversion, so that the parser of URLs sees neither a port, a path nor an escape. */
const domainCharacters = /^[a-zA-Z0-9.\p{L}\p{M}\p{N}-]+$/u;

const ignorable = /\p{Default_Ignorable_Code_Point}/gu;

/** Compatibility forms and invisible characters make no difference. UTS #46 folds the case, and keeps `ß`. */
export const toVisible = (text: string): string => text.normalize("NFKC").replace(ignorable, "");

export function toAsciiDomain(text: string): string | undefined {
  // The limit is first, so that the time of everything below is limited too. No name is longer than its form in ASCII.
  if (text.length > 253) return undefined;
  // UTS #46 leaves plain names as they are. Nearly all names are plain, and an import reads many.
  if (plainDomain.test(text) && !text.includes("xn--")) return domainName.test(text) ? text : undefined;
  const name = toVisible(text);
  if (!domainCharacters.test(name)) return undefined;
  // Not `domainToASCII` of Node, because verifiers elsewhere compare login names too.
  const domain = URL.canParse(`https://${name}`) ? new URL(`https://${name}`).hostname : "";
  // A label that ends with a hyphen, such as `xn--abc-`, would be a second spelling of `abc`.
  return domainName.test(domain) ? domain : undefined;
}
