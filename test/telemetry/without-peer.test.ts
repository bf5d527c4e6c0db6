// Ampho as it is installed without @opentelemetry/api: nothing is missing. And with it, but without an SDK: nothing is recorded.
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
  writeFileSync(path.join(consumer.folder, "program.mjs"), program);
});
afterAll(() => consumer.remove());

const program = `
import { createAmpho } from "ampho";
const peer = await import("@opentelemetry/api").then(() => "installed", (error) => error.code);
const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: () => undefined });
await ampho.users.create({ login: "alice", password: "violet kettle harbour morning" });
const body = JSON.stringify({ login: "alice", password: "violet kettle harbour morning" });
const request = new Request("http://127.0.0.1/api/security/login", { method: "POST", body, headers: { "content-type": "application/json", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } });
const { status } = await ampho.fetch(request);
const counted = ampho.metrics().includes('ampho_flows_total{flow="login",result="ok"} 1\\n');
await ampho.close();
console.log(JSON.stringify({ peer, status, counted }));
`;

async function run(): Promise<unknown> {
  const env = { PATH: process.env["PATH"] };
  const { stdout } = await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: consumer.folder, env });
  return JSON.parse(stdout);
}

it("everything works with the peer and without an SDK", async () => {
  expect(await run()).toEqual({ peer: "installed", status: 200, counted: true });
});

it("everything works without the peer", async () => {
  rmSync(path.join(consumer.folder, "node_modules/@opentelemetry"), { recursive: true });
  expect(await run()).toEqual({ peer: "ERR_MODULE_NOT_FOUND", status: 200, counted: true });
});
