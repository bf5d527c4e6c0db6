import type { CommandContext, CommandInput } from "../command.js";
import { withMigrations } from "../with-migrations.js";

export async function run(_: CommandInput, context: CommandContext): Promise<void> {
  const version = await withMigrations(context, (migrations) => migrations.current());
  context.terminal.print(String(version));
}
