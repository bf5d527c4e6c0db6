// The command `audit-list`.
import { systemClock } from "../../clock.js";
import type { CommandContext, CommandInput } from "../command.js";
import { UsageError } from "../failures.js";
import { printList, readTime } from "../input.js";
import { formatTime } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

const defaultLimit = 1000;

export async function listAudit(input: CommandInput, context: CommandContext): Promise<void> {
  const since = readTime("--since", input.text("--since"), systemClock.now());
  const limit = readLimit(input.text("--limit"));
  const [login, id] = [input.text("--login"), input.text("--user-id")];
  if (login !== undefined && id !== undefined) throw new UsageError("Give --login or --user-id, not both.");
  const filter = { ...(id === undefined ? { login } : { id }), since, limit };
  const rows = await withManagement(context, ({ audit }) => audit.list(filter));
  const cellsOf = ({ at, event, login, reason, origin }: (typeof rows)[number]) => {
    const by = origin.operator ?? origin.address ?? origin.actor;
    return [formatTime(at), event, login ?? "", by, reason ?? ""];
  };
  printList(input, context, rows, ["TIME (UTC)", "EVENT", "LOGIN", "BY", "REASON"], cellsOf, [0, 1]);
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return defaultLimit;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError("--limit must be a whole number from 1 to 9999999.");
  return Number(text);
}
