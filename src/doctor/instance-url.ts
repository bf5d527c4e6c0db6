// From what was typed to where the REST API of a running instance is.

/** `typed` is the server's root, to which the prefix is added, or already ends with it. Undefined: it is no such URL. */
export function apiOf(typed: string, prefix: string): URL | undefined {
  if (!URL.canParse(typed)) return undefined;
  const url = new URL(typed);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  // A password in an argument is seen by every process; a query would go to places that log it.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(prefix) ? path : path + prefix;
  return url;
}
