// The commands `identity-list` and `identity-remove`.
import type { CommandContext, CommandInput } from "../command.js";
import { printList, requiredReason } from "../input.js";
import { formatTime, quoted } from "../terminal/table.js";
import { forUser } from "./factors.js";

export async function listIdentities(input: CommandInput, context: CommandContext): Promise<void> {
  const identities = await forUser(input, context, (management, userId) => management.identities.list(userId));
  const header = ["ID", "PROVIDER", "SUBJECT", "EMAIL", "SINCE (UTC)", "USED (UTC)"];
  const cellsOf = ({ id, provider, subject, email, created, used }: (typeof identities)[number]) => {
    const usedAt = used === null ? "" : formatTime(used);
    return [id, provider, subject, email ?? "", formatTime(created), usedAt];
  };
  printList(input, context, identities, header, cellsOf, [0]);
}

export async function removeIdentity(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.secondArgument() ?? "";
  const reason = requiredReason(input, "identity-remove");
  await forUser(input, context, ({ identities }, userId) => identities.remove(userId, { id, reason }));
  context.terminal.note(
    `The identity of user ${quoted(input.argument())} was unlinked. Every session of the user has ended.`,
  );
}
