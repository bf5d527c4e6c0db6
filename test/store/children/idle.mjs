// Uses a database and never closes it. Nothing must keep this process alive.
import { openSqlite } from "../../../dist/store/sqlite/store.js";

const store = await openSqlite({ path: process.argv[2], migrate: true, log: () => {} });
const origin = { actor: "application" };
await store.recordAudit({ at: 1, event: "login_rejected", origin });
console.log("done");
// Not awaited: what was asked for is still finished.
void store.recordAudit({ at: 2, event: "login_rejected", origin });
