// `ampho/verify` imports nothing of the server, and of Node only modules that workerd has too. It runs in workerd.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Algorithm } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { accessToken, signJwt } from "../../dist/tokens/jwt.js";
import { atEndOfFile } from "../world/clean-up.js";
import { listening } from "../world/listen.js";
import { serveInWorkerd, type Worker } from "./workerd.js";

const dist = path.resolve(import.meta.dirname, "../../dist");
const bundling: BuildOptions = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  metafile: true,
  logLevel: "silent",
};

describe("the import graph of ampho/verify", () => {
  const files = new Map<string, string>();
  const outside = new Set<string>();
  function visit(file: string): void {
    if (files.has(file)) return;
    const text = readFileSync(file, "utf8");
    files.set(file, text);
    for (const [, target = ""] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)) {
      if (target.startsWith(".")) visit(path.resolve(path.dirname(file), target));
      else outside.add(target);
    }
  }
  visit(path.join(dist, "verify/verifier.js"));
  const loaded = [...files.keys()].map((file) => path.relative(dist, file));
  // A chunk names the modules that are joined in it.
  const joined = [...files.values()].flatMap((text) =>
    [...text.matchAll(/^\/\/ (\S+\.js)$/gm)].map(([, name = ""]) => name),
  );
  const names = [...loaded, ...joined];

  test("ampho/verify loads its modules as one chunk, without the chunks of the server", () => {
    expect(joined).toContain("verify/verifier.js");
    expect(joined).toContain("tokens/jws.js");
    expect(loaded.filter((name) => name.endsWith("-chunk.js"))).toEqual(["verify-chunk.js"]);
  });

  test("ampho/verify imports no package, and of Node only node:crypto and node:buffer", () => {
    expect([...outside].sort()).toEqual(["node:buffer", "node:crypto"]);
  });

  test("ampho/verify imports no database, password, worker, route, schema or framework adapter", () => {
    expect(
      names.filter((name) =>
        /^(?:store|config|cli|client|users|flows|throttle|telemetry|adapters\/(?!fetch))|password|worker|pool|routes|schemas|handler|keyring|\bserver|http\/node/.test(
          name,
        ),
      ),
    ).toEqual([]);
    for (const [file, text] of files) expect(text, file).not.toMatch(/\bprocess\.[a-z]|new Worker|worker_threads/);
  });

  test("esbuild bundles ampho/verify into one file of less than 55 kB", async () => {
    const { metafile, outputFiles } = await build({
      ...bundling,
      entryPoints: [path.join(dist, "verify/verifier.js")],
      minify: true,
    });
    const inputs = Object.keys(metafile?.inputs ?? {}).map((name) => path.relative(dist, path.resolve(name)));
    expect(inputs.filter((name) => !names.includes(name))).toEqual([]);
    const imported = Object.values(metafile?.outputs ?? {}).flatMap((output) => output.imports.map((one) => one.path));
    expect(new Set(imported)).toEqual(new Set(["node:buffer", "node:crypto"]));
    expect(outputFiles?.[0]?.contents.byteLength).toBeLessThan(55_000);
  });
});

const algorithms: readonly Algorithm[] = ["HS256", "EdDSA", "ES256", "ES384", "ES512", "RS256", "PS256"];

describe("in workerd with nodejs_compat", () => {
  const pairs = new Map(algorithms.map((algorithm) => [algorithm, pair(algorithm)]));
  let worker: Worker;

  function pair(algorithm: Algorithm) {
    const jwk = generateJwk(algorithm);
    const [key] = importKeys(jwk).keys;
    if (key === undefined) throw new Error("no key");
    const exp = Math.floor(Date.now() / 1000) + 600;
    const token = signJwt(key, accessToken, { login: "alice", roles: ["editor"], exp });
    return { verifying: key.publicJwk ?? jwk, token };
  }

  beforeAll(async () => {
    const keys = Object.fromEntries([...pairs].map(([algorithm, { verifying }]) => [algorithm, verifying]));
    const source = `
      import { createVerifier } from ${JSON.stringify(path.join(dist, "verify/verifier.js"))};
      const keys = ${JSON.stringify(keys)};
      const handlers = Object.fromEntries(Object.entries(keys).map(([algorithm, key]) => {
        const { authorize } = createVerifier({ keys: key });
        return [algorithm, authorize({ roles: ["editor"] }, (request, auth) => Response.json({ login: auth.login }))];
      }));
      let fetched;
      export default {
        async fetch(request, env) {
          const name = new URL(request.url).pathname.slice(1);
          if (name !== "fetched") return handlers[name](request);
          fetched ??= createVerifier({ jwksUrl: env.JWKS_URL }).authorize((request, auth) => Response.json({ login: auth.login }));
          return fetched(request);
        },
      };`;
    const { outputFiles } = await build({ ...bundling, stdin: { contents: source, resolveDir: dist } });
    const published = {
      keys: [...pairs.values()].flatMap(({ verifying }) => (verifying["kty"] === "oct" ? [] : [verifying])),
    };
    const { url } = await listening((_, response) => void response.end(JSON.stringify(published)), atEndOfFile);
    worker = await serveInWorkerd(outputFiles?.[0]?.text ?? "", { JWKS_URL: `${url}/` });
  });
  afterAll(() => worker.stop());

  const ask = (name: string, token: string) =>
    fetch(`${worker.url}/${name}`, { headers: { authorization: `Bearer ${token}` } });

  test.each(algorithms)("a verifier in workerd accepts a good %s token and rejects a forged one", async (algorithm) => {
    const token = pairs.get(algorithm)?.token ?? "";
    const good = await ask(algorithm, token);
    expect([good.status, await good.text()]).toEqual([200, '{"login":"alice"}']);
    const at = token.lastIndexOf(".") + 5;
    const forged = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
    const bad = await ask(algorithm, forged);
    expect([bad.status, (await bad.json()).error]).toEqual([401, "invalid_token"]);
  });

  test("a verifier in workerd fetches keys for requests that come together", async () => {
    const token = pairs.get("EdDSA")?.token ?? "";
    const responses = await Promise.all(Array.from({ length: 10 }, () => ask("fetched", token)));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await ask("fetched", pairs.get("ES256")?.token ?? "")).status).toBe(200);
    expect((await ask("fetched", pairs.get("HS256")?.token ?? "")).status).toBe(401);
  });
});
