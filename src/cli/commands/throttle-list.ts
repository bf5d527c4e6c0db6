import type { HeldBack } from "../../store/store.js";
import type { CommandContext, CommandInput } from "../command.js";
import { table, timeOf } from "../table.js";
import { withManagement } from "../with-management.js";

/** What each kind of count is, for people. */
const names: Readonly<Record<HeldBack["kind"], string>> = {
  login: "login, from strange places",
  device: "login, from one known place",
  devices: "login, from known places",
  session: "password change, one session",
  sessions: "password change",
  place: "address",
};

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const all = await withManagement(context, ({ throttle }) => throttle.list());
  if (input.has("--json")) return terminal.printJson(all);
  const rows = all.map(({ kind, login, place, failures, until }) => [
    place ?? login ?? "(no such account)",
    names[kind],
    String(failures),
    until === null ? "cleared" : timeOf(until),
  ]);
  terminal.printTable(table(["WHO", "WHAT", "FAILED", "UNTIL (UTC)"], rows, [3]));
}
