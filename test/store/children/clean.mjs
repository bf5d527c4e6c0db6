// Removes old audit rows under a lease of so many seconds, as fast as it can, and prints what each batch came to.
import { openStore } from "../../../dist/store/open-store.js";

const [url, holder, leaseSeconds, now] = process.argv.slice(2);
const store = await openStore({ url, migrate: false, notice: () => {} });
const lease = () => ({ holder, now: Number(now) + Math.floor(process.uptime()), leaseSeconds: Number(leaseSeconds) });
console.log(await store.takeHousekeeping({ ...lease(), everySeconds: undefined }));
for (;;) {
  const old = { kind: "audit", windowSeconds: 900, auditKeepSeconds: 1 };
  const { outcome, rows } = await store.removeOldRows({ ...lease(), ...old });
  console.log(`${outcome} ${rows}`);
  if (outcome === "lost" || rows === 0) break;
}
await store.close();
