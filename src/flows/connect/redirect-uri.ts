// Redirect URIs of clients: their form when they are registered, and the comparison with that of a request.

const charactersMax = 1024;

/** URLs of these would run in the page, or show a file. */
const barred = /^(?:javascript|data|vbscript|file|blob|about|filesystem|view-source|ws|wss|ftp|mailto|tel|intent):$/;

/** The response adds these. */
const ofResponse = ["code", "state", "iss", "error", "error_description", "error_uri"];

export const redirectForm =
  "an https URL in its normal form, http for 127.0.0.1, [::1] or localhost, or a private scheme such as com.example.app:/callback, without a fragment, a user and *";

/**
 * A redirect URI has one spelling, because it is compared as text (RFC 9700 §2.1). Private schemes are for programs
 * (RFC 8252 §7.1).
 */
export function isRedirectUri(text: string): boolean {
  if (text.length > charactersMax || !/^[!-~]+$/.test(text) || /[\\#*"<>^`{|}]/.test(text) || !URL.canParse(text))
    return false;
  const url = new URL(text);
  const { protocol, username, password, searchParams } = url;
  if (barred.test(protocol) || username !== "" || password !== "") return false;
  if (ofResponse.some((name) => searchParams.has(name))) return false;
  // `https://client.example` and `https://client.example/` are two texts of one URL.
  if (protocol === "https:") return url.href === text;
  if (protocol === "http:") return hasPlainHost.test(text) && url.href === text;
  return /^[a-z][a-z0-9+.-]*:\/{1,2}[a-z0-9]/i.test(text) && url.href === text;
}

/** `127.0.0.1` alone, and none of its neighbours, which other programs of the machine can have. */
const hasPlainHost = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::[1-9]\d{0,4})?\//;

const portOfLoopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::[1-9]\d{0,4})?(\/.*)$/;

/** A program takes any free port (RFC 8252 §7.3). */
const withoutPort = (uri: string): string => uri.replace(portOfLoopback, "$1$2");

/** Returns whether a request's redirect URI is one of the client's. */
export const isRegistered = (sent: string, redirects: readonly string[]): boolean =>
  isRedirectUri(sent) && redirects.some((one) => one === sent || withoutPort(one) === withoutPort(sent));
