import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failure.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: id } = input;
  const login = input.text("--login");
  const all = input.has("--all");
  if ([id !== undefined, login !== undefined, all].filter(Boolean).length !== 1) {
    throw new UsageError("give one of ID, --login and --all");
  }
  await withManagement(context, async ({ sessions }) => {
    if (id !== undefined) {
      if (!(await sessions.end(id))) throw new CommandFailure("there is no such live session");
      context.terminal.note("The session has ended.");
    } else if (login !== undefined) {
      for (const userId of await sessions.findUserIds(login)) await sessions.endForUser(userId);
      context.terminal.note("Every session of the user has ended.");
    } else {
      await sessions.endForEveryone();
      context.terminal.note("Every session has ended.");
    }
  });
}
