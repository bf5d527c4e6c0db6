// The commands `mail-…`.
import type { MailView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { formatTime } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";

export const listMail = listing(
  ({ mail }) => mail.list(),
  ["ID", "TIME (UTC)", "KIND", "STATE", "ATTEMPTS", "FAILURE"],
  ({ id, kind, created, attempts, failure, ...delivery }) => {
    return [String(id), formatTime(created), kind, stateOf(delivery), String(attempts), failure ?? ""];
  },
  [0, 1],
);

function stateOf({ sent, next }: Pick<MailView, "sent" | "next">): string {
  if (sent !== null) return "sent";
  return next === null ? "dropped" : "waiting";
}

export async function testMail(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  await withManagement(context, ({ mail }) => mail.test(input.argument(), (step) => terminal.note(step)));
}
