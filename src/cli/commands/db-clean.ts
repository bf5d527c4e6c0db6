import type { OldRowKind } from "../../store/sql/old-rows.js";
import type { CommandContext, CommandInput } from "../command.js";
import { table } from "../table.js";
import { withManagement } from "../with-management.js";

const names: Readonly<Record<OldRowKind, string>> = {
  sessions: "sessions",
  revocations: "revocations",
  attempts: "failed attempts, by login",
  sources: "failed attempts, by address",
  imports: "users of imports that were given up",
  audit: "audit log",
};

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const onWait = () => terminal.note("Another process removes old rows: waiting for it.");
  const counts = await withManagement(context, ({ housekeeping }) => housekeeping.run({ onWait }));
  if (input.has("--json")) return terminal.printJson(counts);
  const rows = Object.entries(names).map(([kind, name]) => [name, String(counts[kind as OldRowKind])]);
  terminal.printTable(table(["WHAT", "REMOVED"], rows));
}
