// An application beside Ampho, as a real process. No form of a request reaches its guarded handler without a token,
// and a token outside the Authorization header is ignored.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sendRaw } from "../http/raw.js";
import { bearer, type Grant } from "../world/requests.js";
import { addUser, freshPlace, logIn, type Served } from "../world/serve.js";

let child: ChildProcessByStdio<Writable, Readable, null>;
let application: Pick<Served, "root" | "url" | "port">;
let grant: Grant;
/** One line for each handler that ran. */
const reached: string[] = [];

beforeAll(async () => {
  const place = freshPlace();
  await addUser(place);
  const script = fileURLToPath(new URL("./children/application.mjs", import.meta.url));
  const env = { PATH: process.env["PATH"], ...place.env };
  child = spawn(process.execPath, [script], { cwd: place.cwd, env, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve) => lines.once("line", (line) => resolve(Number(line))));
  lines.on("line", (line) => void reached.push(line));
  const root = `http://127.0.0.1:${port}`;
  application = { root, url: `${root}/api/security`, port };
  grant = await logIn(application);
});
afterAll(async () => {
  child.stdin.end();
  await new Promise((resolve) => child.once("close", resolve));
});

beforeEach(() => void reached.splice(0));

/** The handlers that ran, once an accepted request has run after them. */
async function reachedUntilNow(): Promise<readonly string[]> {
  const response = await fetch(`${application.root}/open`);
  expect(response.status).toBe(200);
  await expect.poll(() => reached.at(-1)).toBe("open nobody");
  return reached.slice(0, -1);
}

const request = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: x", ...fields].join("\r\n")}\r\n\r\n`;
const send = (text: string) => sendRaw(application.port, Buffer.from(text, "latin1"));

describe("guarded handlers", () => {
  const targets = [
    "/guarded",
    "//guarded",
    "/guarded/",
    "/%67uarded",
    "/guarded;a",
    "/guarded?x",
    "/GUARDED",
    "http://x/guarded",
    "HTTP://a:b@elsewhere//guarded",
  ];
  const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

  it.each(targets)("no method reaches the guarded handler without a token as %s", async (target) => {
    for (const method of methods) {
      const { status } = await send(request(`${method} ${target}`, "Connection: close", "X-HTTP-Method-Override: GET"));
      expect([method, status]).toEqual([method, 401]);
    }
    expect(await reachedUntilNow()).toEqual([]);
  });

  it.each([
    ["a token in the query", () => request(`GET /guarded?access_token=${grant.token}`), 401],
    ["a token in a cookie", () => request("GET /guarded", `Cookie: token=${grant.token}`), 401],
    ["a token in a header of its own", () => request("GET /guarded", `X-Access-Token: ${grant.token}`), 401],
    ["a token of a proxy", () => request("GET /guarded", `Proxy-Authorization: Bearer ${grant.token}`), 401],
    ["a token as Basic", () => request("GET /guarded", `Authorization: Basic ${grant.token}`), 401],
    ["a refresh token", () => request("GET /guarded", `Authorization: Bearer ${grant.refresh_token}`), 401],
    ["a bad token before a good one", () => two("x", grant.token), 400],
    ["a good token before a bad one", () => two(grant.token, "x"), 400],
    ["one token twice", () => two(grant.token, grant.token), 400],
    ["two tokens in one header", () => request("GET /guarded", `Authorization: Bearer x, Bearer ${grant.token}`), 401],
    ["a folded header", () => request("GET /guarded", `Authorization: Bearer\r\n ${grant.token}`), 400],
    ["a form with a token", () => form(`access_token=${grant.token}`), 401],
  ])("a request with %s does not reach the guarded handler", async (_, text, status) => {
    const response = await send(text());
    expect(response.status).toBe(status);
    // RFC 6750 §3.1: a request without a token gets a challenge without an error.
    if (!/^Authorization: Bearer/im.test(text())) expect(response.head).not.toMatch(/error=/);
    expect(await reachedUntilNow()).toEqual([]);
  });
  const two = (first: string, second: string) =>
    request("GET /guarded", `Authorization: Bearer ${first}`, `authorization: Bearer ${second}`);
  const form = (body: string) =>
    `${request("POST /guarded", "Content-Type: application/x-www-form-urlencoded", `Content-Length: ${body.length}`)}${body}`;
});

describe("the application's own fields", () => {
  it("fields of the application beside a good header are no second token", async () => {
    for (const name of ["access_token", "refresh_token", "token", "password"]) {
      const response = await fetch(`${application.root}/guarded?${name}=x`, { headers: bearer(grant.token) });
      expect(response.status).toBe(200);
    }
    expect(await reachedUntilNow()).toEqual(Array.from({ length: 4 }, () => "guarded alice"));
  });
});

describe("facts about the server in responses", () => {
  it("responses contain nothing about the server that an attacker could use", async () => {
    const responses = [
      await fetch(`${application.url}/renew`),
      await fetch(`${application.url}/session`, { headers: bearer(grant.token) }),
      await fetch(`${application.url}/openapi.json`),
      await fetch(`${application.url}/.well-known/jwks.json`),
      await fetch(`${application.root}/guarded`),
    ];
    expect(responses.map(({ status }) => status)).toEqual([405, 200, 200, 200, 401]);
    for (const { headers } of responses) {
      expect([headers.get("server"), headers.get("x-powered-by"), headers.get("access-control-allow-origin")]).toEqual([
        null,
        null,
        null,
      ]);
      expect([headers.get("referrer-policy"), headers.get("x-content-type-options")]).toEqual([
        "no-referrer",
        "nosniff",
      ]);
    }
  });
});

describe("tokens outside the Authorization header of our endpoints", () => {
  const own = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    fetch(application.url + path, { method, headers, ...(body !== undefined && { body }) });
  const json = { "content-type": "application/json" };

  it("a token in the body is ignored alone, and rejected beside a token in the header", async () => {
    const body = JSON.stringify({ access_token: grant.token, password: "x", new_password: "y" });
    for (const [method, path] of [
      ["POST", "/logout"],
      ["POST", "/password"],
      ["DELETE", "/sessions"],
    ] as const) {
      const alone = await own(method, path, json, body);
      expect([alone.status, (await alone.json()).error]).toEqual([401, "missing_token"]);
      expect(alone.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');
      const beside = await own(method, path, { ...json, ...bearer(grant.token) }, body);
      expect([beside.status, (await beside.json()).error]).toEqual([400, "invalid_request"]);
    }
    expect((await own("GET", "/session", bearer(grant.token))).status).toBe(200);
  });

  it("a token in the query is rejected, with a header and without", async () => {
    for (const headers of [{}, bearer(grant.token)]) {
      for (const name of ["access_token", "refresh_token", "token", "password"]) {
        const response = await own("GET", `/session?${name}=${grant.token}`, headers);
        expect([response.status, (await response.json()).error]).toEqual([400, "invalid_request"]);
      }
    }
  });

  it.each(["a;password=x", "a=1;password=x", "a&Password", "%70assword=x", "password;a", "+&token=", "a=%26;token=x"])(
    "a credential in the query is found in every spelling, here %s",
    async (query) => {
      for (const method of ["GET", "POST", "DELETE"]) {
        const path = { GET: "/session", POST: "/login", DELETE: "/sessions" }[method];
        const response = await own(method, `${path}?${query}`, bearer(grant.token));
        expect([method, response.status]).toEqual([method, 400]);
        expect((await response.json()).message).toContain("query");
      }
    },
  );

  it.each(["a=password", "passwords=1", "a=b%3Bpassword=x", "a%26token=1", "pass;word"])(
    "a query without a credential is accepted, here %s",
    async (query) => {
      expect((await own("GET", `/session?${query}`, bearer(grant.token))).status).toBe(200);
    },
  );
});
