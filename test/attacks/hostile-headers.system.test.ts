// Header fields built to take long. Parsing them must cost no more than reading them, or one request delays all others.
// The time limit of the tests shows what such fields cost. Before they were fixed, the first took minutes,
// and the others took some seconds together.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cookieOf } from "../../dist/http/rest/cookies/cookie-header.js";
import { sendRaw } from "../http/raw.js";
import { layIn, type Siege } from "./siege.js";

let siege: Siege;
beforeAll(async () => {
  // As behind a proxy, which passes on fields that it does not know.
  siege = await layIn({ AMPHO_TRUST_PROXY: "1" });
});
afterAll(() => siege.end());

// Without a password no hash is computed, and nothing else costs anything.
const body = '{"login":"nobody"}';
const login = (...fields: readonly string[]) =>
  sendRaw(
    siege.served.port,
    `${["POST /api/security/login HTTP/1.1", "Host: x", `Content-Length: ${body.length}`, ...fields].join("\r\n")}\r\n\r\n${body}`,
  );

const blanks = " ".repeat(15_000);
const tabs = "\t ".repeat(7_000);
const json = "Content-Type: application/json";

describe("header fields that are long to parse", () => {
  it.each([
    ["parameters with blanks between them", `application/json${"; ".repeat(7_000)}@`],
    ["parameters with many blanks", `application/json${`;${" ".repeat(60)}`.repeat(200)}@`],
    ["a parameter behind blanks", `application/json;${blanks}@`],
    ["a type behind blanks", `application/json${blanks}@`],
    ["quotes without end", `application/json${'; a="'.repeat(2_999)}`],
    ["a type without a slash", "a".repeat(15_000)],
    ["parameters without end", `application/json${"; a=b".repeat(2_900)}@`],
  ])("a Content-Type with %s costs no more to parse than to read", async (_, type) => {
    await siege.withstand(async () => {
      const responses = await Promise.all(Array.from({ length: 40 }, () => login(`Content-Type: ${type}`)));
      for (const { status } of responses) expect(status).toBe(415);
      return responses.length;
    });
  });

  it.each([
    ["Forwarded", `for=192.0.2.1,${blanks}x`],
    ["Forwarded", `for=192.0.2.1${";".repeat(15_000)}x`],
    ["Forwarded", `${`,${tabs}`.slice(0, 14_000)}@`],
    ["Forwarded", `for="${"\\a".repeat(7_000)}`],
    ["X-Forwarded-For", `${",".repeat(15_000)}`],
    ["X-Forwarded-For", `192.0.2.1${blanks}x`],
    ["X-Forwarded-For", `[${":".repeat(15_000)}]`],
    ["X-Forwarded-For", `fe80::1%${"%".repeat(15_000)}`],
    ["Authorization", `Bearer${blanks}x`],
    ["Authorization", `bearer ${blanks},x`],
    ["Idempotency-Key", `${"x".repeat(15_000)}\u00e9`],
    ["Origin", `https://${"a.".repeat(7_000)}`],
    ["User-Agent", `x${blanks}x`],
  ])("a hostile field %s costs no more to parse than to read (%#)", async (name, value) => {
    await siege.withstand(async () => {
      const responses = await Promise.all(Array.from({ length: 40 }, () => login(json, `${name}: ${value}`)));
      for (const { status } of responses) expect([401, 429]).toContain(status);
      return responses.length;
    });
  });

  it("a hostile Cookie costs no more to parse than to read where cookies are read", () => {
    const name = "__Host-ampho-token";
    for (let round = 0; round < 400; round++) {
      expect(cookieOf(`a${blanks}b=c; ${name}=one`, name)).toBe("one");
      expect(cookieOf(`${name}=a${blanks}b`, name)).toBe(`a${blanks}b`);
      expect(cookieOf(`${blanks}${name}${blanks}=${tabs}one${tabs}`, name)).toBe("one");
    }
  });
});
