// The client's address behind n trusted proxies (AMPHO_TRUST_PROXY): X-Forwarded-For and Forwarded (RFC 7239).
// Whatever lies further left than the n-th hop from the right was written by someone we do not know.
import { isIP } from "node:net";

export interface AddressHeaders {
  /** The socket's other end. */
  readonly peer: string | undefined;
  /** `X-Forwarded-For`, several fields joined by commas. */
  readonly forwardedFor: string | undefined;
  /** `Forwarded`, several fields joined by commas. */
  readonly forwarded: string | undefined;
  /** How many proxies to believe, from the right; 0 believes none. */
  readonly hops: number;
}

/** The address to count and to log by. Too few hops, rubbish, or two fields that disagree: the socket's address. */
export function clientAddress({ peer, forwardedFor, forwarded, hops }: AddressHeaders): string | undefined {
  const socket = peer === undefined ? undefined : normalizeAddress(peer);
  if (hops < 1) return socket;
  const claims = [];
  if (forwardedFor !== undefined) claims.push(hopFromRight(splitForwardedFor(forwardedFor), hops));
  if (forwarded !== undefined) claims.push(hopFromRight(splitForwarded(forwarded), hops));
  const [first, second] = claims;
  // One proxy writes one of the fields and passes the other on as the client sent it: believing either would let the client choose.
  if (claims.length === 2 && first !== second) return socket;
  return first ?? socket;
}

/** IPv4 or IPv6 in one spelling: no port, brackets or zone; IPv4-mapped IPv6 as IPv4; undefined if it is neither. */
export function normalizeAddress(text: string): string | undefined {
  const bare = withoutPort(text.trim()).replace(/%.*$/s, "");
  const version = isIP(bare);
  if (version === 0) return undefined;
  if (version === 4) return bare;
  const canonical = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed !== null) return bracketed[1] ?? "";
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(text);
  return withPort?.[1] ?? text;
}

function hopFromRight(hopList: readonly (string | undefined)[] | undefined, hops: number): string | undefined {
  const hop = hopList?.at(-hops);
  return hop === undefined ? undefined : normalizeAddress(hop);
}

function splitForwardedFor(value: string): readonly string[] {
  return value.split(",");
}

/** The `for` of each element, RFC 7239 §4; undefined if the field does not follow its grammar. */
function splitForwarded(value: string): readonly (string | undefined)[] | undefined {
  const elements: (string | undefined)[] = [undefined];
  // Blanks in one place only, or a row of them could be cut in as many ways as it is long.
  const pair =
    /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/suy;
  while (pair.lastIndex < value.length) {
    const match = pair.exec(value);
    if (match === null) return undefined;
    const [, name, token, quoted, separator] = match;
    if (name?.toLowerCase() === "for") {
      if (elements.at(-1) !== undefined) return undefined;
      elements[elements.length - 1] = token ?? quoted?.replace(/\\(.)/gs, "$1") ?? "";
    }
    if (separator === ",") elements.push(undefined);
  }
  return elements;
}

// Requests that a proxy has passed on while none is believed (AMPHO_TRUST_PROXY is 0): then every client has the proxy's
// address. Or somebody makes the headers up, which is why they count for nothing.

/** What `/readyz` says of a request that came so. */
export const forwardedIgnored = "forwarded_ignored";

export const forwardedLine =
  "requests carry X-Forwarded-For or Forwarded, and AMPHO_TRUST_PROXY is 0: if a proxy of yours stands in front, set it to how many there are";

export function isForwarded(header: (name: string) => string | readonly string[] | undefined): boolean {
  return header("x-forwarded-for") !== undefined || header("forwarded") !== undefined;
}
