// The commands `session-…`.
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import { exactlyOne } from "../input.js";
import { formatTime, quoted } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";

/** Prints `2026-01-31 23:59` without seconds, because the identifier beside it is long. */
const minuteOf = (seconds: number) => formatTime(seconds).slice(0, 16);

export const listSessions = listing(
  async ({ sessions }, input) => {
    const lists = [];
    const typed = input.argument();
    const ids = input.has("--id") ? [typed] : await sessions.findUserIds(typed);
    for (const userId of ids) lists.push(...(await sessions.list(userId)));
    return lists;
  },
  ["ID", "RENEWED", "EXPIRES (UTC)", "FROM"],
  ({ id, renewed, expires, address, agent }) => {
    const from = [address, agent].filter((one) => one !== null).join(" ");
    return [id, minuteOf(renewed), minuteOf(expires), from];
  },
  [0],
);

export async function endSessions(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.optionalArgument();
  const login = input.text("--login");
  const userId = input.text("--user-id");
  const all = input.has("--all");
  if (input.has("--api-keys") && !all) throw new UsageError("--api-keys needs --all.");
  exactlyOne({ ID: id !== undefined, "--login": login !== undefined, "--user-id": userId !== undefined, "--all": all });
  await withManagement(context, async ({ sessions }) => {
    if (id !== undefined) {
      if (!(await sessions.end(id))) throw new CommandFailure("There is no live session with this ID.");
      context.terminal.note("Session ended.");
    } else if (login !== undefined || userId !== undefined) {
      const ids = userId === undefined ? await sessions.findUserIds(login ?? "") : [userId];
      for (const each of ids) await sessions.endForUser(each);
      context.terminal.note(`Every session of user ${quoted(login ?? userId ?? "")} has ended.`);
    } else {
      const apiKeys = input.has("--api-keys");
      await sessions.endForEveryone({ apiKeys });
      context.terminal.note(apiKeys ? "Every session and every API key has ended." : "Every session has ended.");
    }
  });
}
