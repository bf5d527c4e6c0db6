// The command `db-clean`. It is apart from the migrations, which load no management.
import type { OldRowKind } from "../../store/sql/rows/old-rows.js";
import type { CommandContext, CommandInput } from "../command.js";
import { table } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

const names: Readonly<Record<OldRowKind, string>> = {
  sessions: "sessions",
  connections: "connections of applications",
  revocations: "revocations",
  attempts: "failed attempts, by login",
  sources: "failed attempts, by address",
  spent: "used login transactions",
  mail: "mails that were sent or dropped",
  user_events: "changes of users without a hook",
  invites: "old invitations",
  keys: "expired API keys",
  imports: "users of interrupted imports",
  audit: "audit log",
};

export async function cleanDatabase(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const onWait = () => terminal.note("Another process is removing old rows. Waiting for it.");
  const counts = await withManagement(context, ({ housekeeping }) => housekeeping.run({ onWait }));
  if (input.has("--json")) return terminal.printJson(counts);
  const rows = Object.entries(names).map(([kind, name]) => [name, String(counts[kind as OldRowKind])]);
  terminal.printTable(table(["ROWS", "REMOVED"], rows));
}
