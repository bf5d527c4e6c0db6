import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failure.js";
import { requireUser } from "../require-user.js";
import { withManagement } from "../with-ampho.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: id } = input;
  const login = input.text("--login");
  const all = input.has("--all");
  if ([id !== undefined, login !== undefined, all].filter(Boolean).length !== 1) {
    throw new UsageError("give one of ID, --login and --all");
  }
  await withManagement(context, async ({ users, sessions }) => {
    if (id !== undefined) {
      if (!(await sessions.end(id))) throw new CommandFailure("there is no such live session");
      context.terminal.note("The session has ended.");
    } else if (login !== undefined) {
      await sessions.endAll((await requireUser(users, login)).id);
      context.terminal.note("Every session of the user has ended.");
    } else {
      await sessions.endEvery();
      context.terminal.note("Every session has ended.");
    }
  });
}
