// Where a request comes from, by what browsers say and pages cannot: Fetch Metadata (`Sec-Fetch-Site`), and the Origin header
// (RFC 6454 §7) where a browser does not send the former.
import type { RequestHead } from "../message.js";

/** `unknown` is a request that says nothing: of no browser of the last years, or of no browser. */
export type Site = "own" | "foreign" | "unknown";

/** Answers to these change nothing (RFC 9110 §9.2.1). */
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);
const opensSocket = /\bwebsocket\b/i;

/**
 * Whether the answer changes nothing, and is read by no page without leave. A WebSocket is neither: pages of any site may
 * open one and read it (RFC 6455 §10.2), by a GET that some frameworks route like all others.
 */
export const isSafe = (head: Pick<RequestHead, "method" | "header">): boolean =>
  head.method !== undefined && safeMethods.has(head.method) && !opensSocket.test(head.header("upgrade") ?? "");

/** `listed`: origins whose pages may do what our own may. */
export function createSiteOf(listed: readonly string[]): (head: RequestHead) => Site {
  const friends = new Set(listed);
  return (head) => {
    const site = head.header("sec-fetch-site");
    const origin = head.header("origin");
    const isListed = origin !== undefined && friends.has(origin);
    if (site !== undefined) return site === "same-origin" || (site === "same-site" && isListed) ? "own" : "foreign";
    if (origin === undefined) return "unknown";
    return isListed || isOwn(origin, head.header("host")) ? "own" : "foreign";
  };
}

/** Hosts to which browsers send Secure cookies without TLS. */
const loopback = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** Secure cookies come over https, or from this very machine: the scheme need not be known, whatever proxy has ended TLS. */
function isOwn(origin: string, hostHeader: string | undefined): boolean {
  const host = hostHeader?.toLowerCase();
  if (host === undefined) return false;
  return origin === `https://${host.replace(/:443$/, "")}` || (loopback.test(host) && origin === `http://${host}`);
}
