// Opens the database whose path is given, and prints what came of it as JSON.
import { openSqlite } from "../../../dist/store/sqlite/store.js";

const notices = [];
try {
  const store = await openSqlite({ path: process.argv[2], migrate: true, log: (line) => notices.push(line) });
  await store.findUser("nobody");
  await store.close();
  console.log(JSON.stringify({ opened: true, notices }));
} catch (error) {
  console.log(JSON.stringify({ opened: false, name: error.name, message: error.message }));
}
