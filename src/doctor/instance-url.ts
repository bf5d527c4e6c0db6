// Turns the URL that an operator typed into the URL of the REST API of a running instance.

/** Appends `prefix` to the server's root, unless `typed` already ends with it. Returns undefined for an unusable URL. */
export function apiOf(typed: string, prefix: string): URL | undefined {
  if (!URL.canParse(typed)) return undefined;
  const url = new URL(typed);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  // Every process can read a password in an argument, and servers and proxies log queries.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(prefix) ? path : path + prefix;
  return url;
}
