// The commands `session-…`.
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import { exactlyOne } from "../input.js";
import { formatTime, quoted, table } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

/** Prints `2026-01-31 23:59` without seconds, because the identifier beside it is long. */
const minuteOf = (seconds: number) => formatTime(seconds).slice(0, 16);

export async function listSessions(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const all = await withManagement(context, async ({ sessions }) => {
    const lists = [];
    for (const userId of await sessions.findUserIds(input.argument())) lists.push(...(await sessions.list(userId)));
    return lists;
  });
  if (input.has("--json")) return terminal.printJson(all);
  const rows = all.map(({ id, renewed, expires, address, agent }) => [
    id,
    minuteOf(renewed),
    minuteOf(expires),
    [address, agent].filter((one) => one !== null).join(" "),
  ]);
  terminal.printTable(table(["ID", "RENEWED", "EXPIRES (UTC)", "FROM"], rows, [0]));
}

export async function endSessions(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.optionalArgument();
  const login = input.text("--login");
  if (input.has("--keys") && !input.has("--all")) throw new UsageError("--keys needs --all.");
  exactlyOne({ ID: id !== undefined, "--login": login !== undefined, "--all": input.has("--all") });
  await withManagement(context, async ({ sessions }) => {
    if (id !== undefined) {
      if (!(await sessions.end(id))) throw new CommandFailure("There is no live session with this ID.");
      context.terminal.note("Session ended.");
    } else if (login !== undefined) {
      for (const userId of await sessions.findUserIds(login)) await sessions.endForUser(userId);
      context.terminal.note(`Every session of user ${quoted(login)} has ended.`);
    } else {
      const keys = input.has("--keys");
      await sessions.endForEveryone({ keys });
      context.terminal.note(keys ? "Every session and every API key has ended." : "Every session has ended.");
    }
  });
}
