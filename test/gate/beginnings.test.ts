// Nothing is written until something is proven. Every beginning leaves each table as it was, apart from the audit log and the
// counters of attempts.
import { expect, it } from "vitest";
import { password, type ReadResponse, type World } from "../world/ampho.js";
import { addOwner, type Ground, logIn, onBothDatabases, setUp } from "./owners.js";

const counters = ["ampho_audit", "ampho_attempts", "ampho_attempt_sources"];

async function tablesOf(ground: Ground, world: World): Promise<readonly string[]> {
  const [statement, column] = ground.urlOf(world).startsWith("sqlite:")
    ? ["select name from sqlite_master where type = 'table' and name like 'ampho%'", "name"]
    : ["select table_name from information_schema.tables where table_schema = 'ampho'", "table_name"];
  const rows = await ground.sql(world, statement);
  return rows.map((row) => String(row[column])).filter((name) => !counters.includes(name));
}

/** Every row of every other table. */
async function contentsOf(ground: Ground, world: World): Promise<Readonly<Record<string, unknown>>> {
  const contents: Record<string, unknown> = {};
  for (const table of await tablesOf(ground, world)) {
    if (table === "ampho_housekeeping") continue;
    const rows = await ground.sql(world, `select * from ${table}`);
    contents[table] = rows.map((row) => JSON.stringify(row)).sort();
  }
  return contents;
}

onBothDatabases((ground) => {
  it("no beginning of a login or an enrolment writes a row", async () => {
    const world = await ground.open({ throttleAttempts: 1000, factors: { "*": "optional", strict: "required" } });
    const ann = await addOwner(world, "ann");
    await world.user("bob", { password, roles: ["strict"] });
    const { id } = await world.user("cid", { password });
    const { token } = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
    const before = await contentsOf(ground, world);
    expect(Object.keys(before)).toEqual(expect.arrayContaining(["ampho_spent", "ampho_totp", "ampho_sessions"]));
    const enrolling = async () => {
      const { json } = await logIn(world, "bob");
      return world.call("POST", "/totp", { body: { transaction: json["transaction"] } });
    };
    const beginnings: readonly (readonly [status: number, begin: () => Promise<ReadResponse>])[] = [
      [200, () => world.call("GET", "/login")],
      [401, () => logIn(world, "ann")],
      [401, () => logIn(world, "bob")],
      [401, () => logIn(world, "nobody")],
      [401, () => world.call("POST", "/login", { body: {}, bearer: ann.weak.token })],
      [401, () => world.call("POST", "/login", { body: { login: "ann", password }, bearer: ann.weak.token })],
      [200, () => world.call("POST", "/totp", { bearer: token })],
      [200, enrolling],
    ];
    for (const [status, begin] of beginnings)
      for (let count = 0; count < 20; count++) expect((await begin()).status).toBe(status);
    expect(await contentsOf(ground, world)).toEqual(before);
  });

  it("wrong second factors and wrong codes of an enrolment write no row", async () => {
    const world = await ground.open({ throttleAttempts: 1000, throttleLock: 1000 });
    await addOwner(world, "ann");
    const { id } = await world.user("cid", { password });
    const { token } = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
    const { transaction: enrolment } = await setUp(world, token);
    const { transaction } = (await logIn(world, "ann")).json;
    const before = await contentsOf(ground, world);
    const unknown = "0000-0000-0000-0000-0000-0000";
    for (const response of [
      await world.call("POST", "/login", { body: { transaction, totp: "000000" } }),
      await world.call("POST", "/login", { body: { transaction, recovery_code: unknown } }),
      await logIn(world, "ann", { recovery_code: unknown }),
      await world.call("POST", "/totp/confirm", { body: { transaction: enrolment, totp: "000000" }, bearer: token }),
      await world.call("POST", "/totp/confirm", { body: { transaction: "x", totp: "000000" } }),
    ])
      expect(response.status, response.text).toBe(401);
    expect(await contentsOf(ground, world)).toEqual(before);
  });
});
