// Fuzzes every text of a request. The response is below 500 and repeats nothing, and the next good request succeeds.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, type Grant, post } from "../world/requests.js";
import { sendRaw } from "./raw.js";

let serving: Serving;
let grant: Grant;
beforeAll(async () => {
  serving = await serve();
  grant = await serving.login();
});
afterAll(() => serving.close());

const naughty: readonly string[] = JSON.parse(
  readFileSync(new URL("../vectors/naughty-strings/blns.json", import.meta.url), "utf8"),
);
const strange = ["\0", "a\0b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e", "x".repeat(100_000), "{}", "__proto__"];
const texts = fc.oneof(
  fc.constantFrom(...naughty, ...strange),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", maxLength: 2_000 }),
);
const anything = fc.oneof(texts, fc.anything({ withNullPrototype: true, maxDepth: 4 }));
const runs = { numRuns: 100, seed: 20_260_101 };

async function expectRejected(response: Response, sent: string): Promise<void> {
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  const { message } = await response.json();
  if (sent.length > 5) expect(message).not.toContain(sent);
}

async function expectUnharmed(): Promise<void> {
  expect((await fetch(`${serving.url}/session`, { headers: bearer(grant.token) })).status).toBe(200);
  expect(serving.notices.filter((line) => line.includes("internal error"))).toEqual([]);
  for (const line of serving.lines) expect(line).toMatch(/^[^\p{Cc}]+\n$/u);
}

const members: readonly (readonly [path: string, member: string, rest: object, guarded: boolean])[] = [
  ["/login", "login", { password: "x" }, false],
  ["/login", "password", { login: "bob" }, false],
  ["/login", "device", { login: "bob", password: "x" }, false],
  ["/renew", "refresh_token", {}, false],
  ["/password", "password", { new_password: "x" }, true],
  ["/password", "new_password", { password: "x" }, true],
];

describe.each(members)("%s with a hostile %s", (path, member, rest, guarded) => {
  const headers = () => (guarded ? bearer(grant.token) : {});

  it("a hostile text in JSON is rejected and does no harm", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const text = JSON.stringify({ ...rest, [member]: value }, (_, inner) =>
          typeof inner === "bigint" ? Number(inner) : inner,
        );
        await expectRejected(
          await post(serving.url + path, text, headers()),
          typeof value === "string" ? value : "-".repeat(9),
        );
      }),
      runs,
    );
    await expectUnharmed();
  });

  it("a hostile text in a form is rejected and does no harm", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (value) => {
        const body = new URLSearchParams({ ...rest, [member]: value });
        await expectRejected(await fetch(serving.url + path, { method: "POST", headers: headers(), body }), value);
      }),
      runs,
    );
    await expectUnharmed();
  });
});

describe("hostile bytes", () => {
  const types = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/xml",
    'application/json; charset="',
    "\t",
  ];

  it("hostile bytes in a body are rejected and do no harm", { timeout: 120_000 }, async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 20_000 }),
      fc.json().map((text) => Buffer.from(text, "utf16le")),
    );
    const path = fc.constantFrom("/login", "/renew", "/password");
    await fc.assert(
      fc.asyncProperty(path, body, fc.constantFrom(...types), async (target, bytes, type) => {
        const headers = { "content-type": type };
        await expectRejected(
          await fetch(serving.url + target, { method: "POST", headers, body: bytes.slice() }),
          "-".repeat(9),
        );
      }),
      runs,
    );
    await expectUnharmed();
  });

  it("hostile bytes in headers are rejected or ignored", {
    timeout: 120_000,
  }, async () => {
    const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });
    const name = fc.constantFrom(
      "authorization",
      "idempotency-key",
      "user-agent",
      "x-forwarded-for",
      "forwarded",
      "cookie",
    );
    await fc.assert(
      fc.asyncProperty(name, value, async (field, text) => {
        const send = (line: string) =>
          sendRaw(
            serving.port,
            Buffer.from(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${field}: ${text}\r\n\r\n`, "latin1"),
          );
        expect([400, 401]).toContain((await send("GET /api/security/session")).status);
        expect([400, 401]).toContain((await send("POST /api/security/renew")).status);
      }),
      runs,
    );
    await expectUnharmed();
  });

  it("a hostile target never reaches an endpoint", { timeout: 120_000 }, async () => {
    const part = fc.oneof(
      fc.webSegment(),
      fc.constantFrom("..", ".", "", "%2e%2e", "%2f", ";a", "session", "//", "%00"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.option(fc.webQueryParameters()), async (parts, query) => {
        const target = `/api/security/${parts.join("/")}${query === null ? "" : `?${query}`}`;
        const response = await sendRaw(serving.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        expect([400, 401, 404, 405]).toContain(response.status);
      }),
      runs,
    );
    await expectUnharmed();
  });

  it("JSON with 50 000 levels is rejected", async () => {
    const deep = (count: number) => `${"[".repeat(count)}${"]".repeat(count)}`;
    for (const count of [65, 8_000, 50_000]) {
      const response = await post(`${serving.url}/login`, `{"login":${deep(count)},"password":"x"}`);
      expect(response.status).toBe(count > 8_000 ? 413 : 400);
    }
    await expectUnharmed();
  });

  it("members with the names of prototypes change nothing", async () => {
    const body =
      '{"__proto__":{"login":"alice","polluted":true},"constructor":{"prototype":{"polluted":true}},"login":"bob"}';
    expect((await post(`${serving.url}/login`, body)).status).toBe(401);
    expect("polluted" in {}).toBe(false);
    expect((await post(`${serving.url}/login`, alice)).status).toBe(200);
  });
});
