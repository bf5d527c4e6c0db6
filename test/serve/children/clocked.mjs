// The server of `ampho serve` on a clock that differs from the machine's by the seconds that stdin sent last.
import { createInterface } from "node:readline";
import { createAmpho } from "../../../dist/ampho.js";
import { createAccessLog } from "../../../dist/http/server/access-log.js";
import { createHttpServer } from "../../../dist/http/server/server.js";

let apart = 0;
const clock = { now: () => Math.floor(Date.now() / 1000) + apart, monotonicMs: () => performance.now() };
const ampho = await createAmpho({ clock, log: (line) => process.stderr.write(`${line}\n`) });
const log = createAccessLog("json", (line) => process.stderr.write(line));
const server = createHttpServer({ host: ampho.host, log });
console.log(await server.listen(0, "127.0.0.1"));
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  apart = Number(line);
  console.log(apart);
});
lines.on("close", () => void server.close().then(() => ampho.close()));
