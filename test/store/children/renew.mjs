// Renews one session ten times at once for each line that comes in (a renewal as JSON), and prints the outcomes.
import { createInterface } from "node:readline";
import { openSqlite } from "../../../dist/store/sqlite/store.js";

const store = await openSqlite({ path: process.argv[2], migrate: true, log: () => {} });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const input = JSON.parse(line);
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => store.renewSession(input)));
  console.log(JSON.stringify(outcomes.map(({ outcome, session }) => `${outcome} ${session?.gen}`)));
}
await store.close();
