// Removes old audit rows under a lease of so many seconds, as fast as it can, and prints what each batch came to.
import { openStore } from "../../../dist/store/open-store.js";

const [url, holder, leaseSeconds, now] = process.argv.slice(2);
const store = await openStore({ url, migrate: false, notice: () => {} });
const lease = () => ({ holder, now: Number(now) + Math.floor(process.uptime()), leaseSeconds: Number(leaseSeconds) });
console.log(await store.takeHousekeeping({ ...lease(), everySeconds: undefined }));
for (;;) {
  const old = { kind: "audit", windowSeconds: 900, auditKeepSeconds: 1 };
  // The server undoes a batch that the process was stopped in the middle of: the call fails, and the next one is told.
  const unavailable = () => ({ outcome: "unavailable" });
  const { outcome, rows } = await store.removeOldRows({ ...lease(), ...old }).catch(unavailable);
  console.log(`${outcome} ${rows}`);
  if (outcome === "lost" || rows === 0) break;
}
await store.close();
