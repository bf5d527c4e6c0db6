// SIGTERM for an application that mounts Ampho, in a real process under load (docs/operate/deploying.md).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openAmpho } from "../world/ampho.js";
import { startStopwatch } from "../world/deadline.js";
import { freshFolder } from "../world/folder.js";
import { newKey } from "../world/tokens.js";

const child = path.join(import.meta.dirname, "children/mounted.mjs");
/** The running requests have 5 s, and the machine can be busy. */
const limitMs = 15_000;

async function startApplication(env: NodeJS.ProcessEnv = {}) {
  const key = newKey("key-1");
  const databaseUrl = `sqlite:${freshFolder()}/ampho.db`;
  const { ampho } = await openAmpho({ databaseUrl, key });
  const user = await ampho.users.create({ login: "ann" });
  const { token } = await ampho.sessions.create(user.id);
  await ampho.close();
  const running = spawn(process.execPath, [child, databaseUrl], {
    env: { ...process.env, AMPHO_SECURITY_KEY: JSON.stringify(key), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void running.kill("SIGKILL"));
  const [line] = await once(running.stdout, "data");
  return { running, token, port: Number(line) };
}

/** The status of a response, or the code of the error. `agent` keeps the connection. */
function ask(port: number, token: string, agent?: Agent, target = "/hello"): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    const sent = request({ port, path: target, agent, headers }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode ?? 0));
      response.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    });
    // A connection can close before its request is read: a kept one, and a new one that waits when the port closes. A
    // proxy then sends the request elsewhere. The test counts the requests that were read.
    sent.once("error", ({ code = "error" }: NodeJS.ErrnoException) =>
      resolve(code === "ECONNRESET" || code === "EPIPE" ? "ECONNREFUSED" : code),
    );
    sent.end();
  });
}

it("an application under load ends within the limit after SIGTERM, and no request fails", async () => {
  const { running, token, port } = await startApplication();
  let stopped = false;
  const outcomes = new Map<number | string, number>();
  // Half of the clients keep their connection, as a proxy does. A proxy sends a rejected connection elsewhere.
  const clients = Array.from({ length: 40 }, async (_, index) => {
    const agent = new Agent({ keepAlive: index % 2 === 0, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (let outcome: number | string = 200; outcome === 200 && !stopped; ) {
      outcome = await ask(port, token, agent);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  });
  await expect.poll(() => outcomes.get(200) ?? 0).toBeGreaterThan(500);
  let printed = "";
  running.stdout.on("data", (chunk) => (printed += chunk));
  const elapsedMs = startStopwatch();
  running.kill("SIGTERM");
  const [code] = await once(running, "close");
  expect(elapsedMs()).toBeLessThan(limitMs);
  stopped = true;
  await Promise.all(clients);
  expect([code, [...outcomes.keys()].sort()]).toEqual([0, [200, "ECONNREFUSED"]]);
  expect(outcomes.get("ECONNREFUSED")).toBe(40);
  // Each request that has reached the application got its response.
  expect(printed).toBe(`begun: ${outcomes.get(200)}\n`);
});

it("an application behind a balancer is not ready after SIGTERM, and serves until the delay is over", async () => {
  const { running, token, port } = await startApplication({ AMPHO_SHUTDOWN_DELAY: "10" });
  expect(await ask(port, token, undefined, "/readyz")).toBe(200);
  running.kill("SIGTERM");
  await expect.poll(() => ask(port, token, undefined, "/readyz")).toBe(503);
  expect(await ask(port, token)).toBe(200);
  const [code] = await once(running, "exit");
  expect(code).toBe(0);
});
