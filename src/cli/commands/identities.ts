// The commands `identity-list` and `identity-remove`.
import type { CommandContext, CommandInput } from "../command.js";
import { requiredReason } from "../input.js";
import { formatTime, quoted, table } from "../terminal/table.js";
import { forUser } from "./factors.js";

export async function listIdentities(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const identities = await forUser(input, context, (management, userId) => management.identities.list(userId));
  if (input.has("--json")) return terminal.printJson(identities);
  const rows = identities.map(({ id, provider, subject, email, created, used }) => [
    ...[id, provider, subject, email ?? "", formatTime(created), used === null ? "" : formatTime(used)],
  ]);
  terminal.printTable(table(["ID", "PROVIDER", "SUBJECT", "EMAIL", "SINCE (UTC)", "USED (UTC)"], rows, [0]));
}

export async function removeIdentity(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.secondArgument() ?? "";
  const reason = requiredReason(input, "identity-remove");
  await forUser(input, context, ({ identities }, userId) => identities.remove(userId, { id, reason }));
  context.terminal.note(
    `The identity of user ${quoted(input.argument())} was unlinked. Every session of the user has ended.`,
  );
}
