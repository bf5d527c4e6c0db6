// The contract of a store over a real PostgreSQL server, as a role that cannot change the schema.
import { openPostgres } from "../../dist/store/postgres/store.js";
import { useDatabase } from "../world/use-postgres.js";
import { storeContract } from "./contract.js";

const database = useDatabase();

storeContract("PostgreSQL", async () => {
  await database.empty();
  return openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
});
