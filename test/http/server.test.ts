import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../dist/http/server/server.js";
import { nextRequest, revocationFeedToken, type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { sendRaw } from "./raw.js";

const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close();
});
async function started(...args: Parameters<typeof serve>): Promise<Serving> {
  const serving = await serve(...args);
  open.push(serving);
  return serving;
}

describe("the probes", () => {
  it("the probes are at the root and allow only GET and HEAD", async () => {
    const { root } = await started();
    for (const path of ["/healthz", "/readyz"]) {
      const response = await fetch(root + path);
      expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect((await fetch(root + path, { method: "HEAD" })).status).toBe(200);
      const wrong = await fetch(root + path, { method: "POST" });
      expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
    for (const path of ["/", "/healthz/", "/constructor", "/__proto__"])
      expect((await fetch(root + path)).status).toBe(404);
  });

  it("the probe for readiness returns 503 while the database is unreachable", async () => {
    const serving = await started();
    await serving.ampho.close();
    const response = await fetch(`${serving.root}/readyz`);
    expect([response.status, response.headers.has("retry-after")]).toEqual([503, true]);
    expect((await response.json()).error).toBe("unavailable");
    expect((await fetch(`${serving.root}/healthz`)).status).toBe(200);
  });
});

describe("the documents at the root", () => {
  it("the server serves them, logs their path, and counts them as no route of the API", async () => {
    const { root, lines, ampho } = await started({ appUrl: "https://app.example/", passkeys: false });
    const { status, headers } = await fetch(`${root}/.well-known/change-password`, { redirect: "manual" });
    expect([status, headers.get("location")]).toEqual([302, "https://app.example/"]);
    expect(lines.map((line) => JSON.parse(line).route)).toEqual(["/.well-known/change-password"]);
    expect(ampho.metrics()).toContain('http_route="_OTHER",http_response_status_code="302"} 1');
    for (const name of ["webauthn", "passkey-endpoints"])
      expect((await fetch(`${root}/.well-known/${name}`)).status).toBe(404);
  });
});

describe("the access log", () => {
  it("the access log has one JSON line for each request, with the route's pattern and nothing that was sent", async () => {
    const { url, root, lines, login } = await started();
    const { token, refresh_token } = await login();
    lines.length = 0;
    const canary = "canary-4711";
    const response = await post(
      `${url}/login`,
      { login: canary, password: canary },
      { "user-agent": canary, [canary]: canary },
    );
    await post(`${url}/renew`, { refresh_token });
    await fetch(`${url}/session?${canary}=${canary}`, { headers: bearer(token) });
    await fetch(`${url}/sessions/${canary}`, { method: "DELETE", headers: bearer(token) });
    await fetch(`${root}/${canary}`);
    await fetch(`${root}/healthz`);
    await sendRaw(Number(new URL(root).port), `GET /${canary}\u0000 HTTP/1.1\r\n\r\n`);
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries.map(({ method, route, status, error }) => [method, route, status, error])).toEqual([
      ["POST", "/api/security/login", 401, "invalid_credentials"],
      ["POST", "/api/security/renew", 200, undefined],
      ["GET", "/api/security/session", 200, undefined],
      ["DELETE", "/api/security/sessions/{id}", 404, "not_found"],
      ["GET", undefined, 404, "not_found"],
      ["GET", "/healthz", 200, undefined],
      [undefined, undefined, 400, undefined],
    ]);
    for (const { time, ms, id } of entries) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(response.headers.get("x-request-id")).toBe(entries[0].id);
    const all = lines.join("");
    for (const secret of [canary, token, refresh_token]) expect(all).not.toContain(secret);
    for (const line of lines) expect(line).toMatch(/^[^\p{Cc}]+\n$/u);
  });

  it("the access log can be text", async () => {
    const { url, lines } = await started({}, "text");
    await post(`${url}/login`, { ...alice, password: "wrong" });
    expect(lines).toEqual([
      expect.stringMatching(/^\S+Z 401 POST \/api\/security\/login \d+(\.\d)?ms invalid_credentials [0-9a-f-]{36}\n$/),
    ]);
  });
});

describe("closing", () => {
  it("a closing server finishes running requests, accepts no new ones, and does not wait for idle connections", async () => {
    const serving = await started();
    const { port, url } = serving;
    await fetch(`${url}/session`); // its connection stays open, idle
    const silent = connect(port, "127.0.0.1").on("error", () => undefined);
    await new Promise((resolve) => silent.once("connect", resolve));
    // A renewal needs no hash, which can take longer on a busy machine than running requests have.
    const body = JSON.stringify({ refresh_token: (await serving.login()).refresh_token });
    const slow = connect(port, "127.0.0.1");
    const head = `POST /api/security/renew HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const begun = nextRequest(port);
    slow.write(head + body.slice(0, 5));
    const responded = new Promise<string>((resolve) => {
      let received = "";
      slow.on("data", (chunk: Buffer) => {
        received += chunk.toString();
      });
      slow.on("close", () => resolve(received));
    });
    await begun;
    const closed = serving.server.close();
    slow.write(body.slice(5));
    expect(await responded).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close/is);
    await closed;
    await serving.server.close();
    expect((await sendRaw(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).status).toBe(0);
  });

  it("a closing server responds to requests that arrive at this moment, on idle and on new connections", async () => {
    const { port, server } = await started();
    const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    const idle = connect(port, "127.0.0.1");
    idle.write(request);
    await once(idle, "data");
    // The bytes reach the server's socket at once, and its event loop reads them later.
    const late = Array.from({ length: 20 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
    await Promise.all(late.map((socket) => once(socket, "connect")));
    const all = [idle, ...late];
    for (const socket of all) socket.write(request);
    const responses = all.map((socket) => text(socket));
    const closed = server.close();
    for (const response of await Promise.all(responses))
      expect(response).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close/is);
    await closed;
  });

  it("a closing server responds to verifiers that wait at the revocation feed", async () => {
    const { url, port, server } = await started();
    const ask = async (query: string) => {
      const response = await fetch(`${url}/revocations${query}`, { headers: bearer(revocationFeedToken) });
      return { status: response.status, page: await response.json() };
    };
    const { page } = await ask("");
    const begun = nextRequest(port);
    const waiting = ask(`?after=${page.last}&wait=20`);
    await begun;
    await Promise.all([
      server.close(),
      expect(waiting).resolves.toMatchObject({ status: 200, page: { last: page.last, revocations: [] } }),
    ]);
  });

  it("a closing server ends requests that do not finish", async () => {
    const serving = await started();
    const begun = nextRequest(serving.port);
    const stuck = sendRaw(
      serving.port,
      "POST /api/security/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n",
    );
    await begun;
    await serving.server.close();
    expect((await stuck).closed).toBe(true);
  });

  it("a server rejects with EADDRINUSE when its port is in use", async () => {
    const { port, ampho } = await started();
    const server = createHttpServer({ host: ampho.host, log: () => undefined });
    await expect(server.listen(port, "127.0.0.1")).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
