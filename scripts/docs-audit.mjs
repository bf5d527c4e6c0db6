// Writes the table of audit events in docs/reference/audit-events.md, between its marks, from src/audit/events.ts. Needs a build.
import { auditEvents } from "../dist/audit/events.js";
import { withGenerated } from "./generated.mjs";

const file = "docs/reference/audit-events.md";

/** The path and the text of each generated page. */
export function generate() {
  const rows = Object.entries(auditEvents).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return { [file]: withGenerated(file, "audit events", `| event | meaning |\n| --- | --- |\n${rows.join("\n")}\n`) };
}
