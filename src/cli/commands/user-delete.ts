import type { CommandContext, CommandInput } from "../command.js";
import { withManagement } from "../with-management.js";

export async function run({ argument: login = "" }: CommandInput, context: CommandContext): Promise<void> {
  await withManagement(context, ({ users }) => users.remove(login));
  context.terminal.note("The user is gone, and every session has ended.");
}
