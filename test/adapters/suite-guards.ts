// The table of guarded requests, and other situations of a guarded route.
import { beforeAll, describe, expect, it } from "vitest";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { sendRaw } from "../http/raw.js";
import { cases } from "./cases.js";
import type { Host } from "./host.js";
import { serving } from "./serving.js";

export function describeGuards(host: Host): void {
  describe("wrong API keys", () => {
    const { call } = serving(host, {}, { throttleAddress: 2 });

    it("the address of a client is known, and waits after as many wrong keys as are allowed", async () => {
      const statuses: number[] = [];
      for (const need of ["keys", "keyLive", "keys"]) {
        const { status, headers } = await call(`/need/${need}`, generateApiKey("ampho"));
        statuses.push(status);
        if (status === 429) expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      }
      expect(statuses).toEqual([401, 401, 429]);
    });
  });

  describe("guards without a database", () => {
    const { call, login, createApiKey, closeDatabase } = serving(host);

    it("every response of 503 has the seconds in Retry-After", async () => {
      const good = await login();
      const key = await createApiKey(good);
      await closeDatabase();
      const unavailable = new Set<string>();
      for (const form of ["need", "certain"])
        for (const { need, send } of cases) {
          const authorization = send(good, key);
          const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
          const response = await call(`/${form}/${need}`, undefined, { headers });
          if (response.status !== 503) continue;
          unavailable.add(`${form} ${need}`);
          expect([need, response.headers.get("retry-after")]).toEqual([need, expect.stringMatching(/^[1-9]\d*$/)]);
        }
      expect([...unavailable]).toEqual(expect.arrayContaining(["need strict", "certain strict"]));
    });
  });

  describe("guards", () => {
    const { call, login, createApiKey, port, notices } = serving(host);
    let [good, key] = ["", ""];
    beforeAll(async () => {
      good = await login();
      key = await createApiKey(good);
    });
    for (const form of ["need", "certain"])
      it.each(cases.map((row) => ({ ...row })))(
        `a route by ${form === "need" ? "authorize" : "guarded"}: $what`,
        async ({ need, send, headers, expected }) => {
          const authorization = send(good, key);
          const response = await call(`/${form}/${need}`, undefined, {
            headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
          });
          const body = await response.json();
          if (!("error" in expected)) {
            expect([response.status, body]).toEqual([200, expected]);
            return;
          }
          expect([response.status, body.error]).toEqual([expected.status, expected.error]);
          expect(Object.keys(body).sort()).toEqual(["error", "message"]);
          expect(JSON.stringify(body)).not.toContain("inside");
          expect(response.headers.get("content-type")).toMatch(/^application\/json/);
          expect(response.headers.get("cache-control")).toBe("no-store");
          if (expected.challenge !== undefined)
            expect(response.headers.get("www-authenticate")).toMatch(expected.challenge);
        },
      );

    it("a `can` that throws is logged", () => {
      expect(notices.join("\n")).toContain("something-of-the-inside");
    });

    it("the requirements of a group and of its route are both enforced", async () => {
      expect((await call("/group/inner")).status).toBe(401);
      expect(await (await call("/group/inner", good)).json()).toEqual({ login: "alice" });
      expect((await call("/group/admin")).status).toBe(401);
      expect((await call("/group/admin", good)).status).toBe(403);
    });

    it("a route under two prefixes is guarded", async () => {
      expect((await call("/outer/inner/me")).status).toBe(401);
      expect(await (await call("/outer/inner/me", good)).json()).toEqual({ login: "alice" });
    });

    it("two tokens in one header are rejected", async () => {
      const headers = { authorization: `Bearer ${good}, Bearer ${good}` };
      const response = await call("/need/plain", undefined, { headers });
      // Hosts with raw values see one malformed token, and others see two tokens.
      expect([400, 401]).toContain(response.status);
    });

    it("an open route needs no token", async () => {
      expect(await (await call("/open")).json()).toEqual({ open: true });
      expect(await (await call("/open", "junk")).json()).toEqual({ open: true });
      expect((await call("/nowhere", good)).status).toBe(404);
    });

    it("an error of a handler stays with the framework", async () => {
      expect((await call("/throws")).status).toBe(401);
      const response = await call("/throws", good);
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain("internal_error");
      expect((await call("/need/plain", good)).status).toBe(200);
    });

    it("a HEAD request is guarded like GET and gets no body", async () => {
      const rejected = await call("/need/plain", undefined, { method: "HEAD" });
      expect([rejected.status, await rejected.text()]).toEqual([401, ""]);
      expect(rejected.headers.get("www-authenticate")).toMatch(/^Bearer realm="ampho"/);
      const allowed = await call("/need/plain", good, { method: "HEAD" });
      expect([allowed.status, await allowed.text()]).toEqual([200, ""]);
    });

    it.each(["/need/plain", "/certain/plain", "/api/security/session"])(
      "two raw Authorization headers on %s are 400",
      async (path) => {
        const twice = `Authorization: Bearer ${good}\r\n`.repeat(2);
        const text = `GET ${path} HTTP/1.1\r\nHost: a\r\n${twice}Connection: close\r\n\r\n`;
        const response = await sendRaw(port(), text, { untilClosed: true });
        expect(response.status).toBe(400);
        expect(response.body).toContain('"error":"invalid_request"');
      },
    );

    it("sequential and pipelined requests on a connection are guarded one by one", async () => {
      const get = (path: string, last = false, value = good) =>
        `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${value}\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
      const paths = ["/need/plain", "/need/plain", "/certain/plain", "/need/strict", "/api/security/session"];
      const text =
        paths.map((path, index) => get(path, false, index === 1 ? "junk" : good)).join("") + get("/open", true);
      const response = await sendRaw(port(), text, { untilClosed: true });
      const statuses = [...`${response.head}\r\n\r\n${response.body}`.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(
        ([, status]) => Number(status),
      );
      expect(statuses).toEqual([200, 401, 200, 200, 200, 200]);
    });
  });

  describe("sessions and time", () => {
    const { call, login, createApiKey, post, clock } = serving(host);

    it("an ended key is rejected at once", async () => {
      const token = await login();
      const key = await createApiKey(token);
      expect((await call("/need/keys", key)).status).toBe(200);
      const { api_keys: keys } = await (await call("/api/security/api-keys", token)).json();
      const path = `/api/security/api-keys/${keys.at(-1).id}`;
      expect((await call(path, token, { method: "DELETE" })).status).toBe(204);
      for (const need of ["keys", "keyLive"]) expect((await call(`/need/${need}`, key)).status).toBe(401);
    });

    it("an ended session is rejected at once", async () => {
      const token = await login();
      expect((await call("/need/plain", token)).status).toBe(200);
      expect((await post("/api/security/logout", "", token)).status).toBe(204);
      for (const need of ["plain", "strict", "optional"]) {
        const response = await call(`/need/${need}`, token);
        expect([response.status, (await response.json()).error]).toEqual([401, "invalid_token"]);
      }
    });

    it("a login exceeds maxAge before its token expires", async () => {
      const token = await login();
      expect((await call("/need/fresh", token)).status).toBe(200);
      clock.advance(301);
      const stale = await call("/need/fresh", token);
      expect([stale.status, (await stale.json()).error]).toEqual([401, "login_too_old"]);
      expect((await call("/need/plain", token)).status).toBe(200);
      clock.advance(900);
      expect((await call("/need/plain", token)).status).toBe(401);
    });
  });

  if (host.takesOver)
    describe("rejections that the application handles in one place", () => {
      const { call, login } = serving(host, { takeOver: true });

      it.each(["need", "certain"])("the application responds to the rejections of /%s", async (form) => {
        for (const [need, value, status, code] of [
          ["plain", undefined, 401, "missing_token"],
          ["plain", "junk", 401, "invalid_token"],
          ["admin", await login(), 403, "insufficient_scope"],
          ["later", await login(), 403, "insufficient_scope"],
        ] as const) {
          const response = await call(`/${form}/${need}`, value);
          expect([response.status, await response.json()]).toEqual([status, { taken: code }]);
        }
      });

      it("the application does not change the responses of the REST API", async () => {
        expect((await (await call("/api/security/session")).json()).error).toBe("missing_token");
      });
    });
}
