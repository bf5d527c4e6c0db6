// A program from before the second factors, on a database that has them (W-102). It would log users in without their factor.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeEarlierProgram, type OtherProgram, present } from "../store/later-program.js";
import { alice } from "../world/people.js";
import { postLogin } from "../world/requests.js";
import { addUser, command, freshPlace, type Place, startServe, unthrottled } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let earlier: OtherProgram;
beforeAll(() => {
  earlier = makeEarlierProgram(1);
});
afterAll(() => earlier.remove());

const database = useDatabase();
const stores: readonly (readonly [string, () => readonly [serving: Place, owning: Place]])[] = [
  [
    "SQLite",
    () => {
      const place = freshPlace({ AMPHO_DATABASE_MIGRATE: "off", ...unthrottled });
      return [place, place];
    },
  ],
  [
    "PostgreSQL",
    () => {
      const serving = freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl, ...unthrottled });
      return [serving, { ...serving, env: { ...serving.env, AMPHO_DATABASE_URL: database.ownerUrl } }];
    },
  ],
];

describe.each(stores)("a program of schema 1 on %s", (_, open) => {
  it("a program of schema 1 neither starts nor works on schema 2 (W-102)", async () => {
    const [serving, owning] = open();
    expect(await command(owning, ["db-up"])).toMatchObject({ code: 0 });
    await addUser(serving);
    const rejected = expect.stringContaining(`schema version ${present}, but this program only knows 1`);
    for (const line of [["serve", "--port", "0"], ["user-list"], ["session-end", "--all"], ["db-current"]])
      expect(await command({ ...serving, program: earlier.main }, line)).toMatchObject({
        ...{ code: 1, stdout: "", stderr: rejected },
      });
    const served = await startServe(serving);
    expect((await postLogin(served.url, alice)).status).toBe(200);
    expect((await served.stop()).code).toBe(0);
  });
});
