// Promises between real processes: revocations take effect within a second, no guard waits for a lock or a lost database, and
// a closed instance keeps no process alive.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { guarded, mount } from "../../dist/adapters/node.js";
import { startChild } from "../store/processes.js";
import { admission, grantOf, openWorld, password, type World } from "../world/ampho.js";
import { within } from "../world/deadline.js";
import { freshFolder } from "../world/folder.js";
import { listening } from "../world/listen.js";
import { foreignToken, sessionOf } from "../world/tokens.js";
import { useDatabase } from "../world/use-postgres.js";
import { pause } from "../world/wait.js";
import { realClock, startInstance } from "./processes.js";

const postgres = useDatabase();

/** The server of an application, with Ampho's endpoints and two guarded paths. */
async function serve(world: World) {
  const plain = guarded(world.ampho, (request, response) => response.end(request.auth.login));
  const strict = guarded(world.ampho, { live: true }, (request, response) => response.end(request.auth.login));
  const endpoints = mount(world.ampho);
  const { url } = await listening((request, response) =>
    endpoints(request, response, () => (request.url === "/strict" ? strict : plain)(request, response)),
  );
  const get = (path: string, token: string) =>
    fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}` } }).then(({ status }) => status);
  const post = async (path: string, body: unknown, token?: string) => {
    const headers = {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    };
    const init = { method: "POST", headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return (await fetch(`${url}/api/security${path}`, init)).status;
  };
  return { get, post };
}

describe("a process", () => {
  it("a process rejects within a second the sessions, users, roles and keys that another revoked", async () => {
    const world = await openWorld({ clock: realClock });
    const other = await startInstance(world);
    const [ann, bob, cid, dan] = [
      await world.user("ann"),
      await world.user("bob"),
      await world.user("cid", { roles: ["editor"] }),
      await world.user("dan"),
    ];
    const tokens = [];
    for (const user of [ann, bob, cid, dan]) tokens.push((await world.session(user)).token);
    const [session = "", user = "", role = "", everything = ""] = tokens;
    const rejected = (token: string) => within(1000, async () => (await other.verify(token)) === "invalid_token");
    for (const token of tokens) expect(await other.verify(token)).toMatch(/^(ann|bob|cid|dan)$/);
    await world.ampho.sessions.endForUser(ann.id);
    await rejected(session);
    await world.ampho.users.disable("bob");
    await rejected(user);
    await world.ampho.users.setRoles("cid", []);
    await rejected(role);
    expect(await other.verify(everything)).toBe("dan");
    const foreign = foreignToken(world.key, { exp: realClock.now() + 600, login: "elsewhere" });
    expect(await other.verify(foreign)).toBe("elsewhere");
    await world.ampho.sessions.revokeForUser({ id: "9", login: "elsewhere" });
    await rejected(foreign);
    await world.ampho.sessions.endForEveryone();
    await rejected(everything);
    const last = (await world.session(ann)).token;
    expect(await other.verify(last)).toBe("ann");
    await world.ampho.signingKeys.revoke("key-1");
    await rejected(last);
    const renewals = await other.calls(1, { method: "POST", path: "/login", body: { login: "ann", password } });
    expect(renewals[0]?.status).toBe(503);
  });

  it("a new process rejects from its first request on all that was revoked before", async () => {
    const world = await openWorld({ clock: realClock });
    const ann = await world.user("ann");
    const [over, live] = [await world.session(ann), await world.session(ann)];
    const before = await startInstance(world);
    await before.calls(1, { method: "POST", path: "/logout", bearer: over.token });
    expect(await before.end()).toMatchObject({ code: 0, last: "closed" });
    const after = await startInstance(world);
    expect([await after.verify(over.token), await after.verify(live.token)]).toEqual(["invalid_token", "ann"]);
  });

  it("a process closes twice, ends by itself and writes nothing to stderr", async () => {
    const world = await openWorld({ clock: realClock });
    await world.user("ann", { password });
    const instance = await startInstance(world);
    const login = { method: "POST", path: "/login", body: { login: "ann", password } };
    expect((await instance.calls(3, login)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await instance.end()).toEqual({ code: 0, last: "closed", errors: "" });
  });

  it("a process that only imports ampho or hashes with it ends by itself", async () => {
    const program = `
      import { hashPassword, verifyPassword } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      const hash = await hashPassword("heron violet tumbrel 91");
      console.log(await verifyPassword(hash, "heron violet tumbrel 91"), await verifyPassword(hash, "x"));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, "close");
    expect([code, said]).toEqual([0, "true false\n"]);
  });
});

describe.each([
  ["SQLite", async () => `sqlite:${freshFolder()}/ampho.db`],
  ["PostgreSQL", () => postgres.empty().then(() => postgres.runtimeUrl)],
])("a process on %s that was stopped for a while", (_, open) => {
  it("verifySync accepts no session that ended while its process was stopped", async () => {
    const databaseUrl = await open();
    const world = await openWorld({ clock: realClock, databaseUrl });
    const stopped = await startInstance(world, { databaseUrl });
    const ann = await world.user("ann");
    const [ended, good] = [await world.session(ann), await world.session(ann)];
    for (const { token } of [ended, good]) expect(await stopped.verify(token)).toBe("ann");
    stopped.signal("SIGSTOP");
    await world.ampho.sessions.end(sessionOf(ended));
    // Longer than the second for which a process needs no read.
    await pause(1500);
    const waiting = Array.from({ length: 20 }, () => stopped.verifySync(ended.token));
    stopped.signal("SIGCONT");
    for (const result of await Promise.all(waiting)) expect(result).toMatch(/^(unavailable|invalid_token)$/);
    expect(await stopped.verify(ended.token)).toBe("invalid_token");
    await vi.waitFor(async () => expect(await stopped.verifySync(good.token)).toBe("ann"), 60_000);
  });
});

describe("while another process holds the write lock", () => {
  it("a locked database delays writes and no guarded request", async () => {
    const world = await openWorld({ clock: realClock });
    const ann = await world.user("ann", { password });
    const grant = await world.session(ann);
    const over = await world.session(ann);
    const { get, post } = await serve(world);
    const locker = startChild("lock", world.databaseFile);
    onTestFinished(() => void locker.process.kill("SIGKILL"));
    expect(await locker.line()).toBe("locked");
    const settled: number[] = [];
    const writes = [
      post("/login", { login: "ann", password }),
      post("/renew", { refresh_token: grant.refresh_token }),
      post("/logout", undefined, over.token),
    ].map(async (write) => {
      settled.push(await write);
      return write;
    });
    const reads = [];
    for (let round = 0; round < 50; round++) reads.push(await get("/articles", grant.token));
    expect(new Set(reads)).toEqual(new Set([200]));
    expect(await get("/strict", grant.token)).toBe(200);
    expect(await get("/articles", "rubbish")).toBe(401);
    expect(settled).toEqual([]);
    locker.process.stdin.write("\n");
    expect(await locker.line()).toBe("released");
    expect(await Promise.all(writes)).toEqual([200, 200, 204]);
    expect(await get("/articles", over.token)).toBe(401);
  });
});

describe("while the database is unreachable", () => {
  it("every guard without live works without the database, flows return 503, and all recovers by itself", async () => {
    const world = await openWorld({ clock: realClock });
    const ann = await world.user("ann", { password });
    const grant = await world.session(ann);
    const { get, post } = await serve(world);
    const elsewhere = freshFolder();
    const files = ["", "-wal", "-shm"].map((suffix) => [`${world.databaseFile}${suffix}`, `${elsewhere}/db${suffix}`]);
    for (const [from = "", to = ""] of files) renameSync(from, to);
    await vi.waitFor(async () => expect(await get("/strict", grant.token)).toBe(503), {
      timeout: 60_000,
      interval: 20,
    });
    expect(await get("/articles", grant.token)).toBe(200);
    expect(await post("/login", { login: "ann", password })).toBe(503);
    expect(await post("/renew", { refresh_token: grant.refresh_token })).toBe(503);
    expect(await post("/logout", undefined, grant.token)).toBe(503);
    expect(await get("/articles", grant.token)).toBe(200);
    for (const [from = "", to = ""] of files) renameSync(to, from);
    await vi.waitFor(async () => expect(await get("/strict", grant.token)).toBe(200), {
      timeout: 60_000,
      interval: 20,
    });
    grantOf(await world.renew(grant.refresh_token));
    expect(await post("/logout", undefined, grant.token)).toBe(204);
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
  });
});
