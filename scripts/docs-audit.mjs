// Writes the audit events in docs/reference/audit-events.md, between their marks, from src/audit/events.ts. Needs a build.
import { readFileSync } from "node:fs";
import { auditEvents } from "../dist/audit/events.js";
import { withGenerated } from "./generated.mjs";
import { wrap } from "./wrap.mjs";

const file = "docs/reference/audit-events.md";

/** Rows that test/http/examples.test.ts has read. */
const { audit } = JSON.parse(readFileSync(new URL("../test/http/examples.json", import.meta.url), "utf8"));

/** The path and the text of each generated page. */
export function generate() {
  const rows = Object.entries(auditEvents).map(([name, meaning]) => wrap(`- \`${name}\`: ${meaning}`, "  "));
  const examples = Object.keys(auditEvents).filter((name) => audit[name] !== undefined);
  const text = `${rows.join("\n")}

These are rows as \`ampho audit-list --json\` prints them, without the number \`n\`:

\`\`\`json
${examples.map((name) => JSON.stringify(audit[name])).join("\n")}
\`\`\`
`;
  return { [file]: withGenerated(file, "audit events", text) };
}
