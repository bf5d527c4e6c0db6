// The contract of a store over a real PostgreSQL server, as a role that cannot change the schema.
import { afterAll, beforeAll } from "vitest";
import { openPostgres } from "../../dist/store/postgres.js";
import { storeContract } from "./contract.js";
import { type Database, type PostgresServer, startPostgres } from "./postgres-server.js";

let server: PostgresServer;
let database: Database;
beforeAll(async () => {
  server = await startPostgres();
  database = await server.database();
});
afterAll(() => server.stop());

storeContract("PostgreSQL", async () => {
  await database.empty();
  return openPostgres({ url: database.runtimeUrl, migrate: false, notice: () => {} });
});
