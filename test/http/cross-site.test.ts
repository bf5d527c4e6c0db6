// Every route in cookie mode, as a page of another site or of a sub-domain would reach it with the cookies of its visitor.
import { afterAll, beforeAll, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { isOAuth } from "../../dist/http/rest/route-access.js";
import { routes } from "../../dist/http/rest/routes.js";
import { everyFeature } from "../world/every-feature.js";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { post } from "../world/requests.js";
import { openJar } from "./jar.js";

let serving: Serving;
/** The cookies of a visitor who is logged in and has begun a login in another tab. Nothing here changes them. */
let cookie = "";
beforeAll(async () => {
  serving = await serve({ ...everyFeature, cookies: true });
  const jar = openJar();
  const from = { origin: serving.root, "sec-fetch-site": "same-origin" };
  jar.keep(await post(`${serving.url}/login`, alice, from));
  jar.keep(await post(`${serving.url}/login/mail`, { login: "unknown@example.org" }, from));
  for (const name of [cookieNames.token, cookieNames.refreshToken, cookieNames.transaction])
    expect(jar.get(name), name).toBeTruthy();
  cookie = jar.header();
});
afterAll(() => serving.close());

const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a form": { ...evil, "sec-fetch-mode": "navigate", "content-type": "application/x-www-form-urlencoded" },
  "a form of plain text": { ...evil, "sec-fetch-mode": "navigate", "content-type": "text/plain" },
  "a form with a file": { ...evil, "sec-fetch-mode": "navigate", "content-type": "multipart/form-data; boundary=x" },
  "a fetch": { ...evil, "sec-fetch-mode": "cors", "content-type": "application/json" },
  "a fetch without a body": evil,
  "a form of a sub-domain": {
    origin: "https://sub.app.example",
    "sec-fetch-site": "same-site",
    "content-type": "application/x-www-form-urlencoded",
  },
  "a sandboxed frame in an older browser": { origin: "null", "content-type": "application/json" },
  "a program that names no origin": { "content-type": "application/json" },
};

const bodyOf = (type = ""): string | undefined =>
  type.includes("urlencoded") ? "login=alice&password=x&email=eve%40evil.example" : type === "" ? undefined : "{}";

/** Apple sends its form from its own site, and the route only forwards it. Routes of OAuth read no cookie. */
const isOpen = (route: (typeof routes)[number]) =>
  isOAuth(route.access) || ("crossSite" in route && route.crossSite === true);
const changing = routes.filter((route) => route.method !== "GET" && !isOpen(route));
const reading = routes.filter(({ method }) => method === "GET");

const urlOf = (path: string) => serving.url + path.replaceAll(/\{\w+\}/g, "x");
/** An export records that it was read. A page of another site gets nothing of it. */
const auditRows = async () =>
  (await serving.ampho.audit.list({ limit: 1000 })).filter(({ event }) => event !== "account_exported").length;

it.each(changing)("a page of another site changes nothing by $method $path", async ({ method, path }) => {
  const before = await auditRows();
  for (const [way, headers] of Object.entries(ways)) {
    const body = bodyOf(headers["content-type"]);
    const response = await fetch(urlOf(path), { method, headers: { ...headers, cookie }, ...(body && { body }) });
    const { error } = (await response.json()) as { readonly error?: string };
    const set = response.headers.getSetCookie();
    expect([way, response.status, error, set]).toEqual([way, 403, "cross_site", []]);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  }
  expect(await auditRows()).toBe(before);
  expect((await fetch(`${serving.url}/session`, { headers: { cookie } })).status).toBe(200);
});

it.each(reading)("an image of another site changes nothing by GET $path", async ({ path }) => {
  const before = await auditRows();
  const headers = { cookie, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" };
  const response = await fetch(urlOf(path), { headers, redirect: "manual" });
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(await auditRows()).toBe(before);
  expect((await fetch(`${serving.url}/session`, { headers: { cookie } })).status).toBe(200);
});
