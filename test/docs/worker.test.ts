// Bundles the Worker of docs/guides/frameworks.md and runs it in workerd, beside a server that publishes its keys.
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { type Ampho, createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { serveInWorkerd, type Worker } from "../verify/workerd.js";
import { atEndOfFile } from "../world/clean-up.js";
import { listening } from "../world/listen.js";
import { snippets } from "./snippets.js";

let ampho: Ampho;
let worker: Worker;

beforeAll(async () => {
  ampho = await createAmpho({ databaseUrl: "sqlite::memory:", key: generateJwk("EdDSA"), log: () => {} });
  const { url } = await listening(mount(ampho), atEndOfFile);
  const { outputFiles } = await build({
    stdin: {
      contents: snippets("docs/guides/frameworks.md", "worker.ts")["worker.ts"] ?? "",
      loader: "ts",
      resolveDir: import.meta.dirname,
    },
    alias: { "ampho/verify": path.resolve(import.meta.dirname, "../../dist/verify/verifier.js") },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["node:*"],
  });
  const JWKS_URL = `${url}/api/security/.well-known/jwks.json`;
  worker = await serveInWorkerd(outputFiles[0]?.text ?? "", { JWKS_URL });
});
afterAll(async () => {
  worker?.stop();
  await ampho?.close();
});

it("the worker accepts the tokens of the server, and no others", async () => {
  const user = await ampho.users.create({ login: "alice" });
  const { token } = await ampho.sessions.create(user.id);
  const ask = (bearer: string) => fetch(worker.url, { headers: { authorization: `Bearer ${bearer}` } });
  const good = await ask(token);
  expect([good.status, await good.text()]).toEqual([200, "Hello alice"]);
  const forged = await ask(`${token.slice(0, -6)}AAAAAA`);
  expect([forged.status, (await forged.json()).error]).toEqual([401, "invalid_token"]);
  const none = await fetch(worker.url);
  expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="ampho"']);
});
