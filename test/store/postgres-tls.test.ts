// TLS as configured in the URL. The certificate in tls/ belongs to these tests and is valid for `localhost`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgres } from "../../dist/store/postgres/store.js";
import { type Database, type OwnServer, startOwnPostgres } from "../world/postgres.js";
import { giveToServer, serverFolder } from "../world/server-user.js";
import { startCuttingProxy } from "./cutting-proxy.js";

const certificates = path.join(import.meta.dirname, "tls");
const folder = serverFolder("ampho-tls-");
let server: OwnServer;
let database: Database;
beforeAll(async () => {
  const files = ["server.crt", "server.key"].map((name) => {
    const file = path.join(folder, name);
    copyFileSync(path.join(certificates, name), file);
    chmodSync(file, 0o600);
    giveToServer(file);
    return file;
  });
  const [certificate, key] = files;
  server = await startOwnPostgres("ssl=on", `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`);
  database = await server.database();
  await database.empty();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const root = `sslrootcert=${path.join(certificates, "server.crt")}`;
function open(host: string, parameters: string, port = server.port) {
  const url = new URL(database.runtimeUrl);
  [url.hostname, url.port, url.search] = [host, String(port), parameters];
  return openPostgres({ url: url.href, migrate: false, log: () => {} });
}
const encrypted = async () => {
  const [row] = await database.query(
    `select bool_and(ssl) as all, count(*)::int as n from pg_stat_ssl join pg_stat_activity using (pid)
     where usename like '%_runtime'`,
  );
  return row;
};

it.each(["verify-full", "verify-ca", "require"])("a connection with sslmode=%s is encrypted", async (mode) => {
  const store = await open("localhost", `?sslmode=${mode}&${root}`);
  await Promise.all(Array.from({ length: 5 }, () => store.findUser("ann")));
  expect(await encrypted()).toMatchObject({ all: true });
  await store.close();
});

it.each(["", `?sslmode=verify-full&${root}`])("an open database keeps no process alive (%#)", async (parameters) => {
  const url = new URL(database.runtimeUrl);
  [url.hostname, url.search] = ["localhost", parameters];
  const program = `
    const { openPostgres } = await import(${JSON.stringify(new URL("../../dist/store/postgres/store.js", import.meta.url).href)});
    const store = await openPostgres({ url: ${JSON.stringify(url.href)}, migrate: false, log: () => {} });
    await Promise.all([store.findUser("ann"), store.findUser("bob")]);
    await store.ping(1000);
    console.log("done");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  expect([await once(child, "close"), said]).toEqual([[0, null], "done\n"]);
});

it.each([
  ["of another host", "127.0.0.1", `?sslmode=verify-full&${root}`],
  ["without a known issuer", "localhost", "?sslmode=verify-full"],
  ["without a known issuer, also where the mode is `require`", "localhost", "?sslmode=require"],
])("a certificate %s is rejected", async (_, host, parameters) => {
  await expect(open(host, parameters)).rejects.toThrow("PostgreSQL has no TLS, or its certificate is not trusted");
});

it("a lost connection is replaced over a network with a round trip of 600 ms", async () => {
  const proxy = await startCuttingProxy(server.port);
  const store = await open("localhost", `?sslmode=verify-full&${root}`, proxy.port);
  proxy.delay(300);
  proxy.cutAll();
  // Five ways for TLS and authentication, and one for the question. On a busy machine an attempt can need more than its limit.
  const found = () => store.findUser("ann").catch(String);
  await expect.poll(found, { timeout: 90_000 }).toBeUndefined();
  await store.close();
  await proxy.close();
});
