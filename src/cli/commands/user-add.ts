import type { CommandContext, CommandInput } from "../command.js";
import { newPassword } from "../new-password.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login = "" } = input;
  // Asked for before anything is opened: whoever breaks off has touched nothing.
  const password = await newPassword(input, context.terminal, { optional: true });
  await withManagement(context, async ({ users }) => {
    await users.create({ login, password, roles: input.texts("--role") });
    context.terminal.note(password === undefined ? "The user is made, without a password." : "The user is made.");
  });
}
