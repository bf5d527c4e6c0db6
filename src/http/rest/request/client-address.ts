// The client's IP address behind a number of trusted proxies (AMPHO_TRUST_PROXY), from X-Forwarded-For and Forwarded
// (RFC 7239). Entries further left than the n-th hop from the right come from an unknown sender.
import { isIP } from "node:net";
import type { Caller } from "../../../flows/deps.js";
import type { HttpRequest } from "../message.js";

type ReadHeader = (name: string) => string | undefined;

/** `hops`: proxies to believe, from the right. Returns `peer` for too few, a bad header, or two that disagree. */
export function clientAddress(peer: string | undefined, header: ReadHeader, hops: number): string | undefined {
  const socket = peer === undefined ? undefined : normalizeAddress(peer);
  if (hops < 1) return socket;
  const [forwardedFor, forwarded] = [header("x-forwarded-for"), header("forwarded")];
  const claims = [];
  if (forwardedFor !== undefined) claims.push(hopFromRight(forwardedFor.split(","), hops));
  if (forwarded !== undefined) claims.push(hopFromRight(splitForwarded(forwarded), hops));
  const [first, second] = claims;
  // A proxy writes one of the two headers and passes the client's other one on. The client must not choose.
  if (claims.length === 2 && first !== second) return socket;
  return first ?? socket;
}

/** Returns IPv4 or IPv6 in one spelling: no port, brackets or zone, IPv4-mapped as IPv4. Undefined for other texts. */
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

/** Returns the `for` of each element (RFC 7239 §4), or undefined if the field does not follow its grammar. */
function splitForwarded(value: string): readonly (string | undefined)[] | undefined {
  const elements: (string | undefined)[] = [undefined];
  // Blanks are allowed at one point of the pattern only. With two, a run of blanks would have as many splits as its
  // length, and an attacker could make the match slow.
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

/** The warning of `/readyz` for a request that a proxy forwarded although AMPHO_TRUST_PROXY is 0. */
export const forwardedIgnored = "forwarded_ignored";

export const isForwarded = (header: (name: string) => string | readonly string[] | undefined): boolean =>
  header("x-forwarded-for") !== undefined || header("forwarded") !== undefined;

/** Reads `Accept-Language`. */
export type LanguageOf = (acceptLanguage: string | undefined) => string;

const agentCharactersMax = 255;

/** `hops`: the number of trusted proxies (AMPHO_TRUST_PROXY). `languageOf`: of mails, where they can be sent. */
export function callerOf(
  request: Pick<HttpRequest, "header" | "peerAddress">,
  hops: number,
  languageOf: LanguageOf | undefined,
): Caller {
  const agent = request.header("user-agent")?.replace(/\p{Cc}/gu, "");
  return {
    actor: "user",
    address: clientAddress(request.peerAddress, (name) => request.header(name), hops),
    agent: agent === undefined ? undefined : Array.from(agent).slice(0, agentCharactersMax).join(""),
    language: languageOf?.(request.header("accept-language")),
  };
}

/** The peers of requests of a framework that does not show them. */
const peers = new WeakMap<object, string>();

/** Notes the peer of a request for `addressOfAny`. */
export function notePeer(request: object, address: string | undefined): void {
  if (address !== undefined) peers.set(request, address);
}

/** The same for a request in the form of any framework, which can lack the address. */
export function callerOfAny(request: unknown, hops: number): Caller {
  const { raw, req } = Object(request) as { readonly raw?: unknown; readonly req?: unknown };
  const { socket, headers, header, peerAddress } = Object(raw ?? req ?? request) as {
    readonly socket?: { readonly remoteAddress?: unknown };
    readonly headers?: { readonly get?: unknown } & Readonly<Record<string, unknown>>;
    readonly header?: unknown;
    readonly peerAddress?: unknown;
  };
  const read: ReadHeader = (name) => {
    const get = headers?.get ?? (headers === undefined ? header : undefined);
    const value: unknown = typeof get === "function" ? get.call(headers, name) : headers?.[name];
    return typeof value === "string" ? value : undefined;
  };
  const peer = socket?.remoteAddress ?? peerAddress ?? peers.get(Object(request) as object);
  return callerOf({ header: read, peerAddress: typeof peer === "string" ? peer : undefined }, hops, undefined);
}

/** Returns an `Idempotency-Key` of 16 to 255 printable ASCII characters (docs/reference/http.md), and no other. */
export function idempotencyKeyOf(request: HttpRequest): string | undefined {
  const key = request.header("idempotency-key");
  return key !== undefined && /^[ -~]{16,255}$/.test(key) ? key : undefined;
}
