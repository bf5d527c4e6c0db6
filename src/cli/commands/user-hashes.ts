import type { CommandContext, CommandInput } from "../command.js";
import { table } from "../table.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const counts = await withManagement(context, ({ users }) => users.countHashFormats());
  if (input.has("--json")) return terminal.printJson(counts);
  const rows = counts.map(({ format, current, users }) => [
    format ?? "none",
    String(users),
    current || format === null ? "" : "replaced at the next login",
  ]);
  terminal.printTable(table(["FORMAT", "USERS", ""], rows));
}
