// The contract of a store over a real PostgreSQL server, as a role that cannot change the schema.
import { openPostgres } from "../../dist/store/postgres/store.js";
import { storeContract } from "./contract.js";
import { useDatabase } from "./use-postgres.js";

const database = useDatabase();

storeContract("PostgreSQL", async () => {
  await database.empty();
  return openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
});
