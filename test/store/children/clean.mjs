// Removes old audit rows under a lease of so many seconds, with a pause behind each batch in which it can be stopped (a stopped
// process that is in the middle of a batch keeps SQLite's write lock), and prints what each came to.
import { setTimeout as pause } from "node:timers/promises";
import { openStore } from "../../../dist/store/open.js";

const [url, holder, leaseSeconds, now] = process.argv.slice(2);
const store = await openStore({ url, migrate: false, log: () => {} });
const lease = () => ({ holder, now: Number(now) + Math.floor(process.uptime()), leaseSeconds: Number(leaseSeconds) });
console.log(await store.takeHousekeepingLease({ ...lease(), everySeconds: undefined }));
for (;;) {
  const old = { kind: "audit", windowSeconds: 900, auditKeepSeconds: 1 };
  const { outcome, rows } = await store.deleteOldRows({ ...lease(), ...old });
  console.log(`${outcome} ${rows}`);
  if (outcome === "lost" || rows === 0) break;
  await pause(500);
}
await store.close();
