// Programs of two schema versions serve one database while the newer one migrates it, and afterwards. First expand, then
// contract, with real processes under load.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { contracting, expanding, makeLaterProgram, type OtherProgram, present } from "../store/later-program.js";
import { addUser, command, freshPlace, type Place, startServe, unthrottled } from "../world/serve.js";
import { usePostgres } from "../world/use-postgres.js";
import { startClients } from "./clients.js";

// Many processes start here, on a machine that can be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let later: OtherProgram;
let latest: OtherProgram;
const server = usePostgres();
beforeAll(async () => {
  later = makeLaterProgram(expanding);
  latest = makeLaterProgram(expanding, contracting);
});
afterAll(async () => {
  later.remove();
  latest.remove();
});

interface Places {
  /** The folder and environment of the servers, and those of the commands that change the schema. */
  readonly serving: Place;
  readonly owning: Place;
}

const stores: readonly (readonly [string, () => Promise<Places>])[] = [
  [
    "PostgreSQL",
    async () => {
      const { ownerUrl, runtimeUrl } = await server.database();
      const serving = freshPlace({ AMPHO_DATABASE_URL: runtimeUrl, ...unthrottled });
      return { serving, owning: { ...serving, env: { ...serving.env, AMPHO_DATABASE_URL: ownerUrl } } };
    },
  ],
  [
    "SQLite",
    async () => {
      const place = freshPlace({ AMPHO_DATABASE_MIGRATE: "off", ...unthrottled });
      return { serving: place, owning: place };
    },
  ],
];

describe.each(stores)("two schema versions on %s", (_, open) => {
  let serving: Place;
  let owning: Place;
  const of = (place: Place, { main }: OtherProgram): Place => ({ ...place, program: main });
  beforeAll(async () => {
    ({ serving, owning } = await open());
    expect(await command(owning, ["db-up"])).toMatchObject({ code: 0 });
    await addUser(serving);
  });

  it("the newer program does not start before `db-up`, and names it", async () => {
    expect(await command(of(serving, later), ["serve", "--port", "0"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `version ${present}, but this program needs ${present + 1}. Run \`ampho db-up\`.`,
      ),
    });
  });

  it("no request fails on either version while the newer one migrates, nor side by side afterwards", async () => {
    const clients = startClients(6, [await startServe(serving), await startServe(serving)]);
    await clients.go(10);
    expect(await command(of(owning, later), ["db-up"])).toMatchObject({
      code: 0,
      stdout: `Applied migration ${present + 1} (expanding).\n`,
    });
    await clients.go(10);
    clients.processes.push(await startServe(of(serving, later)));
    await clients.go(10);
    const older = await startServe(serving);
    clients.processes.push(older);
    await clients.go(20);
    expect(await clients.stop()).toEqual([]);
    expect(older.stderr()).toContain(`schema version ${present + 1}. This program has ${present}`);
    for (const each of clients.processes) expect((await each.stop()).code).toBe(0);
  });

  it("commands of the older program work with the newer one, and do not change the schema", async () => {
    expect(await command(owning, ["user-list"])).toMatchObject({ code: 0, stdout: expect.stringContaining("alice") });
    expect(await command(owning, ["db-up"])).toMatchObject({ code: 0, stdout: "" });
    expect(await command(owning, ["db-current"])).toMatchObject({ code: 0, stdout: `${present + 1}\n` });
    expect(await command(owning, ["db-down"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Use a newer Ampho"),
    });
    expect((await command(of(owning, later), ["db-show"])).stdout).toMatch(/expanding +\d{4}-/);
  });

  it("the oldest program does not start once the schema is contracted, and the one in between goes on", async () => {
    expect(await command(of(owning, latest), ["db-up"])).toMatchObject({
      code: 0,
      stdout: `Applied migration ${present + 2} (contracting).\n`,
    });
    const rejected = expect.stringContaining(`schema version ${present + 2}, but this program only knows ${present}`);
    for (const line of [["serve", "--port", "0"], ["user-list"], ["db-up"], ["db-current"]])
      expect(await command(serving, line)).toMatchObject({ code: 1, stdout: "", stderr: rejected });
    const clients = startClients(4, [await startServe(of(serving, later)), await startServe(of(serving, latest))]);
    await clients.go(10);
    expect(await clients.stop()).toEqual([]);
    for (const each of clients.processes) await each.stop();
  });

  it("the oldest program serves again after all migrations are undone", async () => {
    for (const name of ["contracting", "expanding"])
      expect((await command(of(owning, latest), ["db-down"])).stdout).toMatch(
        new RegExp(`^Reverted migration \\d+ \\(${name}\\)\\.$`, "m"),
      );
    const clients = startClients(4, [await startServe(serving)]);
    await clients.go(5);
    expect(await clients.stop()).toEqual([]);
    for (const each of clients.processes) await each.stop();
  });
});
