// The verifiers of examples/verify-python and verify-go give every token the verdict of ampho/verify: the same tokens, the
// same revocations and the same bad servers, with three processes.
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { installMs } from "../world/debian.js";
import { startServer } from "./issuer.js";
import { buildServices, compileGo, languages, type Service, startServices } from "./services.js";
import { accepted, jwks, notTaken, rejected } from "./verifier-tokens.js";

const verdicts = async (services: readonly Service[], token: string) =>
  Object.fromEntries(await Promise.all(services.map(async (one) => [one.language, await one.verdict(token)])));
const all = (verdict: string) => Object.fromEntries(languages.map((language) => [language, verdict]));

describe("one token", () => {
  let services: readonly Service[] = [];
  beforeAll(async () => {
    buildServices();
    const server = await startServer(jwks);
    services = await startServices(server.url);
  }, installMs);

  test.each(accepted)("each verifier accepts %s", async (_, token) => {
    expect(await verdicts(services, token())).toEqual(all("200"));
  });

  test.each(rejected)("each verifier rejects %s", async (_, token) => {
    expect(await verdicts(services, token())).toEqual(all("invalid_token"));
  });

  test.each(notTaken)("each verifier does not take a token with %s", async (_, token) => {
    expect(await verdicts(services, token())).toEqual(all("credential_not_accepted"));
  });

  test.each([undefined, "Basic YTpi", "Bearer", "bearer  x", "Bearerx"])(
    "each verifier gives the Authorization %j the same response",
    async (authorization) => {
      const responses = await Promise.all(services.map((one) => one.ask(authorization)));
      expect(responses[0]).toMatchObject({ status: 401 });
      expect(new Set(responses.map((one) => JSON.stringify(one))).size).toBe(1);
    },
  );
});

test("the code for Go of docs/guides/verifying.md compiles", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/verifying.md"), "utf8");
  const [, code = ""] = /^```go\n([\s\S]*?)^```$/m.exec(page) ?? [];
  expect(code).toContain("amphoverify.New");
  compileGo(code);
});

test("the files in Go have the form of gofmt", () => {
  const folder = path.resolve(import.meta.dirname, "../../examples/verify-go");
  expect(execFileSync("gofmt", ["-l", folder], { encoding: "utf8" })).toBe("");
});
