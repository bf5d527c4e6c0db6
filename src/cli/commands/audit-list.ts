import type { CommandContext, CommandInput } from "../command.js";
import { UsageError } from "../failure.js";
import { readTime } from "../read-time.js";
import { formatTime, table } from "../table.js";
import { withManagement } from "../with-management.js";

const limitByDefault = 1000;

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const since = readTime("--since", input.text("--since"), Math.floor(Date.now() / 1000));
  const limit = readLimit(input.text("--limit"));
  const rows = await withManagement(context, ({ audit }) => audit.list({ login: input.text("--login"), since, limit }));
  if (input.has("--json")) return terminal.printJson(rows);
  const lines = rows.map(({ at, event, login, reason, origin }) => [
    formatTime(at),
    event,
    login ?? "",
    origin.operator ?? origin.address ?? origin.actor,
    reason ?? "",
  ]);
  terminal.printTable(table(["TIME (UTC)", "EVENT", "LOGIN", "BY", "REASON"], lines, [0, 1]));
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return limitByDefault;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError("--limit may be a whole number from 1 to 9999999");
  return Number(text);
}
