// The contract of a store over SQLite: in memory and in a file, with each library that this Node has.
import path from "node:path";
import { availableDrivers } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { freshFolder } from "../world/folder.js";
import { storeContract } from "./contract.js";

const quiet = { migrate: true, log: () => {} };

for (const driver of availableDrivers()) {
  storeContract(`SQLite in memory (${driver})`, () => openSqlite({ memory: true, driver, ...quiet }));
  storeContract(`SQLite in a file (${driver})`, () =>
    openSqlite({ path: path.join(freshFolder(), "ampho.db"), driver, ...quiet }),
  );
}
