// The disk of PostgreSQL is full. The server rejects some writes or ends, and must be started when there is space again.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { mayMount, mountSmall } from "../store/processes.js";
import { startPostgresIn } from "../world/postgres.js";
import { ask } from "./application.js";
import { tableOf } from "./ground.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";
import { type Fault, tryFault } from "./trial.js";

const diskKiB = 160_000;
const settings = ["max_connections=40", "min_wal_size=2MB", "max_wal_size=4MB", "wal_recycle=off"];

const onFullDisk = (filler: string): Fault<PostgresGround> => ({
  name: "the disk of the server is full",
  seen: "partly",
  holdMs: 500,
  begin: async (ground) => {
    await fillDisk(filler, ground);
    return ground.apps;
  },
  end: async ({ server, database }) => {
    rmSync(filler);
    const running = database.query("select 1").then(
      () => true,
      () => false,
    );
    // A server that could not write its log has ended, and does not come back by itself.
    if (await running) return;
    await server.signal("SIGKILL");
    await server.start();
  },
});

/** Writes succeed until the space is used up. */
async function fillDisk(filler: string, { apps: [app], logins, ledger }: PostgresGround): Promise<void> {
  if (app === undefined) throw new Error("there are two");
  expect(() => writeFileSync(filler, Buffer.alloc(diskKiB * 1024))).toThrow(/ENOSPC/);
  const login = logins.at(-1) ?? "";
  for (;;) {
    const body = { login, password: ledger.passwords.get(login) };
    const { status } = await ask(`${app.url}/login`, { method: "POST", body });
    if (status === 503) return;
    expect([200, 401]).toContain(status);
  }
}

// Only root can mount a small disk.
if (mayMount)
  it("applications survive a full disk of the server, and recover", { timeout: 90_000 }, async () => {
    const disk = mountSmall(diskKiB);
    try {
      const folder = path.join(disk.folder, "server");
      mkdirSync(folder);
      const ground = await openPostgresGround({ server: startPostgresIn(folder, settings, ["--wal-segsize=1"]) });
      process.stdout.write(tableOf([await tryFault(ground, onFullDisk(path.join(disk.folder, "filler")))]));
      await ground.close();
    } finally {
      disk.end();
    }
  });
else it("this test needs root, because only root can mount a small disk", () => expect(mayMount).toBe(false));
