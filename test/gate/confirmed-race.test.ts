// Two changes at the same moment that one code has confirmed. The row of the session decides between them, whatever
// other locks a change takes.
import pg from "pg";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { grantOf, openWorld, password } from "../world/ampho.js";
import { sessionOf } from "../world/tokens.js";
import { useDatabase } from "../world/use-postgres.js";
import { addPerson, confirm, openMailing } from "./mailboxes.js";
import { codeAt, outcomeOf, setUp } from "./owners.js";

const database = useDatabase();
beforeEach(() => database.empty());

it("a change that waits for another one, which uses the same confirmation, is rejected and changes nothing", async () => {
  const world = await openMailing({
    open: (options) => openWorld({ databaseUrl: database.runtimeUrl, ...options }),
    sql: (_, statement) => database.query(statement.replaceAll("ampho_", "ampho.ampho_")),
  });
  const { token } = await addPerson(world, "ann@x.example", password);
  const { secret, transaction } = await setUp(world, token);
  const app = { transaction, totp: codeAt(secret, world.clock.now()) };
  grantOf(await world.call("POST", "/totp/confirm", { bearer: token, body: app }));
  world.clock.advance(301);
  const body = { login: "ann@x.example", password, totp: codeAt(secret, world.clock.now()) };
  const thief = grantOf(await world.call("POST", "/login", { body }));
  const { token: bearer } = await confirm(world, thief.token, "codes_replaced");
  const codes = () => database.query("select * from ampho.ampho_recovery order by hash");
  const before = await codes();

  const other = new pg.Client({ connectionString: database.runtimeUrl });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query("begin");
  await other.query("update ampho.ampho_sessions set confirmed = null where id = $1 and confirmed = 'codes_replaced'", [
    sessionOf({ token: bearer }),
  ]);
  const raced = world.callOnce("POST", "/recovery-codes", { bearer });
  const waiting = `select 1 from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and query like '%confirmed = case%'`;
  await expect.poll(async () => (await database.query(waiting)).length).toBe(1);
  await other.query("commit");
  expect(outcomeOf(await raced)).toEqual([401, "confirmation_needed"]);
  expect(await codes()).toEqual(before);
});
