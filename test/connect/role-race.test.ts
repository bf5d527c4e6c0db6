// A role that is lost while a code is redeemed, on PostgreSQL. The change of the role waits before its commit.
import pg from "pg";
import { beforeEach, describe, expect, it } from "vitest";
import { openWorld, password } from "../world/ampho.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { until } from "../world/wait.js";
import {
  addClient,
  askGuard,
  codeOf,
  connected,
  newVerifier,
  redeem,
  renew,
  settings,
  signIn,
  tokensOf,
  writers,
} from "./connections.js";

describe("on PostgreSQL", () => {
  const server = usePostgres();
  const database = useDatabase(server);
  beforeEach(() => database.empty());

  async function open() {
    const world = await openWorld({ databaseUrl: database.runtimeUrl, ...settings });
    const client = await addClient(world, "reader");
    const { id } = await world.ampho.users.create({ login: "alice", password, roles: ["editor"] });
    return { world, client, userId: id, bearer: await signIn(world) };
  }

  /** Takes the role away, and begins the work while that transaction has changed the connections. */
  async function duringRoleLoss<T>({ world }: Awaited<ReturnType<typeof open>>, work: () => Promise<T>): Promise<T> {
    const blocker = new pg.Client({ connectionString: database.runtimeUrl });
    await blocker.connect();
    await blocker.query("begin");
    await blocker.query("select 1 from ampho.ampho_state where id = 1 for update");
    const losing = world.ampho.users.setRoles("alice", { set: [] });
    // Until it waits for the number of its revocation.
    const waiting = `select 1 from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%last_revocation%'`;
    await until(async () => (await database.query(waiting)).length > 0);
    const working = work();
    await blocker.query("commit");
    await blocker.end();
    await losing;
    return await working;
  }

  it("M-85: a role that is lost while a code is redeemed is in no token that lives", async () => {
    const connect = await open();
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const late = tokensOf(await duringRoleLoss(connect, () => redeem(connect, code, verifier)));
    expect(await askGuard(connect.world, late.access, writers)).not.toMatchObject({ login: "alice" });
  });

  it("M-85: a role that is lost while an idle connection is renewed is in no token that lives", async () => {
    const connect = await open();
    const { refresh } = await connected(connect);
    connect.world.clock.advance(2000);
    await signIn(connect.world);
    const late = tokensOf(await duringRoleLoss(connect, () => renew(connect, refresh)));
    expect(await askGuard(connect.world, late.access, writers)).not.toMatchObject({ login: "alice" });
  });
});
