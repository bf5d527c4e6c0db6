// The command line under other runtimes than Node: it creates keys and users, and the server ends at a signal.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { copyExample, packedWithSqlite, password, shell } from "./project.js";

let tarball = "";
beforeAll(async () => {
  tarball = await packedWithSqlite();
});

const program = "node_modules/ampho/dist/cli/main.js";
const runtimes = [
  { example: "bun", command: "bun" },
  { example: "deno", command: "deno run --allow-read --allow-write=. --allow-env --allow-net --allow-sys --allow-ffi" },
];

it.each(runtimes)("$example runs the commands and the server", async ({ example, command }) => {
  const folder = copyExample(example);
  shell(folder, `npm install --no-audit --no-fund ${tarball}`);
  const ampho = `${command} ${program}`;
  const key = shell(folder, `${ampho} sec-gen-key`).stdout.trim();
  const env = { AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: "sqlite:ampho.db", NODE_ENV: "production" };
  const made = shell(folder, `printf '%s' '${password}' | ${ampho} user-add alice --password-stdin`, env);
  expect(made.stderr.trim().split("\n").slice(-1)).toEqual(['User "alice" created.']);
  expect(made.stderr).not.toMatch(/error/i);

  const { PATH, HOME } = process.env;
  const server = spawn("sh", ["-c", `exec ${ampho} serve --port 0`], {
    cwd: folder,
    env: { ...env, HOME, PATH: `${path.join(folder, "node_modules/.bin")}:${PATH}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  server.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const ended = once(server, "exit");
  try {
    const [url] = await Promise.race([once(server.stdout, "data"), ended.then(() => Promise.reject(new Error(said)))]);
    const response = await fetch(`${String(url).trim()}/api/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ login: "alice", password }),
    });
    expect((await response.json()).token_type).toBe("Bearer");
    server.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(said).toMatch(/SIGTERM: the server stops\. Running requests can end\.\n$/);
  } finally {
    server.kill("SIGKILL");
  }
});
