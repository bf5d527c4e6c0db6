// Measures the resident memory of an idle `ampho serve`, and of a process that verifies a million different tokens.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAmpho } from "../dist/index.js";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { accessToken, signJwt } from "../dist/tokens/jwt.js";
import { machine, print, sleep } from "./measure.mjs";

const mebibytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
const key = generateJwk("HS256");

const server = spawn(
  process.execPath,
  [new URL("../dist/cli/main.js", import.meta.url).pathname, "serve", "--port", "0"],
  {
    env: {
      ...process.env,
      AMPHO_SECURITY_KEY: JSON.stringify(key),
      AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}`,
    },
    stdio: ["ignore", "pipe", "ignore"],
  },
);
await new Promise((resolve) => server.stdout.once("data", resolve));
await sleep(3_000);
const rows = [
  ["process", "resident MiB"],
  ["ampho serve at rest", mebibytes(server.pid).toFixed(0)],
];
server.kill();

const ampho = await createAmpho({ key, databaseUrl: "sqlite::memory:", log: () => {} });
const [signing] = importKeys(key).keys;
const exp = Math.floor(Date.now() / 1000) + 3600;
for (let count = 1; count <= 1_000_000; count++) {
  ampho.verifySync(signJwt(signing, accessToken, { login: "alice", jti: `token ${count}`, sub: "a user", exp }));
  if (![1, 100_000, 250_000, 500_000, 1_000_000].includes(count)) continue;
  globalThis.gc?.();
  rows.push([`after ${count} distinct tokens`, mebibytes(process.pid).toFixed(0)]);
}
await ampho.close();
rmSync(folder, { recursive: true });
console.log(machine());
print(rows);
