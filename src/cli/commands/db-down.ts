import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failure.js";
import { withMigrations } from "../with-migrations.js";

export async function run(_: CommandInput, context: CommandContext): Promise<void> {
  const undone = await withMigrations(context, (migrations) => migrations.down());
  if (undone === undefined) throw new CommandFailure("there is no migration to take back");
  context.terminal.print(`took back ${undone.version} ${undone.name}`);
}
