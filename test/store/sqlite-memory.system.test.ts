// The contract of a store over SQLite in memory, with each library that this Node has.
import { availableDrivers } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { storeContract } from "./contract.js";

for (const driver of availableDrivers())
  storeContract(`SQLite in memory (${driver})`, () =>
    openSqlite({ memory: true, driver, migrate: true, log: () => {} }),
  );
