// Shared by the benchmarks: server processes, medians and quantiles, the description of the machine.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { availableParallelism, cpus, totalmem } from "node:os";

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function machine() {
  const [cpu] = cpus();
  return `${cpu?.model ?? "unknown processor"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
}

/** Starts bench/servers/{name}.mjs and resolves to its port and a function that stops it. */
export async function start(name, env = {}) {
  const child = fork(new URL(`./servers/${name}.mjs`, import.meta.url), {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [announced] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`The server ${name} ended at its start.`))),
  ]);
  return {
    ...announced,
    pid: child.pid,
    child,
    async stop() {
      const gone = once(child, "exit");
      // The server then ends by itself and deletes its files.
      child.disconnect();
      await gone;
    },
  };
}

/** `process.cpuUsage()` of a server that returns it for each message. */
export async function cpuUsage({ child }) {
  const reply = once(child, "message");
  child.send("cpu");
  return (await reply)[0];
}

export async function cpuMicroseconds(server) {
  const { user, system } = await cpuUsage(server);
  return user + system;
}

/** Sends one request on a kept connection and resolves to its status when the body is read. */
export function send({ port, agent, method = "GET", path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, agent, method, path, headers }, (response) => {
      response.on("end", () => resolve(response.statusCode));
      response.on("error", reject);
      response.resume();
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Renews by a refresh token on a kept connection and resolves to the new grant. */
export function renew({ port, agent, refreshToken }) {
  const headers = { "content-type": "application/json" };
  const options = { host: "127.0.0.1", port, agent, method: "POST", path: "/api/security/renew", headers };
  return new Promise((resolve, reject) => {
    const asked = httpRequest(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => {
        text += piece;
      });
      response.on("end", () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text))
          : reject(new Error(`A renewal returned ${response.statusCode}.`)),
      );
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ refresh_token: refreshToken }));
  });
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export const keptAgent = () => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Prints rows of texts as an aligned table with a line under the first row. */
export function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const [at, row] of rows.entries()) {
    console.log(`| ${row.map((cell, column) => String(cell).padEnd(widths[column])).join(" | ")} |`);
    if (at === 0) console.log(`| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  }
}
