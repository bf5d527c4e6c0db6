// The commands `mail-…`.
import type { MailView } from "../../flows/manage/mail.js";
import type { CommandContext, CommandInput } from "../command.js";
import { formatTime, table } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

export async function listMail(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const found = await withManagement(context, ({ mail }) => mail.list());
  if (input.has("--json")) return terminal.printJson(found);
  const rows = found.map((each) => {
    const { id, kind, created, attempts, failure } = each;
    return [String(id), formatTime(created), kind, stateOf(each), String(attempts), failure ?? ""];
  });
  terminal.printTable(table(["ID", "TIME (UTC)", "KIND", "STATE", "ATTEMPTS", "FAILURE"], rows, [0, 1]));
}

function stateOf({ sent, next }: MailView): string {
  if (sent !== null) return "sent";
  return next === null ? "dropped" : "waiting";
}

export async function testMail(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  await withManagement(context, ({ mail }) => mail.test(input.argument(), (step) => terminal.note(step)));
}
