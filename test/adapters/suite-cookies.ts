// Tokens in cookies: the REST API sets them, and guarded routes accept them only from pages of the same site.
import { beforeAll, describe, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { openJar } from "../http/jar.js";
import { sendRaw } from "../http/raw.js";
import { alice } from "../world/people.js";
import { foreignToken } from "../world/tokens.js";
import type { Host } from "./host.js";
import { key, serving } from "./serving.js";

interface Case {
  readonly what: string;
  /** Sent with alice's cookies. */
  readonly headers: Readonly<Record<string, string>>;
  /** The outcomes of GET and POST. */
  readonly expected: readonly [number | string, number | string];
}

const { token: access } = cookieNames;
const friend = "http://friend.localhost:5173";
const same = { "sec-fetch-site": "same-origin" };

const cases: readonly Case[] = [
  { what: "our own pages", headers: same, expected: [200, 200] },
  { what: "our own pages in an older browser", headers: { origin: "http://{host}" }, expected: [200, 200] },
  { what: "our own pages behind TLS", headers: { origin: "https://{host}" }, expected: [200, 200] },
  {
    what: "pages that are listed",
    headers: { "sec-fetch-site": "same-site", origin: friend },
    expected: [200, 200],
  },
  {
    what: "pages of a sub-domain",
    headers: { "sec-fetch-site": "same-site", origin: "http://sub.localhost" },
    expected: [200, "cross_site"],
  },
  { what: "pages of another site", headers: { "sec-fetch-site": "cross-site" }, expected: [200, "cross_site"] },
  {
    what: "another site in an older browser",
    headers: { origin: "https://evil.example" },
    expected: [200, "cross_site"],
  },
  { what: "an unknown page", headers: {}, expected: [200, "cross_site"] },
  {
    what: "our own pages, with another token in the header",
    headers: { ...same, authorization: `Bearer ${foreignToken(key)}` },
    expected: ["invalid_request", "invalid_request"],
  },
  {
    what: "our own pages, with an authorization of another scheme",
    headers: { ...same, authorization: "Basic YTpi" },
    expected: [200, 200],
  },
];

export function describeCookies(host: Host): void {
  describe("tokens in cookies", () => {
    const { call, post, port } = serving(host, {}, { cookies: true, corsOrigins: [friend] });
    const jar = openJar();
    beforeAll(async () => {
      jar.keep(await post("/api/security/login", alice, undefined, same));
    });
    const sent = (headers: Readonly<Record<string, string>>) => {
      const filled = Object.entries(headers).map(([name, value]) => [
        name,
        value.replace("{host}", `127.0.0.1:${port()}`),
      ]);
      return { cookie: jar.header(), ...Object.fromEntries(filled) };
    };
    const outcomeOf = async (response: Response) =>
      response.ok ? response.status : ((await response.json()).error as string);

    it.each(cases.map((row) => ({ ...row })))("a cookie token from $what: $expected", async ({ headers, expected }) => {
      for (const path of ["/need/plain", "/certain/plain", "/group/inner", "/api/security/session"])
        expect([path, await outcomeOf(await call(path, undefined, { headers: sent(headers) }))]).toEqual([
          path,
          expected[0],
        ]);
      expect(await outcomeOf(await post("/parsed", { a: 1 }, undefined, sent(headers)))).toBe(expected[1]);
    });

    it.each([
      ["our own pages", "Origin: http://{host}", 200],
      ["a listed page", `Sec-Fetch-Site: same-site\r\nOrigin: ${friend}`, 200],
      ["a page of a sub-domain", "Sec-Fetch-Site: same-site\r\nOrigin: http://sub.localhost", 403],
      ["another site", "Origin: https://evil.example", 403],
      ["an unknown page", "X-Nothing: at all", 403],
    ])("a socket that is routed like a GET, opened by %s with %j: %i", async (_what, said, status) => {
      for (const [path, protocol] of [
        ["/need/plain", "websocket"],
        ["/certain/plain", "h2c, WebSocket"],
      ]) {
        const upgrade = `Connection: Upgrade, close\r\nUpgrade: ${protocol}\r\n`;
        const host = `127.0.0.1:${port()}`;
        const text = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${upgrade}Cookie: ${jar.header()}\r\n${said.replace("{host}", host)}\r\n\r\n`;
        expect([path, (await sendRaw(port(), text, { untilClosed: true })).status]).toEqual([path, status]);
      }
    });

    it("a cookie is ignored if the header has the token", async () => {
      const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
      const token = jar.get(access) ?? "";
      expect((await post("/parsed", {}, token, headers)).status).toBe(200);
      expect((await post("/parsed", {}, token, { ...headers, cookie: jar.header() })).status).toBe(200);
    });

    it("a repeated cookie is rejected, and no cookie is required where the token is optional", async () => {
      const twice = { cookie: `${jar.header()}; ${access}=x` };
      for (const path of ["/need/plain", "/certain/plain", "/need/optional"])
        expect(await outcomeOf(await call(path, undefined, { headers: twice }))).toBe("invalid_request");
      const anonymous = await call("/need/optional", undefined, { headers: { cookie: "a=b" } });
      expect(await anonymous.json()).toEqual({ login: null });
    });

    it("the REST API sets, renews and deletes cookies, each in a separate header", async () => {
      const own = openJar();
      const send = (path: string) =>
        call(path, undefined, { method: "POST", headers: { ...same, cookie: own.header() } });
      const login = await post("/api/security/login", alice, undefined, same);
      own.keep(login);
      expect(login.headers.getSetCookie()).toHaveLength(3);
      expect(await login.text()).not.toContain("eyJ");
      const before = own.get(access);
      const renewed = await send("/api/security/renew");
      own.keep(renewed);
      expect([renewed.status, own.get(access) === before]).toEqual([200, false]);
      const stolen = own.header();
      const logout = await send("/api/security/logout");
      own.keep(logout);
      expect([logout.status, Object.values(cookieNames).map((name) => own.get(name) !== undefined)]).toEqual([
        204,
        [false, false, true, false],
      ]);
      expect(await outcomeOf(await call("/need/plain", undefined, { headers: { cookie: stolen } }))).toBe(
        "invalid_token",
      );
    });

    it("a login from another site is rejected", async () => {
      const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
      const form = { method: "POST", body: new URLSearchParams(alice), headers };
      const response = await call("/api/security/login", undefined, form);
      expect([await outcomeOf(response), response.headers.getSetCookie()]).toEqual(["cross_site", []]);
    });
  });
}
