// Checks the runtime dependencies for known vulnerabilities. High and critical ones exit with 1.
// A registry without audits is not a failure. The script then prints a line and continues.
import { fileURLToPath } from "node:url";
import { spawnSync } from "./child-process.mjs";

let report;
try {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const args = ["audit", "--omit=dev", "--package-lock-only", "--json"];
  report = JSON.parse(spawnSync("npm", args, { cwd, encoding: "utf8", timeout: 120_000 }).stdout);
} catch {
  report = {};
}
const counts = report.metadata?.vulnerabilities;
if (counts === undefined) {
  process.stderr.write("audit: The registry does not support audits. Known vulnerabilities were not looked up.\n");
} else {
  process.stderr.write(`audit: ${counts.critical} critical, ${counts.high} high, ${counts.total} in all\n`);
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {}))
    process.stderr.write(`audit: ${severity}: ${name} ${range}\n`);
  if (counts.critical + counts.high > 0) process.exit(1);
}
