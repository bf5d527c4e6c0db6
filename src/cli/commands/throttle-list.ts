import type { Lockout } from "../../throttle/attempt.js";
import type { CommandContext, CommandInput } from "../command.js";
import { formatTime, table } from "../table.js";
import { withManagement } from "../with-management.js";

/** What each kind of count is, for people. */
const names: Readonly<Record<Lockout["kind"], string>> = {
  login: "login, from strange sources",
  device: "login, from one known source",
  devices: "login, from known sources",
  session: "password change, one session",
  sessions: "password change",
  source: "address",
};

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const all = await withManagement(context, ({ throttle }) => throttle.list());
  if (input.has("--json")) return terminal.printJson(all);
  const rows = all.map(({ kind, login, source, failures, until }) => [
    source ?? login ?? "(no such account)",
    names[kind],
    String(failures),
    until === null ? "cleared" : formatTime(until),
  ]);
  terminal.printTable(table(["WHO", "WHAT", "FAILED", "UNTIL (UTC)"], rows, [3]));
}
