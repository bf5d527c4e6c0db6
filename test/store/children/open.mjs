// Prints a line when it has started. After a line of input it opens the database whose path is given, and prints what came of
// it as JSON.
import { once } from "node:events";
import { openSqlite } from "../../../dist/store/sqlite/store.js";

console.log("started");
await once(process.stdin, "data");
process.stdin.destroy();
const notices = [];
try {
  const store = await openSqlite({ path: process.argv[2], migrate: true, log: (line) => notices.push(line) });
  await store.findUser("nobody");
  await store.close();
  console.log(JSON.stringify({ opened: true, notices }));
} catch (error) {
  console.log(JSON.stringify({ opened: false, name: error.name, message: error.message }));
}
