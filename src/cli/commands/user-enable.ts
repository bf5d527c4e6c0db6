import type { CommandContext, CommandInput } from "../command.js";
import { withManagement } from "../with-management.js";

export async function run({ argument: login = "" }: CommandInput, context: CommandContext): Promise<void> {
  await withManagement(context, ({ users }) => users.enable(login));
  context.terminal.note("The user may log in again.");
}
