// The log and the commands while the database responds, and a kind of request fails.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { password } from "../world/ampho.js";
import { ampho } from "../world/command.js";
import { freshFolder } from "../world/folder.js";

onBothDatabases((ground) => {
  it("the log states once why operations fail, and once that they work again, and a command states it too", async () => {
    const world = await ground.open();
    await world.user("alice", { password });
    const logIn = async () => (await world.call("POST", "/login", { body: { login: "alice", password } })).status;
    const lines = () => world.notices.filter((line) => line.includes("operation"));
    expect(await logIn()).toBe(200);
    await ground.sql(world, "alter table ampho_audit rename column event to gone");
    expect([await logIn(), await logIn()]).toEqual([503, 503]);
    await world.ampho.host.ready();
    const reason = /table ampho_audit has no column named event|a table or column of the schema is missing/;
    expect(lines()).toEqual([
      expect.stringMatching(
        new RegExp(`^The database operation \\w+ fails: (?:${reason.source})\\. Requests that need it get 503\\.$`),
      ),
    ]);
    const env = { AMPHO_DATABASE_URL: ground.urlOf(world) };
    const command = await ampho(["user-disable", "alice"], { cwd: freshFolder(), env });
    expect([command.code, command.stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `^ampho: The database is \\S+\\.\nampho: The database does not respond\\. The reason: (?:${reason.source})\\.\n$`,
        ),
      ),
    ]);
    await ground.sql(world, "alter table ampho_audit rename column gone to event");
    expect(await logIn()).toBe(200);
    expect(lines().slice(1)).toEqual(["All operations of the database work again."]);
  });
});
