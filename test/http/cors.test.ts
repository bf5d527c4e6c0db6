// Calls from pages of other origins. A listed origin gets CORS headers, and another origin gets none.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import { everyFeature } from "../world/every-feature.js";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { sendRaw } from "./raw.js";

const app = "https://app.example";
const other = "http://localhost:5173";
/** These origins look like a listed one if the comparison is careless. */
const strangers = [
  "https://app.example.evil.example",
  "https://evil.example",
  "https://sub.app.example",
  "https://app.example:8443",
  "http://app.example",
  "https://APP.example",
  "https://app.example/",
  "https://app.example,https://evil.example",
  "null",
  "*",
  "",
];

let serving: Serving;
let closed: Serving;
beforeAll(async () => {
  serving = await serve({ ...everyFeature, corsOrigins: [app, other] });
  closed = await serve();
});
afterAll(async () => {
  await serving.close();
  await closed.close();
});

const preflight = (url: string, origin: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST", ...headers } });
const corsHeaders = (response: Response) =>
  Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));

describe("with origins listed", () => {
  it.each([...new Set(routes.map((route) => route.path))])(
    "a preflight for %s from a listed origin gets 204",
    async (path) => {
      const methods = routes.filter((route) => route.path === path).map((route) => route.method);
      for (const origin of [app, other]) {
        const response = await preflight(serving.url + path.replace("{id}", "0.abc"), origin);
        expect([response.status, await response.text()]).toEqual([204, ""]);
        expect(corsHeaders(response)).toEqual({
          "access-control-allow-origin": origin,
          "access-control-allow-methods": methods.join(", "),
          "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key",
          "access-control-max-age": "600",
          "access-control-expose-headers": "Retry-After, WWW-Authenticate, X-Request-Id",
          vary: "Origin",
        });
        expect(response.headers.get("cache-control")).toBe("no-store");
      }
    },
  );

  it("a preflight with credentials changes nothing", async () => {
    const { token } = await serving.login();
    const response = await fetch(`${serving.url}/sessions`, {
      method: "OPTIONS",
      headers: { origin: app, "access-control-request-method": "DELETE", ...bearer(token) },
    });
    expect(response.status).toBe(204);
    expect((await fetch(`${serving.url}/session`, { headers: bearer(token) })).status).toBe(200);
  });

  it("a listed origin can read successes and errors, without credentials", async () => {
    const { token } = await serving.login();
    const responses = [
      await post(`${serving.url}/login`, alice, { origin: app }),
      await post(`${serving.url}/login`, { ...alice, password: "wrong" }, { origin: app }),
      await post(`${serving.url}/login`, "{", { origin: app }),
      await fetch(`${serving.url}/session`, { headers: { origin: app, ...bearer(token) } }),
      await fetch(`${serving.url}/session`, { headers: { origin: app } }),
      await fetch(`${serving.url}/.well-known/jwks.json`, { headers: { origin: app } }),
      await fetch(`${serving.url}/nothing`, { headers: { origin: app } }),
      await fetch(`${serving.url}/login`, { method: "PUT", headers: { origin: app } }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([200, 401, 400, 200, 401, 200, 404, 405]);
    for (const response of responses) {
      expect(corsHeaders(response)).toEqual({
        "access-control-allow-origin": app,
        "access-control-expose-headers": "Retry-After, WWW-Authenticate, X-Request-Id",
        vary: "Origin",
      });
    }
  });

  it.each(strangers)("the origin %j gets no CORS headers", async (origin) => {
    const asked = await preflight(`${serving.url}/login`, origin);
    expect([asked.status, (await asked.json()).error]).toEqual([405, "method_not_allowed"]);
    const called = await post(`${serving.url}/login`, alice, { origin });
    expect(called.status).toBe(200);
    for (const response of [asked, called]) expect(corsHeaders(response)).toEqual({ vary: "Origin" });
  });

  it("a request without an origin gets the usual response, with Vary for caches", async () => {
    const response = await fetch(`${serving.url}/.well-known/jwks.json`);
    expect(corsHeaders(response)).toEqual({ vary: "Origin" });
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  });

  it("two Origin headers do not match a listed origin", async () => {
    const text = `OPTIONS /api/security/login HTTP/1.1\r\nHost: x\r\nOrigin: ${app}\r\nOrigin: ${app}\r\nAccess-Control-Request-Method: POST\r\n\r\n`;
    const { status, head } = await sendRaw(serving.port, text);
    expect(status).toBe(405);
    expect(head).not.toMatch(/access-control/i);
  });

  it("another OPTIONS request gets 405, and a preflight for an unknown path 404", async () => {
    expect((await fetch(`${serving.url}/login`, { method: "OPTIONS", headers: { origin: app } })).status).toBe(405);
    expect((await preflight(`${serving.url}/nothing`, app)).status).toBe(404);
    expect((await preflight(`${serving.root}/healthz`, app)).status).toBe(405);
    expect((await preflight(`${serving.url}/session?access_token=x`, app)).status).toBe(400);
  });

  it("the Fetch handler responds to a preflight", async () => {
    const headers = { origin: app, "access-control-request-method": "POST" };
    const request = new Request("https://api.example/api/security/login", { method: "OPTIONS", headers });
    const response = await serving.ampho.fetch(request);
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([204, app]);
  });

  it("the log has one line for a preflight", async () => {
    serving.lines.length = 0;
    await preflight(`${serving.url}/login`, app);
    expect(serving.lines.map((line) => JSON.parse(line))).toMatchObject([
      { method: "OPTIONS", route: "/api/security/login", status: 204 },
    ]);
  });
});

describe("without listed origins", () => {
  it("an instance without listed origins sends no CORS headers", async () => {
    for (const origin of [app, ...strangers]) {
      const asked = await preflight(`${closed.url}/login`, origin);
      expect(asked.status).toBe(405);
      const called = await post(`${closed.url}/login`, alice, { origin });
      for (const response of [asked, called]) expect(corsHeaders(response)).toEqual({});
    }
  });
});
