// The request's id: of `traceparent` where that has exactly the form of W3C Trace Context, else a random one.
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { requestIdOf } from "../../dist/http/node/serve-request.js";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { post } from "../world/requests.js";
import { sendRaw } from "./raw.js";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const random = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close();
});
async function started(...args: Parameters<typeof serve>): Promise<Serving> {
  const serving = await serve(...args);
  open.push(serving);
  return serving;
}

describe("a traceparent", () => {
  it.each([
    ["of version 00", `00-${traceId}-${parentId}-01`],
    ["that is not sampled", `00-${traceId}-${parentId}-00`],
    ["with flags of a later time", `00-${traceId}-${parentId}-ff`],
    ["of a later version", `cc-${traceId}-${parentId}-01`],
    ["of a later version, with more behind", `cc-${traceId}-${parentId}-01-what-comes`],
  ])("a traceparent %s gives its trace id", (_, traceparent) => {
    expect(requestIdOf(traceparent)).toBe(traceId);
  });

  it.each([
    ["of version 00 with more behind", `00-${traceId}-${parentId}-01-more`],
    ["of a later version with a dot behind", `cc-${traceId}-${parentId}-01.more`],
    ["of version ff", `ff-${traceId}-${parentId}-01`],
    ["in capitals", `00-${traceId.toUpperCase()}-${parentId}-01`],
    ["with a trace of zeros", `00-${"0".repeat(32)}-${parentId}-01`],
    ["with a parent of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["with a short trace", `00-${traceId.slice(1)}-${parentId}-01`],
    ["with a long trace", `00-${traceId}0-${parentId}-01`],
    ["with a short version", `0-${traceId}-${parentId}-01`],
    ["with short flags", `00-${traceId}-${parentId}-1`],
    ["without flags", `00-${traceId}-${parentId}`],
    ["with a space before it", ` 00-${traceId}-${parentId}-01`],
    ["with a line behind it", `00-${traceId}-${parentId}-01\n`],
    ["with a letter that is none of hexadecimal", `00-${traceId.slice(1)}g-${parentId}-01`],
    ["sent twice", `00-${traceId}-${parentId}-01, 00-${traceId}-${parentId}-01`],
    ["that never ends", `cc-${traceId}-${parentId}-01-${"x".repeat(10_000)}`],
    ["with control characters behind it", `cc-${traceId}-${parentId}-01-\u0000`],
    ["that is empty", ""],
    ["that is not there", undefined],
  ])("a traceparent %s gives a random id", (_, traceparent) => {
    const id = requestIdOf(traceparent);
    expect(id).toMatch(random);
    expect(requestIdOf(traceparent)).not.toBe(id);
  });

  it("any text gives a trace id of 32 hexadecimal digits or a random id", () => {
    const characters = fc.string({ unit: fc.constantFrom(..."0123456789abcdefAg \n"), maxLength: 40 });
    const near = fc.array(fc.oneof(characters, fc.constantFrom("00", "01", traceId, parentId)), { maxLength: 6 });
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      near.map((parts) => parts.join("-")),
    );
    fc.assert(
      fc.property(texts, (text) =>
        /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(requestIdOf(text)),
      ),
    );
  });
});

describe("a request to ampho serve", () => {
  it("a request has its trace id in the log and in the response", async () => {
    const { url, lines } = await started();
    const response = await fetch(`${url}/session`, { headers: { traceparent: `00-${traceId}-${parentId}-01` } });
    expect(response.headers.get("x-request-id")).toBe(traceId);
    expect(lines.map((line) => JSON.parse(line).id)).toEqual([traceId]);
  });

  it("a request with several traceparents or a hostile one gets one line with a random id", async () => {
    const { port, lines } = await started();
    const good = `Traceparent: 00-${traceId}-${parentId}-01\r\n`;
    const fields = [
      good + good,
      `Traceparent: 00-${traceId}-${parentId}-01","admin":"true\r\n`,
      `Traceparent: \u001b[2J\r\n`,
      `Traceparent: cc-${traceId}-${parentId}-01-${"x".repeat(8000)}\r\n`,
    ];
    for (const field of fields) await sendRaw(port, `GET /healthz HTTP/1.1\r\nHost: x\r\n${field}\r\n`);
    expect(lines).toHaveLength(fields.length);
    for (const line of lines) {
      expect(line).toMatch(/^[ -~]+\n$/);
      // Node rejects control characters itself, and then the response has no id.
      expect(JSON.parse(line).id).toMatch(random);
    }
  });

  it("the log line about a bug has the id of its request", async () => {
    const reported: (readonly [string, string | undefined])[] = [];
    const { url } = await started({
      claims: () => {
        throw new Error("a bug");
      },
      log: (line, id) => reported.push([line, id]),
    });
    const response = await post(`${url}/login`, alice, { traceparent: `00-${traceId}-${parentId}-01` });
    expect(response.status).toBe(500);
    expect(reported.slice(-1)).toEqual([[expect.stringContaining("internal error: Error: a bug"), traceId]]);
  });
});
