// The REST API behind the middleware of applications.
import { describe, expect, it } from "vitest";
import { reservedPaths } from "../../dist/http/rest/routes.js";
import { sendRaw } from "../http/raw.js";
import { alice } from "../world/people.js";
import { type Host, origin, type Setup } from "./host.js";
import { serving } from "./serving.js";

export function describeEndpoints(host: Host): void {
  describe.each([
    { what: "", setup: {} },
    { what: " behind the framework's parsers", setup: { parsers: true } },
    { what: " behind compression and CORS", setup: { front: true } },
    { what: " behind all of them", setup: { front: true, parsers: true } },
  ])("serves the REST API$what", ({ setup }: { what: string; setup: Partial<Setup> }) => {
    const { call, login, port, post } = serving(host, setup);

    it("the endpoints accept JSON and forms", async () => {
      expect(await login()).toMatch(/^eyJ/);
      const form = new URLSearchParams(alice);
      const response = await call("/api/security/login", undefined, { method: "POST", body: form });
      expect(response.status).toBe(200);
    });

    it("wrong passwords, wrong types and missing bodies are rejected", async () => {
      expect((await post("/api/security/login", { ...alice, password: "wrong" })).status).toBe(401);
      expect((await post("/api/security/login", { login: 1 })).status).toBe(400);
      expect((await call("/api/security/login", undefined, { method: "POST" })).status).toBe(400);
    });

    it("unknown paths and methods are rejected", async () => {
      const unknown = await call("/api/security/nothing");
      expect([unknown.status, (await unknown.json()).error]).toEqual([404, "not_found"]);
      for (const path of reservedPaths)
        for (const method of ["GET", "POST"]) {
          const reserved = await call(`/api/security${path}/x`, undefined, { method });
          expect([path, reserved.status, (await reserved.json()).error]).toEqual([path, 404, "not_found"]);
        }
      const wrong = await call("/api/security/renew");
      expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
      expect((await call("/api/security")).status).toBe(404);
    });

    it("the endpoints respond to HEAD and OPTIONS", async () => {
      const head = await call("/api/security/openapi.json", undefined, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      if (setup.front !== true)
        expect((await call("/api/security/login", undefined, { method: "OPTIONS" })).status).toBe(405);
    });

    it("a session is renewed, read and ended", async () => {
      const token = await login();
      expect((await post("/api/security/renew", "", token)).status).toBe(200);
      const session = await call("/api/security/session", token);
      expect((await session.json()).login).toBe("alice");
      expect((await post("/api/security/logout", "", token)).status).toBe(204);
      expect((await call("/api/security/session", token)).status).toBe(401);
    });

    it("a body in chunks is read while the next request waits", async () => {
      const body = JSON.stringify(alice);
      const chunks = [body.slice(0, 9), body.slice(9)]
        .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
        .join("");
      const head =
        "POST /api/security/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
      const text = `${head}${chunks}0\r\n\r\nGET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      const response = await sendRaw(port(), text, { untilClosed: true });
      expect(`${response.head}${response.body}`.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    });

    if (setup.parsers !== true && host.parsesFirst !== true) {
      it("invalid bodies get the statuses of Ampho", async () => {
        for (const [type, body, status] of [
          ["text/plain", "hello", 415],
          ["application/json", "{", 400],
          ["application/json", `{"login":"${"a".repeat(20_000)}"}`, 413],
          ["not a type", "{}", 415],
        ] as const) {
          const response = await post("/api/security/login", body, undefined, { "content-type": type });
          expect([type, response.status]).toEqual([type, status]);
          expect(Object.keys(await response.json()).sort()).toEqual(["error", "message"]);
        }
      });
    }

    if (setup.front === true) {
      it("the application's CORS applies to endpoints, guarded routes and rejections", async () => {
        const token = await login();
        const headers = { origin };
        for (const [path, value] of [
          ["/api/security/session", token],
          ["/api/security/session", undefined],
          ["/need/plain", token],
          ["/need/plain", undefined],
          ["/certain/plain", undefined],
          ["/need/strict", "junk"],
        ] as const) {
          const response = await call(path, value, { headers });
          expect([path, value, response.headers.get("access-control-allow-origin")]).toEqual([path, value, origin]);
        }
        for (const path of ["/api/security/login", "/need/plain"]) {
          const preflight = await call(path, undefined, {
            method: "OPTIONS",
            headers: {
              origin,
              "access-control-request-method": "POST",
              "access-control-request-headers": "authorization",
            },
          });
          expect(preflight.ok).toBe(true);
        }
      });

      it("compressed responses decode to the same content", async () => {
        const token = await login();
        const headers = { "accept-encoding": "gzip" };
        expect(await (await call("/need/plain", token, { headers })).json()).toEqual({ login: "alice" });
        expect((await (await call("/need/plain", undefined, { headers })).json()).error).toBe("missing_token");
        expect((await (await call("/api/security/openapi.json", undefined, { headers })).json()).openapi).toMatch(
          /^3\.1/,
        );
      });
    }

    it("the body of a guarded request stays with the application", async () => {
      const token = await login();
      const parsed = await post("/parsed", { a: 1 }, token);
      expect([parsed.status, await parsed.json()]).toEqual([200, { a: 1 }]);
      expect((await post("/parsed", { a: 1 })).status).toBe(401);
      const raw = await call("/raw", token, {
        method: "POST",
        body: "x".repeat(300_000),
        headers: { "content-type": "application/octet-stream" },
      });
      if (setup.parsers !== true) expect([raw.status, await raw.json()]).toEqual([200, { bytes: 300_000 }]);
    });

    it("a large upload is rejected without hanging", async () => {
      const rejected = await call("/raw", undefined, {
        method: "POST",
        body: "x".repeat(300_000),
        headers: { "content-type": "application/octet-stream" },
      });
      expect(rejected.status).toBe(401);
    });
  });

  describe.each([
    { what: "", setup: {} },
    { what: " behind the framework's parsers, compression and CORS", setup: { front: true, parsers: true } },
  ])("serves the documents at the root$what", ({ setup }: { what: string; setup: Partial<Setup> }) => {
    const appUrl = "https://app.example/account";
    const origins = ["https://app.example.net", `android:apk-key-hash:${"A".repeat(43)}`];
    const { call } = serving(host, setup, { appUrl, passkeys: { origins } });

    it("the documents at the root name the configured origins and the pages of the application, whatever host is asked", async () => {
      const headers = { "x-forwarded-host": "evil.example" };
      const origins = await call("/.well-known/webauthn?origin=https://evil.example", undefined, { headers });
      expect([origins.status, origins.headers.get("content-type")]).toEqual([200, "application/json"]);
      expect(await origins.json()).toEqual({ origins: ["https://app.example", "https://app.example.net"] });
      const pages = await call("/.well-known/passkey-endpoints");
      expect(await pages.json()).toEqual({ enroll: appUrl, manage: appUrl });
      const password = await call("/.well-known/change-password", undefined, { redirect: "manual" });
      expect([password.status, password.headers.get("location")]).toEqual([302, appUrl]);
    });

    it("the documents at the root allow GET and HEAD only", async () => {
      const head = await call("/.well-known/webauthn", undefined, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      const posted = await call("/.well-known/webauthn", undefined, { method: "POST" });
      expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    });
  });

  describe("serves no documents at the root without AMPHO_APP_URL", () => {
    const { call } = serving(host);

    it.each(["webauthn", "passkey-endpoints", "change-password"])("the document %s does not exist", async (name) => {
      expect((await call(`/.well-known/${name}`)).status).toBe(404);
    });
  });

  describe.each([
    { what: "", setup: {} },
    { what: " behind the framework's parsers, compression and CORS", setup: { front: true, parsers: true } },
  ])("serves the metadata of resources$what", ({ setup }: { what: string; setup: Partial<Setup> }) => {
    const { call, port } = serving(host, setup);
    const path = "/.well-known/oauth-protected-resource";

    it("the metadata of a resource comes from the configuration, whatever host is asked (M-15)", async () => {
      const hosts = "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n";
      const text = `GET ${path}/mcp?resource=https://evil.example HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`;
      const { status, body } = await sendRaw(port(), text, { untilClosed: true });
      expect(status).toBe(200);
      expect(body).not.toContain("evil");
      const response = await call(`${path}/mcp`);
      expect(response.headers.get("content-type")).toBe("application/json");
      if (setup.front !== true) expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toEqual({
        resource: "https://api.example/mcp",
        authorization_servers: ["https://id.example"],
        scopes_supported: ["articles:write"],
        bearer_methods_supported: ["header"],
      });
      const other = { resource: "https://files.example", bearer_methods_supported: ["header"] };
      expect(await (await call(path)).json()).toEqual(other);
    });

    it.each(["/MCP", "/%6dcp", "//mcp", "/mcp/", "/mcp%2f", "/mcp;a", "/%2e%2e/mcp"])(
      "another spelling of the path has no metadata: %s (M-17)",
      async (spelling) => {
        const text = `GET ${path}${spelling} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
        const { status, body } = await sendRaw(port(), text, { untilClosed: true });
        expect(status).toBe(404);
        expect(body).not.toContain("api.example");
      },
    );

    it("the metadata allows GET and HEAD only", async () => {
      const head = await call(`${path}/mcp`, undefined, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      expect((await call(`${path}/mcp`, undefined, { method: "POST" })).status).toBe(405);
    });
  });

  describe.each([
    [0, "127.0.0.1"],
    [1, "203.0.113.9"],
    [2, "127.0.0.1"],
  ])("behind %i proxies", (trustProxy, expected) => {
    const { call, post } = serving(host, {}, { trustProxy });

    it("throttling and audit use the trusted address of the client", async () => {
      const headers = { "x-forwarded-for": "203.0.113.9" };
      const { token } = await (await post("/api/security/login", alice, undefined, headers)).json();
      const { sessions } = await (await call("/api/security/sessions", token)).json();
      expect(sessions.map((session: { readonly address: string }) => session.address)).toEqual([expected]);
    });
  });
}
