import type { CommandContext, CommandInput } from "../command.js";
import { withMigrations } from "../with-migrations.js";

export async function run(_: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const applied = await withMigrations(context, (migrations) => migrations.up());
  for (const { version, name } of applied) terminal.print(`applied ${version} ${name}`);
  if (applied.length === 0) terminal.note("The schema is up to date.");
}
