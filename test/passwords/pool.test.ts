import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, getPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { createPasswordPool, type PasswordPool, type PasswordPoolOptions } from "../../dist/passwords/pool.js";
// The built files, because a thread only runs JavaScript.
import { execFileSync } from "../../scripts/child-process.mjs";
import { pause } from "../world/wait.js";

const password = "violet kettle harbour morning";
const pools: PasswordPool[] = [];

/** On a busy machine a job needs longer than the 4.8 s of Ampho. */
function open(options: PasswordPoolOptions = {}): PasswordPool {
  const pool = createPasswordPool({ patienceMs: 60_000, ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** "true", "false" or the code of the error. */
const outcome = (result: Promise<unknown>): Promise<string> =>
  result.then(String, (error: { code?: string }) => error.code ?? "no code");

function recordMeasures() {
  const measures: { readonly what: "waited" | "hashed"; readonly ms: number }[] = [];
  const measure = {
    waited: (ms: number) => void measures.push({ what: "waited", ms }),
    hashed: (ms: number) => void measures.push({ what: "hashed", ms }),
  };
  return { measures, measure };
}

describe("the pool of password threads", () => {
  it("the pool hashes a password and verifies it", async () => {
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

  it("the threads verify hashes of other systems", async () => {
    const pool = open();
    const bcrypt = "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";
    expect(await pool.verify(bcrypt, "test")).toBe(true);
    expect(await pool.verify(bcrypt, "Test")).toBe(false);
  });

  it("the pool does not hash a text that cannot be a password, and verifies it as false", async () => {
    const pool = open();
    await expect(pool.hash("x".repeat(1025))).rejects.toMatchObject({ code: "invalid_request" });
    await expect(pool.hash("\ud800")).rejects.toMatchObject({ code: "invalid_request" });
    expect(await pool.verify(undefined, "\ud800")).toBe(false);
    expect(pool.stats().meanMs).toBe(25);
  });

  it("the pool reports how long each job waited for a thread and how long the thread took", async () => {
    const { measures, measure } = recordMeasures();
    const pool = open({ size: 1, measure });
    await Promise.all([pool.verify(undefined, password), pool.verify(undefined, password)]);
    expect(measures.map(({ what }) => what)).toEqual(["waited", "hashed", "waited", "hashed"]);
    const [first, took, second] = measures.map(({ ms }) => ms);
    expect(first).toBeLessThan(second ?? 0);
    expect(second).toBeGreaterThanOrEqual((took ?? 0) * 0.9);
  });

  it("a job that timed out in the queue is reported as waiting for its whole patience", async () => {
    const { measures, measure } = recordMeasures();
    const pool = open({ size: 1, measure, patienceMs: 300 });
    const slow = "$2b$14$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";
    const outcomes = [outcome(pool.verify(slow, "test")), outcome(pool.verify(undefined, password))];
    expect(await Promise.all(outcomes)).toEqual(["overloaded", "overloaded"]);
    expect(measures.map(({ what }) => what)).toEqual(["waited", "waited"]);
    expect(measures[1]?.ms).toBe(300);
  });

  it("the pool rejects jobs beyond its queue limit at once and completes the others", async () => {
    const pool = open({ size: 1, queueLimit: 3, patienceMs: 60_000 });
    const outcomes = Array.from({ length: 10 }, () => outcome(pool.verify(undefined, password)));
    expect(pool.stats()).toMatchObject({ size: 1, busy: 1, waiting: 3, shed: 6 });
    expect(await Promise.all(outcomes)).toEqual([...Array(4).fill("false"), ...Array(6).fill("overloaded")]);
    expect(pool.stats()).toMatchObject({ busy: 0, waiting: 0 });
    expect(await pool.verify(undefined, password)).toBe(false);
  });

  it("an overloaded error states when to try again", async () => {
    const pool = open({ size: 1, queueLimit: 0 });
    const first = pool.verify(undefined, password);
    await expect(pool.verify(undefined, password)).rejects.toMatchObject({ details: { retryAfterSeconds: 1 } });
    await first;
  });

  it("the pool rejects at once each job that it could not complete within its patience", async () => {
    const pool = open({ size: 1, patienceMs: 1_000 });
    const outcomes = Array.from({ length: 100 }, () => outcome(pool.verify(undefined, password)));
    const { waiting, shed } = pool.stats();
    expect(waiting + shed).toBe(99);
    // The pool assumes 25 ms for each job until it has measured one.
    expect(waiting).toBe(39);
    const results = await Promise.all(outcomes);
    expect(results.slice(40)).toEqual(Array(60).fill("overloaded"));
  });

  it("a job that takes longer than its patience is rejected, even while it runs", async () => {
    const pool = open({ size: 1, patienceMs: 1 });
    expect(await outcome(pool.verify(undefined, password))).toBe("overloaded");
  });

  it("a key with one job passes the flood of another key, and takes its place in a full queue", async () => {
    const pool = open({ size: 1, queueLimit: 8, patienceMs: 60_000 });
    const order: string[] = [];
    const record = (name: string, turn: { fairnessKey: string; priority?: boolean }): Promise<unknown> =>
      outcome(pool.verify(undefined, password, turn)).then((result) => order.push(`${name} ${result}`));
    const flood = Array.from({ length: 9 }, (_, n) => record(`flood${n}`, { fairnessKey: "flood" }));
    await Promise.all([
      ...flood,
      record("alice", { fairnessKey: "alice" }),
      record("bob", { fairnessKey: "bob", priority: true }),
    ]);
    expect(order.filter((line) => line.endsWith("overloaded"))).toEqual(["flood8 overloaded", "flood7 overloaded"]);
    const completed = order.filter((line) => line.endsWith("false"));
    expect(completed.slice(0, 4)).toEqual(["flood0 false", "bob false", "flood1 false", "alice false"]);
  });

  it("the job of a thread that dies fails with `unavailable`, and the pool starts another thread", async () => {
    const pool = open({ size: 1 });
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const [first, second] = [outcome(pool.hash(password)), outcome(pool.verify(undefined, password))];
    await (await started).terminate();
    expect(await Promise.all([first, second])).toEqual(["unavailable", "false"]);
  });

  it("a thread gets its next job before the result of the previous one has arrived", async () => {
    const pool = open({ size: 1, rests: false });
    for (let job = 0; job < 20; job++) await pool.verify(undefined, password);
    // On a busy machine the first job can end before the second one is sent ahead, so that a round shows nothing.
    let completed = 0;
    for (let round = 0; round < 10 && completed !== 2; round++) {
      completed = 0;
      const all = [1, 2].map(() => pool.verify(undefined, password).then(() => (completed += 1)));
      // After half of the first job, and before its end.
      await pause(pool.stats().meanMs * 0.6);
      // The thread goes on while the main thread is blocked.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      const shown = completed;
      await Promise.all(all);
      completed = shown;
    }
    expect(completed).toBe(2);
  });

  it("the queued job of a thread that dies runs on another thread", async () => {
    let ended: string[] = [];
    // On a busy machine the first job can end before its thread does, so that a round shows nothing.
    for (let round = 0; round < 20 && ended[0] !== "unavailable"; round++) {
      const pool = open({ size: 1 });
      const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
      const outcomes = [outcome(pool.verify(undefined, password)), outcome(pool.verify(undefined, password))];
      // After half of the assumed time of a job, and before the thread has started.
      await pause(15);
      await (await started).terminate();
      ended = await Promise.all(outcomes);
    }
    expect(ended).toEqual(["unavailable", "false"]);
  });

  it("a late result of a broken thread is not used for another job, so a wrong password stays wrong", async () => {
    const pool = open({ size: 1 });
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const hash = await pool.hash(password);
    const right = outcome(pool.verify(hash, password));
    // The result of the running job still arrives.
    (await started).emit("error", new Error("broken"));
    const wrong = outcome(pool.verify(hash, `${password}!`));
    expect(await Promise.all([right, wrong])).toEqual(["unavailable", "false"]);
    await (await started).terminate();
  });

  it("a thread pauses between jobs while other programs need the cores, and completes every job", async () => {
    const pool = open({ size: 1, patienceMs: 60_000 });
    // Twice as many programs as cores, at a higher priority than the thread.
    const others = Array.from({ length: 2 * availableParallelism() }, () => spawn("sh", ["-c", "while :; do :; done"]));
    let rested = 0;
    const runJobs = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 6 }, () => pool.verify(undefined, password).then(() => (rested += pool.stats().resting))),
      );
    try {
      // The first jobs can be done before the other programs have started.
      for (let round = 0; round === 0 || (round < 20 && rested === 0 && process.platform === "linux"); round++)
        await runJobs();
    } finally {
      for (const other of others) other.kill("SIGKILL");
    }
    // Only Linux reports how long a thread has waited for a core.
    expect(rested > 0).toBe(process.platform === "linux");
    await expect.poll(() => pool.stats()).toMatchObject({ busy: 0, resting: 0, waiting: 0 });
  });

  it("the pauses cause no rejection, because they end when the queue leaves no time for them", async () => {
    const patienceMs = 20_000;
    const pool = open({ size: 1, patienceMs, queueLimit: 10_000 });
    const isLinux = process.platform === "linux";
    const others = Array.from({ length: 2 * availableParallelism() }, () => spawn("sh", ["-c", "while :; do :; done"]));
    try {
      for (let job = 0; job < 8 || (isLinux && pool.stats().resting === 0); job++)
        await pool.verify(undefined, password);
    } finally {
      for (const other of others) other.kill("SIGKILL");
    }
    const { meanMs } = pool.stats();
    // As many jobs as complete within the patience without pauses.
    const all = Array.from({ length: Math.floor(patienceMs / meanMs) - 1 }, () =>
      outcome(pool.verify(undefined, password)),
    );
    expect(pool.stats()).toMatchObject({ shed: 0, busy: 1, resting: 0 });
    await pool.close();
    await Promise.all(all);
  });

  it("the pool starts no more threads than its size, and none before the first job", async () => {
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

  it("the pool lowers the priority of its threads and not that of the process", async () => {
    const before = getPriority();
    await open({ size: 1 }).verify(undefined, password);
    expect(getPriority()).toBe(before);
    if (process.platform !== "linux") return;
    const tasks = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/stat`, "utf8"));
    // Field 19 of proc_pid_stat(5), counted after the name, because the name can contain spaces.
    const nice = tasks.map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
    expect(nice).toContain(Math.max(before, 10));
  });

  it("a closed pool rejects waiting and new jobs, and can be closed twice", async () => {
    const pool = open({ size: 1 });
    const outcomes = [1, 2, 3].map(() => outcome(pool.verify(undefined, password)));
    await Promise.all([pool.close(), pool.close()]);
    expect(await Promise.all(outcomes)).toEqual(Array(3).fill("unavailable"));
    expect(await outcome(pool.hash(password))).toBe("unavailable");
  });
});

describe("hashPassword and verifyPassword", () => {
  it("hashPassword and verifyPassword start no thread on import and keep no process alive", () => {
    const script = `
      let threads = 0;
      process.on("worker", () => { threads += 1; });
      const { hashPassword, verifyPassword } = await import("./dist/passwords/standalone.js");
      await new Promise(setImmediate);
      const before = threads;
      const hash = await hashPassword("${password}");
      const good = await verifyPassword(hash, "${password}");
      const none = await verifyPassword(undefined, "${password}");
      console.log(JSON.stringify({ before, good, none, length: hash.length }));`;
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: root,
      timeout: 60_000,
    });
    expect(JSON.parse(printed.toString())).toEqual({ before: 0, good: true, none: false, length: 97 });
  });

  it("arguments that are no text crash neither hashPassword and verifyPassword nor the process", () => {
    const script = `
      const { hashPassword, needsRehash, verifyPassword } = await import("./dist/index.js");
      // A busy machine sheds a job that waited for 5 s.
      const outcome = async (work) => {
        for (;;) {
          const result = await work().then(String, (error) => error.code ?? error.name);
          if (result !== "overloaded") return result;
        }
      };
      const hash = await outcome(() => hashPassword("${password}"));
      const busy = Array.from({ length: 8 }, () => outcome(() => verifyPassword(hash, "${password}")));
      const hashes = [null, 7, Buffer.from(hash), {}].map((given) => outcome(() => verifyPassword(given, "${password}")));
      const texts = [undefined, null, 7, {}, ["${password}"]];
      const verified = texts.map((given) => outcome(() => verifyPassword(hash, given)));
      const hashed = texts.map((given) => outcome(() => hashPassword(given)));
      console.log(JSON.stringify({
        hashes: await Promise.all(hashes),
        texts: [...new Set(await Promise.all(verified)), ...new Set(await Promise.all(hashed))],
        busy: [...new Set(await Promise.all(busy))],
        old: [needsRehash(hash), needsRehash("$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a")],
      }));`;
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const options = { cwd: root, timeout: 60_000 };
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], options);
    expect(JSON.parse(printed.toString())).toEqual({
      hashes: ["false", "TypeError", "TypeError", "TypeError"],
      texts: ["false", "invalid_request"],
      busy: ["true"],
      old: [false, true],
    });
  });
});
