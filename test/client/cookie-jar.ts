// The cookies of a browser for clients in Node: kept from the responses of one origin, and sent with its requests.
import { onTestFinished, vi } from "vitest";

export interface CookieJar {
  readonly cookies: Map<string, string>;
  /** The paths of the requests that carried cookies. */
  readonly sent: string[];
}

/** Replaces the platform's `fetch` until the test ends. Only requests that include credentials get cookies. */
export function openCookieJar(origin: string): CookieJar {
  const jar: CookieJar = { cookies: new Map(), sent: [] };
  const platform = globalThis.fetch;
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin !== origin || init?.credentials !== "include") return platform(input, init);
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set("Sec-Fetch-Site", "same-origin");
    if (jar.cookies.size > 0) {
      headers.set("Cookie", [...jar.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
      jar.sent.push(url.pathname);
    }
    const response = await platform(input, { ...init, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (/Max-Age=0/.test(cookie)) jar.cookies.delete(name);
      else jar.cookies.set(name, value);
    }
    return response;
  });
  onTestFinished(() => spy.mockRestore());
  return jar;
}
