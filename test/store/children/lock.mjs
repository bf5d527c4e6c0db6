// Takes the write lock of a database and prints a line. It releases the lock after a line of input or some milliseconds.
import { createInterface } from "node:readline";
import { loadDriver } from "../../../dist/store/sqlite/driver.js";

const { DatabaseSync } = loadDriver(undefined);
const database = new DatabaseSync(process.argv[2]);
database.exec("pragma busy_timeout = 5000");
database.exec("begin immediate");
console.log("locked");
function release() {
  database.exec("commit");
  database.close();
  console.log("released");
  process.stdin.destroy();
}
const ms = process.argv[3];
if (ms === undefined) createInterface({ input: process.stdin }).once("line", release);
else setTimeout(release, Number(ms));
