import type { CommandContext, CommandInput } from "../command.js";
import { formatTime, table } from "../table.js";
import { withMigrations } from "../with-migrations.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const all = await withMigrations(context, (migrations) => migrations.list());
  if (input.has("--json")) return terminal.printJson(all);
  const rows = all.map(({ version, name, appliedAt }) => [
    String(version),
    name,
    appliedAt === null ? "" : formatTime(appliedAt),
  ]);
  terminal.printTable(table(["VERSION", "NAME", "APPLIED (UTC)"], rows));
}
