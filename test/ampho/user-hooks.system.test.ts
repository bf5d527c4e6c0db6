// Hooks for changes of users: each is called at least once, in order, on one process, whatever fails or dies.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { type AmphoOptions, createAmpho, type UserEvent } from "../../dist/index.js";
import { type Ground, onBothDatabases } from "../gate/owners.js";
import { openWorld, password, type World } from "../world/ampho.js";
import { useDatabase } from "../world/use-postgres.js";
import { realClock } from "./processes.js";

/** Hooks that note their calls as `created ID REASON ACTOR`. */
function noting(calls: string[] = []) {
  const noted = (name: string) => (user: { readonly id: string }, event: UserEvent) =>
    void calls.push(`${name} ${user.id} ${event.reason} ${event.actor}`);
  const hooks: AmphoOptions = {
    onUserCreated: noted("created"),
    onUserChanged: noted("changed"),
    onUserRemoved: noted("removed"),
  };
  return { calls, hooks };
}

const rowsOf = (ground: Ground, world: World) => ground.sql(world, "select n from ampho_user_events");
const gauge = (world: World, name: string) =>
  Number(new RegExp(`^${name} (\\S+)$`, "m").exec(world.ampho.metrics())?.[1]);

interface Child {
  line(): Promise<string | undefined>;
  create(login: string): void;
  kill(): Promise<void>;
}

/** A process with hooks on the database of this world. */
async function startHooks(ground: Ground, world: World, options: object = {}): Promise<Child> {
  const script = fileURLToPath(new URL("./children/hooks.mjs", import.meta.url));
  const settings = { key: world.key, databaseUrl: ground.urlOf(world), ...options };
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string | undefined;
  expect(await line()).toBe("ready");
  return {
    line,
    create: (login) => void child.stdin.write(`${login}\n`),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

onBothDatabases((ground) => {
  it("hooks get each change of a user in its order, with its reason and its actor", async () => {
    const { calls, hooks } = noting();
    const world = await ground.open(hooks);
    const { users } = world.ampho;
    const { id } = await users.create({ login: "ann", password, email: "ann@x.example" });
    await users.setRoles("ann", ["editor"]);
    await users.setRoles("ann", ["editor"]);
    await users.setEmail({ id }, undefined, { reason: "ticket 4711" });
    await users.disable({ id });
    await users.enable({ id });
    const { token } = await world.login("ann");
    const renamed = await world.call("POST", "/account/login", { bearer: token, body: { login: "anna", password } });
    expect(renamed.status).toBeLessThan(300);
    const again = await world.call("POST", "/login", { body: { login: "anna", password } });
    const bearer = String(again.json["token"]);
    expect((await world.call("DELETE", "/account", { bearer, body: { password } })).status).toBe(204);
    // The user is gone before most of these hooks are called, so only the removal is certain. The rows are all used up.
    await expect.poll(() => calls.at(-1)).toBe(`removed ${id} account_removed user`);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
    expect(calls.filter((call) => call.startsWith("removed"))).toHaveLength(1);

    const bea = await users.create({ login: "bea" });
    await expect.poll(() => calls.at(-1)).toBe(`created ${bea.id} user_created application`);
    await users.setRoles("bea", ["reader"]);
    await expect.poll(() => calls.at(-1)).toBe(`changed ${bea.id} roles_changed application`);
    await users.remove("bea");
    await expect.poll(() => calls.at(-1)).toBe(`removed ${bea.id} user_deleted application`);
  });

  it("a hook that throws is called again with the same number, and users behind it are not delayed", async () => {
    const seen: (readonly [login: string, n: number, tries: number])[] = [];
    let isBroken = true;
    const world = await ground.open({
      onUserCreated: ({ login }, { n, tries }) => {
        seen.push([login, n, tries]);
        if (isBroken && login === "ann") throw new Error("no search index");
      },
      onUserChanged: ({ login }, { n, tries }) => void seen.push([`${login} changed`, n, tries]),
    });
    await world.user("ann");
    await world.ampho.users.setRoles("ann", ["editor"]);
    await world.user("bob");
    await expect.poll(() => seen.map(([login]) => login).sort()).toEqual(["ann", "bob"]);
    await expect
      .poll(async () => (await ground.sql(world, "select next_at from ampho_user_events order by n"))[0])
      .toBeDefined();
    for (let tries = 2; tries < 5; tries += 1) {
      world.clock.advance(600);
      await expect.poll(() => seen.filter(([login]) => login === "ann").at(-1)?.[2]).toBe(tries);
      await expect.poll(() => rowsOf(ground, world)).toHaveLength(2);
    }
    const failing = world.notices.filter((line) =>
      line.includes("The hook onUserCreated fails: Error: no search index"),
    );
    expect(failing.length).toBeGreaterThan(0);
    expect(world.ampho.metrics()).toMatch(/ampho_user_hooks_total\{hook="created",outcome="failed"\} [4-9]/);
    await expect.poll(() => gauge(world, "ampho_user_events_waiting")).toBe(2);
    isBroken = false;
    world.clock.advance(600);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
    expect(new Set(seen.filter(([login]) => login === "ann").map(([, n]) => n)).size).toBe(1);
    expect(seen.at(-1)?.[0]).toBe("ann changed");
    expect(world.ampho.metrics()).toContain('ampho_user_hooks_total{hook="created",outcome="succeeded"} 2');
  });

  it("each change is called by one of two instances, also a change of a process without hooks", async () => {
    const { calls, hooks } = noting();
    const world = await ground.open(hooks);
    await world.another();
    const nothing = { onUserCreated: undefined, onUserChanged: undefined, onUserRemoved: undefined };
    const without = await world.another(nothing);
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? world : without).ampho.users.create({ login: `user-${n}` })),
    );
    await expect.poll(() => calls.length).toBe(40);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
    expect(new Set(calls)).toEqual(new Set(made.map(({ id }) => `created ${id} user_created application`)));
  });

  it("a user who is removed before the hook of the creation is called is only removed", async () => {
    const { calls, hooks } = noting();
    const world = await ground.open(hooks);
    const without = await world.another({
      onUserCreated: undefined,
      onUserChanged: undefined,
      onUserRemoved: undefined,
    });
    await world.ampho.close();
    const { id } = await without.ampho.users.create({ login: "ann" });
    await without.ampho.users.remove("ann");
    await without.another(hooks);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
    expect(calls).toEqual([`removed ${id} user_deleted application`]);
  });

  it("an import calls the hook once for each of its users", async () => {
    const { calls, hooks } = noting();
    const world = await ground.open(hooks);
    const lines = Array.from({ length: 700 }, (_, n) => `${JSON.stringify({ login: `user-${n}` })}\n`);
    await world.ampho.users.import(lines);
    await expect.poll(() => calls.length).toBe(700);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
    expect(new Set(calls).size).toBe(700);
    expect(calls[0]).toMatch(/^created \S+ users_imported application$/);
  });

  it("another process calls the hook of a change whose process was killed before", async () => {
    const world = await ground.open({ clock: realClock });
    const first = await startHooks(ground, world);
    first.create("ann");
    const made = await first.line();
    await first.kill();
    // It can have called the hook in the moment before.
    await ground.sql(world, "update ampho_user_events set next_at = 0");
    const waits = (await rowsOf(ground, world)).length === 1;
    const second = await startHooks(ground, world);
    if (waits) expect(await second.line()).toBe(made?.replace("made", "created"));
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
  });

  it("another process calls a hook again whose process was killed inside it", async () => {
    const world = await ground.open({ clock: realClock });
    const first = await startHooks(ground, world, { hangs: true });
    first.create("ann");
    const lines = [await first.line(), await first.line()].sort();
    const id = lines[1]?.replace("made ", "");
    expect(lines).toEqual([`created ${id}`, `made ${id}`]);
    await first.kill();
    const second = await startHooks(ground, world);
    // The change was taken for 45 seconds, which this ends.
    await ground.sql(world, "update ampho_user_events set next_at = 0");
    expect(await second.line()).toBe(`created ${id}`);
    await expect.poll(() => rowsOf(ground, world)).toEqual([]);
  });
});

describe("a table of the application in the PostgreSQL database of Ampho", () => {
  const database = useDatabase();

  it("a foreign key deletes the rows of a user in the transaction that deletes the user, or stops both", async () => {
    await database.empty();
    const world = await openWorld({ databaseUrl: database.runtimeUrl });
    await database.query(
      "create table ampho.notes (user_id text not null references ampho.ampho_users (id) on delete cascade)",
    );
    onTestFinished(async () => void (await database.query("drop table ampho.notes")));
    const notes = () => database.query("select user_id from ampho.notes order by user_id");
    const ids: string[] = [];
    for (const login of ["ann", "bob", "cid"]) {
      const { id } = await world.ampho.users.create({ login, password });
      await database.query(`insert into ampho.notes (user_id) values ('${id}')`);
      ids.push(id);
    }
    const { token } = await world.login("ann");
    expect((await world.call("DELETE", "/account", { bearer: token, body: { password } })).status).toBe(204);
    await world.ampho.users.remove("bob");
    expect(await notes()).toEqual([{ user_id: ids[2] }]);
    await database.query("create table ampho.invoices (user_id text not null references ampho.ampho_users (id))");
    onTestFinished(async () => void (await database.query("drop table ampho.invoices")));
    await database.query(`insert into ampho.invoices (user_id) values ('${ids[2]}')`);
    await expect(world.ampho.users.remove("cid")).rejects.toMatchObject({ code: "unavailable" });
    expect(await notes()).toEqual([{ user_id: ids[2] }]);
    expect(await world.ampho.users.find("cid")).toBeDefined();
  });
});

describe("options", () => {
  it("a hook that is no function, or that is beside an application's own table, is rejected at the start", async () => {
    const databaseUrl = "sqlite::memory:";
    const wrong = { databaseUrl, onUserRemoved: "log" } as unknown as AmphoOptions;
    await expect(createAmpho(wrong)).rejects.toThrow("The option onUserRemoved must be a function.");
    const users = { find: () => undefined, verify: () => false };
    await expect(createAmpho({ databaseUrl, users, onUserCreated: () => undefined })).rejects.toThrow(
      "The option onUserCreated is for users of the database.",
    );
  });
});
