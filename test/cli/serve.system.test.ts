import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ampho, binary } from "../world/command.js";
import { until } from "../world/wait.js";

const password = "violet kettle harbour morning";
const env = { AMPHO_SECURITY_KEY: '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}' };

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-serve-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const run = (args: readonly string[], stdin = "") => ampho(args, { cwd, env, stdin });

/** Starts a server that runs until `stop`. */
async function serve(...args: readonly string[]) {
  const child = spawn(process.execPath, [binary, "serve", "--port", "0", ...args], {
    cwd,
    env: { PATH: process.env["PATH"], NODE_ENV: "production", AMPHO_DATABASE_URL: "sqlite:ampho.db", ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout.setEncoding("utf8");
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text: string) => {
      stdout += text;
      if (stdout.endsWith("\n")) resolve(stdout.trim());
    });
    void ended.then(() => reject(new Error(stderr)));
  });
  return {
    url: `${url}/api/security`,
    root: url,
    async stop(signal: NodeJS.Signals = "SIGTERM") {
      child.kill(signal);
      return { code: await ended, stdout, stderr };
    },
  };
}

async function login(url: string): Promise<{ readonly status: number; readonly token: string }> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: "alice", password }),
  });
  const { token } = await response.json();
  return { status: response.status, token };
}
const session = async (url: string, token: string) =>
  (await fetch(`${url}/session`, { headers: { authorization: `Bearer ${token}` } })).status;

const becomes = (status: number, ask: () => Promise<number>): Promise<void> =>
  until(async () => (await ask()) === status, 50);

describe("ampho serve", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "ampho serve prints its URL, serves, and ends with 0 at %s",
    async (signal) => {
      const server = await serve();
      expect((await fetch(`${server.root}/healthz`)).status).toBe(200);
      expect((await fetch(`${server.root}/readyz`)).status).toBe(200);
      const { code, stdout, stderr } = await server.stop(signal);
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${server.root}\n` });
      expect(stderr).toContain(`ampho: ${signal}: the server stops. Running requests can end.\n`);
    },
  );

  test("ampho serve --log json logs one line of JSON per request, nothing else, and no secret", async () => {
    await run(["user-add", "alice", "--password-stdin"], password);
    const server = await serve("--log", "json");
    const { token } = await login(server.url);
    await session(server.url, token);
    const { stderr } = await server.stop();
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.route !== undefined)).toMatchObject([
      { method: "POST", status: 200 },
      { method: "GET", status: 200 },
    ]);
    expect(lines.at(-1)).toMatchObject({ message: "SIGTERM: the server stops. Running requests can end." });
    for (const secret of [password, token, token.split(".")[2]]) expect(stderr).not.toContain(secret);
  });

  test("ampho serve ends with 1 if the port is in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    const { code, stdout, stderr } = await run(["serve", "--port", port]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`ampho: Cannot listen on 127.0.0.1, port ${port} (the port is in use).\n`);
    await new Promise((resolve) => other.close(resolve));
  });

  test("ampho serve ends with 2 for a wrong port and host, and names both", async () => {
    const { code, stderr } = await run(["serve", "--port", "http", "--host", "a b"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'AMPHO_HOST (option host) must be an IP address or a host name of this machine, but is "a b".',
    );
    expect(stderr).toContain('AMPHO_PORT (option port) must be a whole number from 0 to 65535, but is "http".');
  });

  test("ampho serve --log json reports why it ends as JSON too", async () => {
    const wrong = await run(["serve", "--log", "json", "--port", "http", "--host", "a b"]);
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 2, stdout: "" });
    const { message } = JSON.parse(wrong.stderr);
    expect(message).toMatch(/^error: The configuration has 2 problems:\n {2}AMPHO_HOST .*\n {2}AMPHO_PORT /);
    const folder = await ampho(["serve", "--log", "json"], { cwd, env: { ...env, AMPHO_DATABASE_URL: "sqlite:/" } });
    expect({ code: folder.code, stdout: folder.stdout }).toEqual({ code: 1, stdout: "" });
    const lines = folder.stderr.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "The database is /.",
      "error: The path of the database is a folder: /",
    ]);
  });

  test("outside production ampho serve creates its own key and prints a warning", async () => {
    const { code, stderr } = await ampho(["serve", "--host", "203.0.113.1", "--port", "0"], { cwd });
    expect(stderr).toMatch(/^ampho: warning: AMPHO_SECURITY_KEY is not set\. .*`ampho sec-gen-key`.*\n/);
    expect(code).toBe(1);
  });
});

describe("commands beside a running server", () => {
  test("an operator lists a session and ends it", async () => {
    await run(["user-add", "alice", "--password-stdin"], password);
    const server = await serve();
    const { token } = await login(server.url);
    const [{ id }] = JSON.parse((await run(["session-list", "alice", "--json"])).stdout);
    const { stdout } = await run(["session-list", "alice"]);
    expect(stdout).toMatch(/^ID +RENEWED +EXPIRES \(UTC\) +FROM\n/);
    expect(stdout.split("\n")[1]).toMatch(
      new RegExp(`^${id} {2}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d .* 127\\.0\\.0\\.1`),
    );

    const before = await run(["sec-inspect-token"], token);
    expect(before).toMatchObject({ code: 0, stderr: "" });
    expect(before.stdout).toContain('"login": "alice"');
    expect(before.stdout).toMatch(/\nThe token would be accepted now\.\n$/);
    expect(before.stdout).not.toContain(token);

    expect(await run(["session-end", id])).toMatchObject({ code: 0 });
    await becomes(401, () => session(server.url, token));
    expect((await run(["sec-inspect-token"], token)).stderr).toBe(
      "ampho: The token would be rejected: The token was revoked.\n",
    );
    expect((await run(["audit-list", "--login", "alice"])).stdout).toContain("ended_by_operator");
    await server.stop();
  });

  test.each([
    ["session-end --login", ["session-end", "--login", "alice"]],
    ["session-end --all", ["session-end", "--all"]],
    ["user-disable", ["user-disable", "alice"]],
    ["user-delete", ["user-delete", "alice"]],
    ["user-password", ["user-password", "alice", "--password-stdin"]],
    ["user-roles --remove", ["user-roles", "alice", "--remove", "editor"]],
    ["sec-revoke-key", ["sec-revoke-key", "one"]],
  ])("%s revokes the tokens", async (_, command) => {
    await run(["user-add", "alice", "--password-stdin", "--role", "editor"], password);
    const server = await serve();
    const { token } = await login(server.url);
    expect(await session(server.url, token)).toBe(200);
    expect(await run(command, "another long enough phrase")).toMatchObject({ code: 0 });
    await becomes(401, () => session(server.url, token));
    await server.stop();
  });
});
