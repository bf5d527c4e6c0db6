// The contract of a store over SQLite in a file, with each library that this Node has. sqlite-memory.system.test.ts has the other.
import path from "node:path";
import { availableDrivers } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { freshFolder } from "../world/folder.js";
import { storeContract } from "./contract.js";

for (const driver of availableDrivers())
  storeContract(`SQLite in a file (${driver})`, () =>
    openSqlite({ path: path.join(freshFolder(), "ampho.db"), driver, migrate: true, log: () => {} }),
  );
