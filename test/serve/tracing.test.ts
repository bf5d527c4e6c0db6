// `ampho serve` under an SDK of OpenTelemetry that was loaded before it.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { alice } from "../world/people.js";
import { post } from "../world/requests.js";
import { addUser, freshPlace, startServe } from "../world/serve.js";

it("a request is one trace from its sender to the database, and has the same id in the log", async () => {
  const place = freshPlace();
  await addUser(place);
  const file = path.join(place.cwd, "spans");
  const tracing = fileURLToPath(new URL("./children/tracing.mjs", import.meta.url));
  const env = { ...place.env, SPANS_FILE: file, NODE_OPTIONS: `--import ${tracing}` };
  const served = await startServe({ ...place, env });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const response = await post(`${served.url}/login`, alice, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  expect([response.status, response.headers.get("x-request-id")]).toEqual([200, traceId]);
  await served.stop();
  const spans = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const names = spans.map((span) => span.name);
  expect(names).toEqual(expect.arrayContaining(["POST /api/security/login", "grantSession", "ampho.password.check"]));
  expect(served.stderr()).toContain(`"id":"${traceId}"`);
});
