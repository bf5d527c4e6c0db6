import type { CommandContext, CommandInput } from "../command.js";
import { newPassword } from "../new-password.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login = "" } = input;
  const password = await newPassword(input, context.terminal);
  await withManagement(context, ({ users }) => users.setPassword(login, password));
  context.terminal.note("The password is new, and every session of the user has ended.");
}
