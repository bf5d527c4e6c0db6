// The SQLite thread. Writes commit together and fail alone, a lock delays writes and no read, and the thread
// works again after a failure.
import { existsSync, readdirSync, readlinkSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { usualDriver } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { startThread } from "../../dist/store/sqlite/thread.js";
import type { Store } from "../../dist/store/store.js";
import { freshFolder } from "../world/folder.js";
import { addUser, ann, eventsOf, openSession, operator, origin, renewal, start } from "./fixtures.js";
import { type Child, mayMount, mountSmall, startChild } from "./processes.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openAt(file: string): Promise<Store> {
  const store = await openSqlite({ path: file, migrate: true, log: () => {} });
  cleanups.push(() => store.close());
  return store;
}

const fresh = () => path.join(freshFolder(), "ampho.db");

/** Locks until a line of input, or for some milliseconds. */
async function lock(file: string, ...ms: [] | [ms: string]): Promise<Child> {
  const child = startChild("lock", file, ...ms);
  cleanups.push(() => child.process.kill("SIGKILL"));
  expect(await child.line()).toBe("locked");
  return child;
}

/** How many of the database's files this process has open. */
function filesOpen(file: string): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The folder itself, closed by now.
      return "";
    }
  });
  return links.filter((link) => link.startsWith(file)).length;
}

const unavailable = expect.objectContaining({ name: "AmphoError", code: "unavailable" });

describe("writes that wait together", () => {
  it("a write that fails in a batch is rolled back, and the others are kept", async () => {
    const store = await openAt(fresh());
    const make = (id: string, name: string) =>
      // The audit row comes after the user's: a bad operator fails the operation when half of it is written.
      store.createUser({
        user: { ...ann, id, canonical: id },
        now: start,
        origin: { actor: "operator", operator: name },
      });
    const results = await Promise.allSettled([make("a", "root"), make("b", "ro\0ot"), make("c", "root")]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const { users } = await store.listUsers({ after: undefined, limit: 10 });
    expect(users.map(({ id }) => id)).toEqual(["a", "c"]);
    expect(await eventsOf(store)).toEqual(["user_created", "user_created"]);
  });

  it("a read that fails does not fail the reads beside it", async () => {
    const store = await openAt(fresh());
    await store.createUser({ user: ann, now: start, origin });
    const results = await Promise.allSettled(["ann", "an\0n", "bob"].map((canonical) => store.findUser(canonical)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[0]).toMatchObject({ value: { login: ann.login } });
  });

  it("an input that cannot be copied to the thread fails alone", async () => {
    const store = await openAt(fresh());
    const good = { at: start, event: "login_rejected", origin } as const;
    const uncopyable = { ...good, detail: { why: () => "not data" } };
    const results = await Promise.allSettled([
      store.recordAudit(good),
      Reflect.apply(store.recordAudit, store, [uncopyable]),
      store.recordAudit(good),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await eventsOf(store)).toHaveLength(2);
  });

  it("more writes than fit into one transaction are all done, each once", async () => {
    const store = await openAt(fresh());
    await addUser(store);
    const { id } = await openSession(store);
    const outcomes = await Promise.all(
      Array.from({ length: 1500 }, (_, gen) => store.renewSession(renewal({ id, gen }))),
    );
    expect(outcomes.filter(({ outcome }) => outcome !== "renewed")).toEqual([]);
    expect(await store.findSession({ id, now: start })).toMatchObject({ session: { gen: 1500 } });
  });
});

describe("a lock that another process holds", () => {
  it("a lock of another process for five seconds delays a write and no read", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const session = await openSession(store);
    // By its own clock: on a busy machine nothing else is to make it longer.
    const holder = await lock(file, "5000");
    const order: string[] = [];
    const write = store.renewSession(renewal(session)).then((renewed) => {
      order.push("written");
      return renewed;
    });
    for (let count = 0; count < 200; count++) await store.findSession({ id: session.id, now: start });
    await store.ping(1000);
    order.push("read");
    expect(await write).toMatchObject({ outcome: "renewed", session: { gen: 1 } });
    expect(await holder.line()).toBe("released");
    expect(order).toEqual(["read", "written"]);
  });

  it("a longer lock of another process fails the write, and the next write succeeds", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const session = await openSession(store);
    const holder = await lock(file);
    await expect(store.renewSession(renewal(session))).rejects.toEqual(
      expect.objectContaining({ code: "unavailable", details: { retryAfterSeconds: 1 } }),
    );
    expect(await store.findSession({ id: session.id, now: start })).toMatchObject({ session: { gen: 0 } });
    holder.process.stdin.write("release\n");
    expect(await store.renewSession(renewal(session))).toMatchObject({ outcome: "renewed" });
  });
});

describe("more writes than can wait", () => {
  it("the queue rejects writes beyond its limit as overloaded, but no reads", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const holder = await lock(file);
    const entry = { at: start, event: "login_rejected", origin } as const;
    const writes = Array.from({ length: 10_050 }, () => store.recordAudit(entry));
    const all = Promise.allSettled(writes);
    await expect(writes.at(-1)).rejects.toEqual(
      expect.objectContaining({ code: "overloaded", details: { retryAfterSeconds: 1 } }),
    );
    expect(await store.findUser("ann")).toBeDefined();
    holder.process.stdin.write("release\n");
    const codes = (await all).map((each) => (each.status === "fulfilled" ? "written" : each.reason.code));
    expect(codes.filter((code) => code === "overloaded")).toHaveLength(50);
    expect(codes).toContain("written");
    // On a busy machine the last ones can wait for too long.
    expect(["written", "overloaded", "unavailable"]).toEqual(expect.arrayContaining([...new Set(codes)]));
  });
});

describe("an unreachable database", () => {
  it("a moved file causes unavailable, and the database works again when the file is back", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const session = await openSession(store);
    renameSync(file, `${file}.away`);
    // The file is looked at a few times a second.
    await expect.poll(() => store.ping(1000).catch((error: unknown) => error)).toEqual(unavailable);
    await expect(store.renewSession(renewal(session))).rejects.toEqual(unavailable);
    renameSync(`${file}.away`, file);
    await expect.poll(() => store.ping(1000).then(() => "back", String)).toBe("back");
    expect(await store.renewSession(renewal(session))).toMatchObject({ outcome: "renewed", session: { gen: 1 } });
  });

  it.each(["-wal", "-shm"])(
    "a %s that was removed parts no two processes: each sees what the other ends",
    async (name) => {
      const file = fresh();
      const store = await openAt(file);
      await addUser(store);
      const sessions = [await openSession(store), await openSession(store)];
      rmSync(`${file}${name}`);
      // The files are looked at a few times a second.
      await expect.poll(() => store.ping(1000).then(() => existsSync(`${file}${name}`), String)).toBe(true);
      const other = await openAt(file);
      const end = { userId: undefined, reason: "ended_by_operator", now: start, origin } as const;
      const stores = [store, other];
      for (const [at, { id }] of sessions.entries()) {
        expect(await stores[at]?.endSession({ ...end, id })).toBe(true);
        const { rows } = (await stores[1 - at]?.readRevocations({ after: 0, now: start })) ?? {};
        expect(rows).toContainEqual(expect.objectContaining({ sessionId: id }));
      }
    },
  );

  it("a database file that was given up does not stay open, however often that happens", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const before = filesOpen(file);
    for (let time = 0; time < 4; time++) {
      renameSync(file, `${file}.away`);
      await expect.poll(() => store.ping(1000).catch((error: unknown) => error)).toEqual(unavailable);
      renameSync(`${file}.away`, file);
      await expect.poll(() => store.ping(1000).then(() => "back", String)).toBe("back");
    }
    expect(filesOpen(file)).toBe(before);
  });

  it.runIf(mayMount)("a full disk fails writes and no reads, and writes work again when there is room", async () => {
    const disk = mountSmall(2048);
    cleanups.push(disk.end);
    const store = await openAt(path.join(disk.folder, "ampho.db"));
    await addUser(store);
    const detail = { filling: "x".repeat(20_000) };
    const fill = { at: start, event: "login_rejected", origin, detail } as const;
    let written = 0;
    const full = (async () => {
      for (; ; written++) await store.recordAudit(fill);
    })();
    await expect(full).rejects.toEqual(
      expect.objectContaining({
        code: "unavailable",
        cause: expect.objectContaining({ message: "database or disk is full" }),
      }),
    );
    expect(written).toBeGreaterThan(0);
    const before = filesOpen(disk.folder);
    for (let time = 0; time < 10; time++) await expect(store.recordAudit(fill)).rejects.toEqual(unavailable);
    expect(filesOpen(disk.folder)).toBe(before);
    expect(await store.findUser("ann")).toBeDefined();
    disk.remount("size=16m");
    await store.recordAudit(fill);
    const rows = await store.listAudit({ login: undefined, since: start, limit: 1000 });
    expect(rows.filter((row) => row.detail?.["filling"] === detail.filling)).toHaveLength(written + 1);
  });

  it("a thread that dies fails the waiting calls, and the next call starts another thread", async () => {
    const file = fresh();
    const store = await openAt(file);
    await addUser(store);
    const thread = startThread({ path: file, driver: usualDriver(), role: "store" });
    cleanups.push(() => thread.close());
    expect(await thread.run({ kind: "call", operation: "findUser", input: "ann" })).toMatchObject({ id: ann.id });
    const unknown: unknown = "no operation";
    const crash = Reflect.apply(thread.run, thread, [{ kind: "call", operation: unknown, input: "" }]);
    const waiting = thread.run({ kind: "ping" });
    const results = await Promise.allSettled([crash, waiting]);
    expect(results).toMatchObject([
      { status: "rejected", reason: unavailable },
      { status: "rejected", reason: unavailable },
    ]);
    await expect
      .poll(() => thread.run({ kind: "call", operation: "findUser", input: "ann" }).catch(String))
      .toMatchObject({ id: ann.id });
  });
});

describe("closing", () => {
  it("closing finishes waiting calls, can be repeated, and rejects later calls", async () => {
    const file = fresh();
    const store = await openAt(file);
    const entry = { at: start, event: "login_rejected", origin: operator } as const;
    const writes = Promise.all(Array.from({ length: 50 }, () => store.recordAudit(entry)));
    await Promise.all([store.close(), store.close()]);
    await writes;
    await expect(store.recordAudit(entry)).rejects.toEqual(unavailable);
    await expect(store.ping(100)).rejects.toEqual(unavailable);
    const again = await openAt(file);
    expect(await eventsOf(again)).toHaveLength(50);
  });

  it("a database that is never closed keeps no process alive, and its calls finish", async () => {
    const file = fresh();
    const child = startChild("idle", file);
    expect(await child.line()).toBe("done");
    expect(await child.ended).toBe(0);
    expect(child.errors()).toBe("");
    const store = await openAt(file);
    expect(await eventsOf(store)).toHaveLength(2);
  });
});
