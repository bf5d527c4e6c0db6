import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, getPriority } from "node:os";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
// The built files: a thread runs JavaScript only.
import { createPasswordPool, type PasswordPool, type PasswordPoolOptions } from "../../dist/passwords/pool.js";

const password = "violet kettle harbour morning";
const pools: PasswordPool[] = [];

function open(options: PasswordPoolOptions = {}): PasswordPool {
  const pool = createPasswordPool(options);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** "true", "false" or the code of the refusal. */
const outcome = (answer: Promise<unknown>): Promise<string> =>
  answer.then(String, (error: { code?: string }) => error.code ?? "no code");

function telling() {
  const told: { readonly what: "waited" | "hashed"; readonly ms: number }[] = [];
  const measure = {
    waited: (ms: number) => void told.push({ what: "waited", ms }),
    hashed: (ms: number) => void told.push({ what: "hashed", ms }),
  };
  return { told, measure };
}

describe("the pool of password threads", () => {
  it("hashes and verifies", async () => {
    const pool = open();
    const hash = await pool.hash(password);
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await pool.verify(hash, password)).toBe(true);
    expect(await pool.verify(hash, `${password}!`)).toBe(false);
    expect(await pool.verify(undefined, password)).toBe(false);
    expect(await pool.verify("!", password)).toBe(false);
    const { valid, tookMs } = await pool.check(hash, password);
    expect(valid).toBe(true);
    expect(tookMs).toBeGreaterThan(0);
    expect(await pool.check(hash, "\ud800")).toEqual({ valid: false, tookMs: 0 });
  });

  it("verifies hashes of other systems on its threads", async () => {
    const pool = open();
    const bcrypt = "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";
    expect(await pool.verify(bcrypt, "test")).toBe(true);
    expect(await pool.verify(bcrypt, "Test")).toBe(false);
  });

  it("refuses what can be no password: to hash it with a reason, to verify it with false", async () => {
    const pool = open();
    await expect(pool.hash("x".repeat(1025))).rejects.toMatchObject({ code: "invalid_request" });
    await expect(pool.hash("\ud800")).rejects.toMatchObject({ code: "invalid_request" });
    expect(await pool.verify(undefined, "\ud800")).toBe(false);
    expect(pool.stats().meanMs).toBe(25);
  });

  it("tells how long each job waited for a thread, and how long that took", async () => {
    const { told, measure } = telling();
    const pool = open({ size: 1, measure });
    await Promise.all([pool.verify(undefined, password), pool.verify(undefined, password)]);
    expect(told.map(({ what }) => what)).toEqual(["waited", "hashed", "waited", "hashed"]);
    const [first, took, second] = told.map(({ ms }) => ms);
    expect(first).toBeLessThan(second ?? 0);
    expect(second).toBeGreaterThanOrEqual((took ?? 0) * 0.9);
  });

  it("tells of a job that was given up that it waited all the time", async () => {
    const { told, measure } = telling();
    const pool = open({ size: 1, measure, patienceMs: 300 });
    const slow = "$2b$14$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";
    const answers = [outcome(pool.verify(slow, "test")), outcome(pool.verify(undefined, password))];
    expect(await Promise.all(answers)).toEqual(["overloaded", "overloaded"]);
    expect(told.map(({ what }) => what)).toEqual(["waited", "waited"]);
    expect(told[1]?.ms).toBe(300);
  });

  it("sheds what exceeds its queue at once, and answers the rest", async () => {
    const pool = open({ size: 1, queueLimit: 3 });
    const answers = Array.from({ length: 10 }, () => outcome(pool.verify(undefined, password)));
    expect(pool.stats()).toMatchObject({ size: 1, busy: 1, waiting: 3, shed: 6 });
    expect(await Promise.all(answers)).toEqual([...Array(4).fill("false"), ...Array(6).fill("overloaded")]);
    expect(pool.stats()).toMatchObject({ busy: 0, waiting: 0 });
    expect(await pool.verify(undefined, password)).toBe(false);
  });

  it("says when to try again", async () => {
    const pool = open({ size: 1, queueLimit: 0 });
    const first = pool.verify(undefined, password);
    await expect(pool.verify(undefined, password)).rejects.toMatchObject({ details: { retryAfterSeconds: 1 } });
    await first;
  });

  it("sheds at once what could not be answered within its patience", async () => {
    const pool = open({ size: 1, patienceMs: 1_000 });
    const answers = Array.from({ length: 100 }, () => outcome(pool.verify(undefined, password)));
    const { waiting, shed } = pool.stats();
    expect(waiting + shed).toBe(99);
    // 25 ms a job are believed until something has been measured.
    expect(waiting).toBe(39);
    const said = await Promise.all(answers);
    expect(said.slice(40)).toEqual(Array(60).fill("overloaded"));
  });

  it("gives up what was not answered within its patience, running or not", async () => {
    const pool = open({ size: 1, patienceMs: 1 });
    expect(await outcome(pool.verify(undefined, password))).toBe("overloaded");
  });

  it("lets one quiet key through a flood of another, and in a full queue in its place", async () => {
    const pool = open({ size: 1, queueLimit: 8, patienceMs: 60_000 });
    const order: string[] = [];
    const note = (name: string, turn: { fairnessKey: string; priority?: boolean }): Promise<unknown> =>
      outcome(pool.verify(undefined, password, turn)).then((said) => order.push(`${name} ${said}`));
    const flood = Array.from({ length: 9 }, (_, n) => note(`flood${n}`, { fairnessKey: "flood" }));
    await Promise.all([
      ...flood,
      note("alice", { fairnessKey: "alice" }),
      note("bob", { fairnessKey: "bob", priority: true }),
    ]);
    expect(order.filter((line) => line.endsWith("overloaded"))).toEqual(["flood8 overloaded", "flood7 overloaded"]);
    const answered = order.filter((line) => line.endsWith("false"));
    expect(answered.slice(0, 4)).toEqual(["flood0 false", "bob false", "flood1 false", "alice false"]);
  });

  it("rejects the job of a thread that dies with `unavailable`, and starts another", async () => {
    const pool = open({ size: 1 });
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const [first, second] = [outcome(pool.hash(password)), outcome(pool.verify(undefined, password))];
    await (await started).terminate();
    expect(await Promise.all([first, second])).toEqual(["unavailable", "false"]);
  });

  it("gives its thread the next job before it has the answer to the one before", async () => {
    const pool = open({ size: 1, rests: false });
    for (let job = 0; job < 20; job++) await pool.verify(undefined, password);
    let answered = 0;
    const all = [1, 2].map(() => pool.verify(undefined, password).then(() => (answered += 1)));
    // Past the half of the first, and before its end.
    await setTimeout(pool.stats().meanMs * 0.6);
    // The thread goes on while this one stands still.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(answered).toBe(2);
    await Promise.all(all);
  });

  it("computes what a thread that dies had been given ahead on another", async () => {
    const pool = open({ size: 1 });
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const answers = [outcome(pool.verify(undefined, password)), outcome(pool.verify(undefined, password))];
    // Past half of what a job is believed to take, and before the thread is up.
    await setTimeout(15);
    await (await started).terminate();
    expect(await Promise.all(answers)).toEqual(["unavailable", "false"]);
  });

  it("takes no late answer of a thread that broke for that of another job: a wrong password stays wrong", async () => {
    const pool = open({ size: 1 });
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const hash = await pool.hash(password);
    const right = outcome(pool.verify(hash, password));
    // What it had under way comes all the same.
    (await started).emit("error", new Error("broken"));
    const wrong = outcome(pool.verify(hash, `${password}!`));
    expect(await Promise.all([right, wrong])).toEqual(["unavailable", "false"]);
    await (await started).terminate();
  });

  it("rests between two jobs where others want the cores, and goes on all the same", async () => {
    const pool = open({ size: 1, patienceMs: 60_000 });
    let rested = 0;
    const jobs = Array.from({ length: 6 }, () =>
      pool.verify(undefined, password).then(() => (rested += pool.stats().resting)),
    );
    // Twice as many as there are cores, at a higher priority than the thread.
    const others = Array.from({ length: 2 * availableParallelism() }, () => spawn("sh", ["-c", "while :; do :; done"]));
    await Promise.all(jobs).finally(() => {
      for (const other of others) other.kill("SIGKILL");
    });
    // Elsewhere nothing tells that a thread has waited for a core.
    expect(rested > 0).toBe(process.platform === "linux");
    await expect.poll(() => pool.stats()).toMatchObject({ busy: 0, resting: 0, waiting: 0 });
  });

  it("sheds nobody for rests, which end when so many come that none is to be spared", async () => {
    const patienceMs = 20_000;
    const pool = open({ size: 1, patienceMs, queueLimit: 10_000 });
    const tells = process.platform === "linux";
    const others = Array.from({ length: 2 * availableParallelism() }, () => spawn("sh", ["-c", "while :; do :; done"]));
    try {
      for (let job = 0; job < 8 || (tells && pool.stats().resting === 0); job++) await pool.verify(undefined, password);
    } finally {
      for (const other of others) other.kill("SIGKILL");
    }
    const { meanMs } = pool.stats();
    // As many as have time where nobody rests.
    const all = Array.from({ length: Math.floor(patienceMs / meanMs) - 1 }, () =>
      outcome(pool.verify(undefined, password)),
    );
    expect(pool.stats()).toMatchObject({ shed: 0, busy: 1, resting: 0 });
    await pool.close();
    await Promise.all(all);
  });

  it("starts no more threads than its size, and none before the first job", async () => {
    const workers: Worker[] = [];
    const listen = (worker: Worker): void => void workers.push(worker);
    process.on("worker", listen);
    const pool = open({ size: 2 });
    expect(pool.stats()).toMatchObject({ size: 2, busy: 0 });
    await new Promise(setImmediate);
    expect(workers).toHaveLength(0);
    await Promise.all(Array.from({ length: 6 }, () => pool.verify(undefined, password)));
    process.off("worker", listen);
    expect(workers).toHaveLength(2);
  });

  it("lowers the priority of its threads, never that of the process", async () => {
    const before = getPriority();
    await open({ size: 1 }).verify(undefined, password);
    expect(getPriority()).toBe(before);
    if (process.platform !== "linux") return;
    const tasks = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/stat`, "utf8"));
    // Field 19 of proc_pid_stat(5), counted behind the name, which may hold spaces.
    const nice = tasks.map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
    expect(nice).toContain(Math.max(before, 10));
  });

  it("rejects what waits and what comes after its end, and may be closed twice", async () => {
    const pool = open({ size: 1 });
    const answers = [1, 2, 3].map(() => outcome(pool.verify(undefined, password)));
    await Promise.all([pool.close(), pool.close()]);
    expect(await Promise.all(answers)).toEqual(Array(3).fill("unavailable"));
    expect(await outcome(pool.hash(password))).toBe("unavailable");
  });
});

describe("hashPassword and verifyPassword", () => {
  it("start nothing when imported, and keep no process alive afterwards", () => {
    const script = `
      let threads = 0;
      process.on("worker", () => { threads += 1; });
      const { hashPassword, verifyPassword } = await import("../crypto/dist/passwords/standalone.js");
      await new Promise(setImmediate);
      const before = threads;
      const hash = await hashPassword("${password}");
      const good = await verifyPassword(hash, "${password}");
      const none = await verifyPassword(undefined, "${password}");
      console.log(JSON.stringify({ before, good, none, length: hash.length }));`;
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: root,
      timeout: 20_000,
    });
    expect(JSON.parse(printed.toString())).toEqual({ before: 0, good: true, none: false, length: 97 });
  });

  it("are not ended, nor end the process, by what is no text, also where the threads are busy", () => {
    const script = `
      const { hashPassword, needsRehash, verifyPassword } = await import("../crypto/dist/index.js");
      const hash = await hashPassword("${password}");
      const busy = Array.from({ length: 20 }, () => verifyPassword(hash, "${password}"));
      const outcome = (answer) => answer.then(String, (error) => error.code ?? error.name);
      const hashes = [null, 7, Buffer.from(hash), {}].map((given) => outcome(verifyPassword(given, "${password}")));
      const texts = [undefined, null, 7, {}, ["${password}"]];
      const verified = texts.map((given) => outcome(verifyPassword(hash, given)));
      const hashed = texts.map((given) => outcome(hashPassword(given)));
      console.log(JSON.stringify({
        hashes: await Promise.all(hashes),
        texts: [...new Set(await Promise.all(verified)), ...new Set(await Promise.all(hashed))],
        busy: [...new Set(await Promise.all(busy))],
        old: [needsRehash(hash), needsRehash("$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a")],
      }));`;
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const options = { cwd: root, timeout: 20_000 };
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], options);
    expect(JSON.parse(printed.toString())).toEqual({
      hashes: ["false", "TypeError", "TypeError", "TypeError"],
      texts: ["false", "invalid_request"],
      busy: [true],
      old: [false, true],
    });
  });
});
