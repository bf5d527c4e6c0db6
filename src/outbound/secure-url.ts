// The URLs that Ampho sends requests to. An attacker on the network can read and change what comes over plain http.
import { ConfigurationError } from "../errors.js";

/** True for https, and for http on the loopback interface. A user name or a password would be sent to no server. */
export function isSecureUrl(url: URL): boolean {
  return (
    (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) &&
    url.username === "" &&
    url.password === ""
  );
}

export interface KeyedUrl {
  readonly url: string;
  readonly key: string;
}

/** Splits `https://:KEY@HOST/PATH` into the URL of a secure server and the key. Undefined for any other text. */
export function splitKeyedUrl(text: string): KeyedUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const key = decoded(url.password);
  url.password = "";
  return key && isSecureUrl(url) ? { url: url.href, key } : undefined;
}

/** Undefined if a `%` begins no escape. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, as `URL` normalizes them. A name below `localhost` can resolve to any host. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);

/** A name that browsers resolve to their own machine (RFC 6761 §6.3). */
export const isLocalhost = (host: string): boolean => /(?:^|\.)localhost$/.test(host);

/** Returns the URL of an option, without its fragment. Throws ConfigurationError. */
export function readUrl(name: string, text: unknown): URL {
  const wrong = (rule: string) => new ConfigurationError(`${name} must ${rule}.`);
  if (typeof text !== "string" || !URL.canParse(text)) throw wrong("be an absolute URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw wrong("not contain a user name or a password");
  if (!isSecureUrl(url)) throw wrong("be an https URL (http on the loopback interface only)");
  url.hash = "";
  return url;
}
