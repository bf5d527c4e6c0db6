// The commands `mail-…`.
import type { MailView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { printList } from "../input.js";
import { formatTime } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

export async function listMail(input: CommandInput, context: CommandContext): Promise<void> {
  const found = await withManagement(context, ({ mail }) => mail.list());
  const header = ["ID", "TIME (UTC)", "KIND", "STATE", "ATTEMPTS", "FAILURE"];
  const cellsOf = (mail: MailView) => {
    const { id, kind, created, attempts, failure } = mail;
    return [String(id), formatTime(created), kind, stateOf(mail), String(attempts), failure ?? ""];
  };
  printList(input, context, found, header, cellsOf, [0, 1]);
}

function stateOf({ sent, next }: MailView): string {
  if (sent !== null) return "sent";
  return next === null ? "dropped" : "waiting";
}

export async function testMail(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  await withManagement(context, ({ mail }) => mail.test(input.argument(), (step) => terminal.note(step)));
}
