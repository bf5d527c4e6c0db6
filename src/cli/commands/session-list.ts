import type { CommandContext, CommandInput } from "../command.js";
import { formatTime, table } from "../table.js";
import { withManagement } from "../with-management.js";

/** `2026-01-31 23:59`: the identifier beside it is long. */
const minuteOf = (seconds: number) => formatTime(seconds).slice(0, 16);

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login = "" } = input;
  const { terminal } = context;
  const all = await withManagement(context, async ({ sessions }) => {
    const lists = [];
    for (const userId of await sessions.findUserIds(login)) lists.push(...(await sessions.list(userId)));
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
