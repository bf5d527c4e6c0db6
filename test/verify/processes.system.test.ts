// One process serves and another one verifies. A revocation in the first one holds in the second one within a second.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { ampho, binary } from "../world/command.js";
import { within } from "../world/deadline.js";
import { pause } from "../world/wait.js";
import { revocationFeedToken } from "./servers.js";

const password = "violet kettle harbour morning";

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout?.setEncoding("utf8") ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.trim();
}

function start(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env["PATH"], ...env } });
  child.stderr.resume();
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Starts a process that serves, with the user alice, and a process that verifies. */
async function startBoth() {
  const cwd = mkdtempSync(path.join(tmpdir(), "ampho-verify-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const jwk = generateJwk("EdDSA");
  const env = {
    NODE_ENV: "production",
    AMPHO_DATABASE_URL: "sqlite:ampho.db",
    AMPHO_SECURITY_KEY: JSON.stringify(jwk),
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: revocationFeedToken,
  };
  const asOperator = (args: readonly string[], stdin = "") => ampho(args, { cwd, env, stdin });
  await asOperator(["user-add", "alice", "--role", "editor", "--password-stdin"], password);
  const serving = start([binary, "serve", "--port", "0"], cwd, env);
  const url = `${await firstLine(serving)}/api/security`;
  const service = start(["test/verify/children/service.mjs"], process.cwd(), {
    AUTH_URL: url,
    FEED_TOKEN: revocationFeedToken,
  });
  const at = `http://127.0.0.1:${await firstLine(service)}`;

  const post = (route: string, body: object | undefined, token?: string) =>
    fetch(url + route, {
      method: "POST",
      headers: {
        ...(body && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const login = async (): Promise<string> => (await (await post("/login", { login: "alice", password })).json()).token;
  const status = async (token: string) =>
    (await fetch(`${at}/`, { headers: { authorization: `Bearer ${token}` } })).status;
  const lag = async () => Number(await (await fetch(`${at}/lag`)).text());
  return { jwk, serving, service, asOperator, post, login, status, lag };
}

test("a verifier in another process rejects the tokens of an ended session and of a revoked key within a second", async () => {
  const { jwk, serving, service, asOperator, post, login, status, lag } = await startBoth();
  const isRejected = async (token: string) => (await status(token)) === 401;

  const [mine, other] = [await login(), await login()];
  expect([await status(mine), await status(other)]).toEqual([200, 200]);
  expect((await post("/logout", undefined, mine)).status).toBe(204);
  // The limit of the contract, not a measure of speed.
  await within(1000, () => isRejected(mine));
  expect(await status(other)).toBe(200);
  expect(await lag()).toBeLessThan(10);

  // A third process revokes through the database.
  await asOperator(["user-roles", "alice", "--remove", "editor"]);
  await vi.waitUntil(() => isRejected(other), { timeout: 60_000, interval: 10 });
  await asOperator(["user-roles", "alice", "--add", "editor"]);
  const again = await login();
  expect(await status(again)).toBe(200);
  await asOperator(["sec-revoke-key", String(jwk["kid"])]);
  await vi.waitUntil(() => isRejected(again), { timeout: 60_000, interval: 10 });

  const ended = once(serving, "exit");
  serving.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  service.kill("SIGTERM");
  expect(await once(service, "exit")).toEqual([0, null]);
});

test("a verifier that was stopped accepts no token of a session that ended meanwhile, not even on waiting requests", async () => {
  const { service, post, login, status } = await startBoth();
  const [ended, good] = [await login(), await login()];
  const ask = (token: string) => Promise.all(Array.from({ length: 20 }, () => status(token)));
  // These connections stay open, so the later requests need no handshake.
  expect(new Set(await ask(ended))).toEqual(new Set([200]));
  service.kill("SIGSTOP");
  expect((await post("/logout", undefined, ended)).status).toBe(204);
  const waiting = [ask(ended), ask(good)];
  await pause(1500);
  service.kill("SIGCONT");
  const [rejected, accepted] = await Promise.all(waiting);
  expect(new Set(rejected)).toEqual(new Set([401]));
  expect(new Set(accepted)).toEqual(new Set([200]));
});
