// Imports against real processes: a server that works meanwhile, kills in the middle, hostile rows, and every format.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import type { Store } from "../../dist/store/store.js";
import { ampho, binary } from "../world/command.js";
import { post } from "../world/requests.js";
import { pause, until } from "../world/wait.js";

const password = "violet kettle harbour morning";
const env = {
  NODE_ENV: "production",
  AMPHO_DATABASE_URL: "sqlite:ampho.db",
  AMPHO_SECURITY_KEY: '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}',
};
const bcrypt = "$2b$04$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";

interface Pair {
  readonly passwordUtf8Hex: string;
  readonly hash: string;
  readonly params?: Readonly<Record<string, unknown>>;
}
interface Vectors {
  readonly pairs: readonly Pair[];
  readonly mustBeRejectedQuickly: readonly { readonly hash: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../vectors/password-hashes/known-pairs.json", import.meta.url), "utf8"),
) as Vectors;
const stored = ({ hash, params }: Pair) => (params === undefined ? hash : JSON.stringify({ hash, params }));

let cwd: string;
let children: ChildProcess[];
let stores: Store[];
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "ampho-import-"));
  children = [];
  stores = [];
});
afterEach(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await Promise.all(stores.map((store) => store.close()));
  rmSync(cwd, { recursive: true, force: true });
});

const run = (args: readonly string[], stdin = "") => ampho(args, { cwd, env, stdin });

async function openStore(): Promise<Store> {
  const store = await openSqlite({ path: path.join(cwd, "ampho.db"), migrate: true, log: () => {} });
  stores.push(store);
  return store;
}

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [binary, ...args], { cwd, env: { PATH: process.env["PATH"], ...env } });
  children.push(child);
  child.stdin.on("error", () => {});
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = new Promise<{ readonly code: number | null; readonly errors: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, errors })),
  );
  return { child, ended };
}

async function serve(): Promise<string> {
  const { child, ended } = start("serve", "--port", "0");
  child.stdout.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    child.stdout.once("data", (text: string) => resolve(`${text.trim()}/api/security`));
    void ended.then(({ errors }) => reject(new Error(errors)));
  });
}

const login = (url: string, name: string, typed = password) => post(`${url}/login`, { login: name, password: typed });

const lines = (count: number, prefix = "user") =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({ login: `${prefix}-${n}@example.org`, password_hash: bcrypt, roles: ["reader"] }),
  );

const listed = async () => (JSON.parse((await run(["user-list", "--json"])).stdout) as { login: string }[]).length;

/** An import that has written rows and waits for more. */
async function startedImport() {
  const store = await openStore();
  const running = start("user-import", "-");
  running.child.stdin.write(`${lines(2200).join("\n")}\n`);
  await until(() => store.hasOtherHashes());
  return { store, ...running };
}

describe("an import of thousands", () => {
  it("a server responds to logins, renewals and changes of users while thousands are imported", {
    timeout: 120_000,
  }, async () => {
    await run(["user-add", "alice", "--password-stdin"], password);
    const url = await serve();
    writeFileSync(path.join(cwd, "users.jsonl"), lines(30_000).join("\n"));
    const { child, ended } = start("user-import", "users.jsonl");
    const statuses: number[] = [];
    let { refresh_token: refreshToken } = await (await login(url, "alice")).json();
    while (child.exitCode === null && child.signalCode === null) {
      const [entered, unknown, renewed] = await Promise.all([
        login(url, "alice"),
        login(url, "user-7@example.org"),
        post(`${url}/renew`, { refresh_token: refreshToken }),
      ]);
      // Every outcome is accepted as long as nothing breaks.
      expect([200, 401, 429]).toContain(unknown.status);
      statuses.push(entered.status, renewed.status);
      ({ refresh_token: refreshToken } = await renewed.json());
    }
    expect(await ended).toMatchObject({ code: 0 });
    expect(new Set(statuses)).toEqual(new Set([200]));
    // How many there are depends on the machine.
    expect(statuses.length).toBeGreaterThan(0);
    expect(await listed()).toBe(30_001);
  });

  it("one of two imports with a login in common is published whole, and the other not at all", async () => {
    await run(["db-up"]);
    for (const name of ["one", "two"])
      writeFileSync(path.join(cwd, name), [...lines(3_000, name), '{"login":"wanted"}'].join("\n"));
    const codes = await Promise.all(["one", "two"].map(async (name) => (await run(["user-import", name])).code));
    expect(codes.sort()).toEqual([0, 1]);
    expect(await listed()).toBe(3_001);
  });
});

describe("an import that is killed", () => {
  it("a killed import leaves nothing visible, delays neither the next import nor a user, and is deleted", async () => {
    const { store, child, ended } = await startedImport();
    child.kill("SIGKILL");
    await ended;
    expect(await listed()).toBe(0);
    expect((await run(["user-add", "user-3@example.org"])).code).toBe(0);
    const again = await run(["user-import", "-"], lines(2200).slice(4).join("\n"));
    // A slow machine also prints the progress of the import.
    expect(again).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^ampho: The database is [^\n]+\n(?:2000 lines read\.\n)?2196 users imported\.\n$/),
    });
    expect(await listed()).toBe(2197);
    // As the next import does after a minute without a sign of life.
    while (await store.deleteUnpublishedImports({ n: undefined, now: Number.MAX_SAFE_INTEGER, limit: 500 }));
    expect(await listed()).toBe(2197);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "an import that gets %s rolls back what it has written, and ends with 1",
    async (signal) => {
      const { store, child, ended } = await startedImport();
      child.kill(signal);
      const errors = expect.stringMatching(
        /^ampho: The database is [^\n]+\n(?:\d+ lines read\.\n)?ampho: Interrupted\. Nothing was imported\.\n$/,
      );
      expect(await ended).toEqual({ code: 1, errors });
      expect(await store.hasOtherHashes()).toBe(false);
      expect(await listed()).toBe(0);
    },
  );
});

describe("a long import", () => {
  it("a long import reports its progress on stderr, and nothing of its input", async () => {
    const { child, ended } = start("user-import", "-");
    let said = "";
    child.stderr.on("data", (text: string) => (said += text));
    const all = lines(60_000);
    for (let at = 0; !said.includes("lines read") && at < all.length; at += 2_000) {
      child.stdin.write(`${all.slice(at, at + 2_000).join("\n")}\n`);
      await pause(250);
    }
    await until(async () => said.includes("lines read"));
    expect(said).toMatch(/\d+ lines read\.$/m);
    expect(said).not.toContain("example.org");
    child.kill("SIGTERM");
    expect((await ended).code).toBe(1);
  });
});

describe("a hostile row", () => {
  it("a hostile row is rejected with its line number before any work is done", async () => {
    const hostile = vectors.mustBeRejectedQuickly.map(({ hash }, n) =>
      JSON.stringify({ login: `user-${n}`, password_hash: hash }),
    );
    const { code, stderr } = await run(["user-import", "-"], hostile.join("\n"));
    expect(code).toBe(1);
    const named = stderr.split("\n").filter((line) => line.startsWith("Line "));
    expect(named.map((line) => /^Line (\d+): /.exec(line)?.[1])).toEqual(hostile.map((_, n) => String(n + 1)));
    for (const { hash } of vectors.mustBeRejectedQuickly.filter((row) => row.hash.length > 8))
      expect(stderr).not.toContain(hash);
    expect(await listed()).toBe(0);
  });

  it("a hostile row that is in the database anyway logs no user in, at the cost of any other", async () => {
    const store = await openStore();
    const hostile = vectors.mustBeRejectedQuickly.map(({ hash }) => hash).slice(0, 12);
    const origin = { actor: "operator" } as const;
    for (const [n, passwordHash] of hostile.entries()) {
      const name = `user-${n}`;
      const user = { id: name, login: name, canonical: name, passwordHash, roles: [] };
      expect(await store.createUser({ user, now: 1_790_000_000, origin })).toBe("created");
    }
    const url = await serve();
    const statuses: number[] = [];
    for (const n of hostile.keys()) statuses.push((await login(url, `user-${n}`, "test")).status);
    expect(statuses).toEqual(hostile.map(() => 401));
  });
});

describe("a hash of another system", () => {
  it("a hash of every format logs its user in over HTTP once, and is rehashed with current parameters", {
    timeout: 120_000,
  }, async () => {
    const rows = vectors.pairs.map((pair, n) => JSON.stringify({ login: `user-${n}`, password_hash: stored(pair) }));
    expect(await run(["user-import", "-"], rows.join("\n"))).toMatchObject({ code: 0 });
    const url = await serve();
    const typed = vectors.pairs.map(({ passwordUtf8Hex }) => Buffer.from(passwordUtf8Hex, "hex").toString());
    for (const [n, right] of typed.entries()) expect((await login(url, `user-${n}`, right)).status, rows[n]).toBe(200);
    const counts = JSON.parse((await run(["user-hashes", "--json"])).stdout);
    expect(counts).toEqual([{ format: "argon2id", current: true, users: rows.length }]);
    for (const [n, right] of typed.entries()) expect((await login(url, `user-${n}`, right)).status, rows[n]).toBe(200);
    expect((await login(url, "user-0", `${typed[0]}!`)).status).toBe(401);
  });
});
