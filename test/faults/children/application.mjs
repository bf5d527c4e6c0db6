// An application on Ampho in a process of its own. One port has the endpoints and probes of the standalone server, another has
// two guarded paths and a report of its resources. The process ends at the end of its input.
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import { guarded } from "../../../dist/adapters/node.js";
import { createAmpho } from "../../../dist/ampho.js";
import { createHttpServer } from "../../../dist/http/server/server.js";

const log = (line) => process.stderr.write(`${line}\n`);
const ampho = await createAmpho({ ...JSON.parse(process.argv[2]), log });
const server = createHttpServer({ host: ampho.host, log: () => undefined });

const loginOf = (request, response) => response.end(request.auth.login);
const paths = {
  "/plain": guarded(ampho, loginOf),
  "/strict": guarded(ampho, { live: true }, loginOf),
  "/held": (_, response) => response.end(JSON.stringify(held())),
};
const guards = createServer((request, response) => paths[request.url](request, response));

/** After a full collection, so that the rest is really referenced. */
function held() {
  globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  return { rssBytes: rss, heapBytes: heapUsed, timers, files: files() };
}

/** Open files without sockets. Those of clients come and go, and the database server counts its own. */
function files() {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "socket:";
    }
  });
  return links.filter((link) => !link.startsWith("socket:")).length;
}

const root = await server.listen(0, "127.0.0.1");
await new Promise((resolve) => guards.listen(0, "127.0.0.1", resolve));
console.log(JSON.stringify({ root, guards: `http://127.0.0.1:${guards.address().port}` }));

process.stdin.resume().once("end", async () => {
  guards.close();
  guards.closeAllConnections();
  await server.close();
  await ampho.close();
  process.stdin.destroy();
});
