// The commands `connection-list` and `connection-end` with connections of a running instance.
import { expect, it } from "vitest";
import { askGuard, connected, openConnect, signIn } from "../connect/connections.js";
import { password } from "../world/ampho.js";
import { ampho } from "../world/command.js";
import { withinSecond } from "../world/deadline.js";
import { freshFolder } from "../world/folder.js";

it("an operator lists and ends one connection, those of a user, and those of an application", async () => {
  const opened = await openConnect();
  const { world, client } = opened;
  // A command has the clock of the machine.
  world.clock.advance(Math.floor(Date.now() / 1000) - world.clock.now());
  const connect = { ...opened, bearer: await signIn(world) };
  await world.ampho.users.create({ login: "bob", password, roles: ["editor"] });
  const ofBob = { ...connect, bearer: await signIn(world, "bob") };
  const tokens = [await connected(connect), await connected(connect), await connected(ofBob), await connected(ofBob)];
  const [cwd, env] = [freshFolder(), { AMPHO_DATABASE_URL: `sqlite:${world.databaseFile}` }];
  const run = (...args: readonly string[]) => ampho(args, { cwd, env });
  const lives = () =>
    Promise.all(tokens.map(async ({ access }) => typeof (await askGuard(world, access)) === "object"));

  const [newest] = await world.ampho.connections.list({ login: "alice" });
  const listed = await run("connection-list", "--login", "alice");
  expect(listed.stdout).toMatch(new RegExp(`^${newest?.id} +reader +alice +articles:rea`, "m"));
  for (const { access, refresh } of tokens)
    for (const secret of [access, refresh]) expect(listed.stdout).not.toContain(secret);
  const ofClient = JSON.parse((await run("connection-list", "--client", client, "--json")).stdout);
  expect(ofClient.map((one: { readonly login: string }) => one.login)).toEqual(["alice", "alice", "bob", "bob"]);
  expect(JSON.parse((await run("connection-list", "--login", "alice", "--json")).stdout)[0]).toEqual(newest);

  const named = `ampho: The database is ${world.databaseFile}.\n`;
  const ended = await run("connection-end", newest?.id ?? "");
  expect(ended).toEqual({ code: 0, stdout: "", stderr: `${named}Connection ended.\n` });
  await withinSecond(lives, [true, false, true, true]);
  expect((await run("connection-end", "--login", "alice")).stderr).toBe(
    `${named}1 connection of user "alice" ended.\n`,
  );
  await withinSecond(lives, [false, false, true, true]);
  expect((await run("connection-end", "--client", "reader")).stderr).toBe(
    `${named}Every connection to "reader" has ended.\n`,
  );
  await withinSecond(lives, [false, false, false, false]);
  const ends = (await world.ampho.audit.list()).filter(({ event }) => /^(?:service_)?connections?_ended$/.test(event));
  expect(ends.map(({ event, reason = "" }) => `${event} ${reason}`.trim())).toEqual([
    "connection_ended ended_by_operator",
    "connection_ended ended_by_operator",
    "service_connections_ended",
    "connection_ended client",
    "connection_ended client",
  ]);
  for (const { origin } of ends)
    expect(origin).toMatchObject({ actor: "operator", operator: expect.stringContaining("@") });
});
