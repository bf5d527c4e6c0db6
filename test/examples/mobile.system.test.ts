// A mobile application: the API of examples/hono, the services of examples/verify-node, verify-python and verify-go, and a client
// that stores its session in a file. A rotation of keys and a restart of the API run under its load.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { Client } from "../../dist/client/client.js";
import { createClient } from "../../dist/client/full.js";
import type { ClientStorage } from "../../dist/client/storage.js";
import { audience, buildServices, feedToken, issuer, languages, startService } from "../interop/services.js";
import { atEndOfFile } from "../world/clean-up.js";
import { execute } from "../world/command.js";
import { within } from "../world/deadline.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { pause } from "../world/wait.js";
import { installPacked } from "./packed.js";
import { start } from "./running.js";

const password = "violet kettle harbour morning";

/** Each value is a file, as on a device. */
function fileStorage(folder: string): ClientStorage {
  const fileOf = (key: string) => path.join(folder, encodeURIComponent(key));
  return {
    get: (key) => {
      try {
        return readFileSync(fileOf(key), "utf8");
      } catch {
        return undefined;
      }
    },
    set: (key, value) => writeFileSync(fileOf(key), value, { mode: 0o600 }),
    remove: (key) => rmSync(fileOf(key), { force: true }),
  };
}

/** Sends requests to all services until it is stopped. It counts them by their outcome. */
function load(client: Client, urls: readonly string[]) {
  const counts: Record<string, number> = {};
  let stopped = false;
  const one = async (url: string) => {
    while (!stopped) {
      const outcome = await client.fetch(url).then(
        ({ status }) => String(status),
        ({ code }) => String(code),
      );
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      await pause(20);
    }
  };
  const running = urls.map(one);
  return {
    counts,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

async function kidOf(client: Client): Promise<unknown> {
  const [header = ""] = (await client.token())?.split(".") ?? [];
  return JSON.parse(Buffer.from(header, "base64url").toString()).kid;
}

test("a mobile client uses services in three languages through a rotation, a restart of the API and the end of its session", async () => {
  buildServices();
  const consumer = await installPacked(["hono"]);
  atEndOfFile(() => consumer.remove());
  const { folder } = consumer;
  const env = {
    PATH: process.env["PATH"],
    AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}`,
    AMPHO_SECURITY_KEY_FILE: path.join(folder, "key.json"),
    AMPHO_SECURITY_TOKEN_ISSUER: issuer,
    AMPHO_SECURITY_TOKEN_AUDIENCE: audience,
    AMPHO_SECURITY_TOKEN_TTL: "5",
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: feedToken,
    PORT: String(await freePort()),
  };
  const command = async (...args: readonly string[]) => {
    const { code, stderr, stdout } = await execute(process.execPath, [consumer.ampho, ...args], {
      cwd: folder,
      env,
      stdin: password,
    });
    expect([args, code, code === 0 ? "" : stderr]).toEqual([args, 0, ""]);
    return stdout;
  };
  await command("sec-gen-key", "--alg", "EdDSA", "-o", env.AMPHO_SECURITY_KEY_FILE);
  await command("user-add", "ann", "--password-stdin");
  const startApi = () => start(path.join(folder, "hono"), env, "server.js");
  const api = await startApi();
  const services = await Promise.all(languages.map((one) => startService(one, `${api.url}/api/security`)));

  const device = freshFolder();
  const origins = services.map(({ url }) => url);
  const open = () => createClient({ baseUrl: api.url, origins, storage: fileStorage(device) });
  const client = open();
  await client.login("ann", password);
  const urls = [`${api.url}/hello`, ...origins];
  const published = async () =>
    (await (await fetch(`${api.url}/api/security/.well-known/jwks.json`)).json()).keys.map(
      ({ kid }: { kid: string }) => kid,
    );

  const rotating = load(client, urls);
  const [first] = await published();
  await command("sec-rotate-key", "--stage", "next", "--in-place");
  await expect.poll(async () => (await published()).length).toBe(2);
  const forced = ["--force", "--reason", "The test does not wait."];
  await command("sec-rotate-key", "--stage", "activate", "--in-place", ...forced);
  await expect.poll(() => kidOf(client)).not.toBe(first);
  await command("sec-rotate-key", "--stage", "retire", "--in-place", ...forced);
  await expect.poll(published).not.toContain(first);
  await expect.poll(() => rotating.counts["200"]).toBeGreaterThan(100);
  await rotating.stop();
  expect(Object.keys(rotating.counts)).toEqual(["200"]);

  // The API ends under load: its own requests wait for it, and the services go on.
  const others = load(client, origins);
  expect((await api.stop()).code).toBe(0);
  await expect.poll(() => client.fetch(`${api.url}/hello`).catch(({ code }) => code)).toBe("unavailable");
  const again = await startApi();
  atEndOfFile(() => again.stop());
  await others.stop();
  expect(others.counts["401"]).toBeUndefined();
  // A new process of the application resumes the session from the file.
  const resumed = open();
  expect((await resumed.session())?.login).toBe("ann");
  for (const url of urls) expect([url, (await resumed.fetch(url)).status]).toEqual([url, 200]);

  const token = (await resumed.token()) ?? "";
  await command("session-end", "--login", "ann");
  const verdict = async (url: string) => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
  await within(1000, async () => (await Promise.all(urls.map(verdict))).every((status) => status === 401));
  await expect(resumed.fetch(`${api.url}/hello`)).rejects.toMatchObject({ code: "session_ended" });
});
