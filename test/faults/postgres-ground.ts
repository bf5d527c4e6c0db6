// Two applications on one PostgreSQL server of the test's own. The second reaches it through a proxy.
import { expect } from "vitest";
import { type Database, type OwnServer, startOwnPostgres } from "../world/postgres.js";
import { startApplication } from "./application.js";
import { keyOfAll, people, unthrottled } from "./ground.js";
import type { Ground } from "./trial.js";
import { startWireProxy, type WireProxy } from "./wire-proxy.js";

export interface PostgresGround extends Ground {
  readonly server: OwnServer;
  readonly database: Database;
  readonly proxy: WireProxy;
  close(): Promise<void>;
}

/** `through` are commands that start another one, for the first and the second application. */
export async function openPostgresGround({
  server: starting = startOwnPostgres("max_connections=40"),
  through: [first = [], second = []] = [],
}: {
  readonly server?: Promise<OwnServer>;
  readonly through?: readonly (readonly string[])[];
} = {}): Promise<PostgresGround> {
  const server = await starting;
  const database = await server.database();
  await database.empty();
  const proxy = await startWireProxy(server.port);
  const proxied = new URL(database.runtimeUrl);
  proxied.port = String(proxy.port);
  const start = (databaseUrl: string, command: readonly string[]) =>
    startApplication({ key: keyOfAll, databaseUrl, databaseMigrate: "off", ...unthrottled }, command);
  const apps = [await start(database.runtimeUrl, first), await start(proxied.href, second)];
  return {
    ...(await people(database.runtimeUrl, 9)),
    server,
    database,
    proxy,
    apps,
    rows: (sql) => database.query(sql.replace(/\bampho_/g, "ampho.ampho_")),
    connections: async () => {
      const [row] = await database.query(
        "select count(*)::int as n from pg_stat_activity where application_name = 'ampho' and datname = current_database()",
      );
      return Number(row?.["n"]);
    },
    close: async () => {
      const codes = await Promise.all(apps.map((app) => app.end()));
      await proxy.close();
      await server.stop();
      // Nothing that a fault has left keeps a process alive.
      expect(codes).toEqual([0, 0]);
    },
  };
}
