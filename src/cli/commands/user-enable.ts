import type { CommandContext, CommandInput } from "../command.js";
import { withAmpho } from "../with-ampho.js";

export async function run({ argument: login = "" }: CommandInput, context: CommandContext): Promise<void> {
  await withAmpho(context, ({ users }) => users.enable(login));
  context.terminal.note("The user may log in again.");
}
