// Deletes old audit rows under a lease of so many seconds and prints the result of each batch. It pauses after each batch, so
// that a test can stop it there. A process that is stopped in the middle of a batch keeps the write lock of SQLite.
import { setTimeout as pause } from "node:timers/promises";
import { openStore } from "../../../dist/store/open.js";

const [url, holder, leaseSeconds, now] = process.argv.slice(2);
const store = await openStore({ url, migrate: false, log: () => {} });
const lease = () => ({ holder, now: Number(now) + Math.floor(process.uptime()), leaseSeconds: Number(leaseSeconds) });
console.log(await store.takeHousekeepingLease({ ...lease(), everySeconds: undefined }));
for (;;) {
  const old = { kind: "audit", windowSeconds: 900, auditKeepSeconds: 1 };
  const rows = (await store.deleteOldRows({ ...lease(), ...old }))?.rows;
  console.log(rows === undefined ? "lost" : `deleted ${rows}`);
  if (rows === undefined || rows === 0) break;
  await pause(500);
}
await store.close();
