// Holds the write lock of the database whose path is given until a line comes in, and says so.
import { createInterface } from "node:readline";
import { loadDriver } from "../../../dist/store/sqlite-driver.js";

const { DatabaseSync } = loadDriver(undefined);
const database = new DatabaseSync(process.argv[2]);
database.exec("pragma busy_timeout = 5000");
database.exec("begin immediate");
console.log("locked");
createInterface({ input: process.stdin }).once("line", () => {
  database.exec("commit");
  database.close();
  console.log("released");
  process.stdin.destroy();
});
