// The commands `factor-…`, except `factor-rekey`, `device-forget` and `identity-…`.
import type { FactorRemovalTarget, Management } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { exactlyOne, requiredReason } from "../input.js";
import { formatTime, quoted, table } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";

/** The id of the user of the argument, which is an id with --id, and where the application has its own table. */
export async function userIdOf(input: CommandInput, { factors }: Management): Promise<string> {
  return input.has("--id") ? input.argument() : factors.findUserId(input.argument());
}

const forUser = <T>(
  input: CommandInput,
  context: CommandContext,
  work: (management: Management, userId: string) => Promise<T>,
): Promise<T> => withManagement(context, async (management) => work(management, await userIdOf(input, management)));

export async function listFactors(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const found = await forUser(input, context, (management, userId) => management.factors.list(userId));
  if (input.has("--json")) return terminal.printJson(found);
  const rows = found.factors.map((factor) => {
    if ("since" in factor) return [factor.id, "", formatTime(factor.since), "", ""];
    if ("left" in factor) return [factor.id, "", "", "", String(factor.left)];
    const { id, name, created, used } = factor;
    return [id, name, formatTime(created), used === null ? "" : formatTime(used), ""];
  });
  terminal.printTable(table(["ID", "NAME", "SINCE (UTC)", "USED (UTC)", "LEFT"], rows, [0]));
  const instead = found.insteadOf === null ? "" : ` It is weaker than ${found.insteadOf}, that of the user's roles.`;
  terminal.note(
    found.policy === null
      ? "Policy: that of the user's roles."
      : `Policy: ${found.policy}, for this user alone.${instead}`,
  );
}

export async function removeFactors(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.secondArgument();
  const all = input.has("--all");
  exactlyOne({ ID: id !== undefined, "--all": all });
  const reason = requiredReason(input, "factor-remove");
  const target: FactorRemovalTarget = id === undefined ? { all: true, reason } : { id, reason };
  await forUser(input, context, ({ factors }, userId) => factors.remove(userId, target));
  context.terminal.note(
    `Second factors of user ${quoted(input.argument())} removed. Every session of the user has ended.`,
  );
}

export async function setPolicy(input: CommandInput, context: CommandContext): Promise<void> {
  const typed = input.secondArgument();
  const policy = typed === "optional" || typed === "required" || typed === "phr" ? typed : "default";
  const reason = input.text("--reason") === undefined ? undefined : requiredReason(input, "factor-policy");
  await forUser(input, context, ({ factors }, userId) => factors.setPolicy(userId, policy, { reason }));
  const now = policy === "default" ? "that of the user's roles" : policy;
  context.terminal.note(`The policy of user ${quoted(input.argument())} is now ${now}.`);
}

export async function forgetDevices(input: CommandInput, context: CommandContext): Promise<void> {
  await forUser(input, context, ({ devices }, userId) => devices.forget(userId));
  context.terminal.note(`No device of user ${quoted(input.argument())} is remembered any more.`);
}

export const listIdentities = listing(
  async (management, input) => management.identities.list(await userIdOf(input, management)),
  ["ID", "PROVIDER", "SUBJECT", "EMAIL", "SINCE (UTC)", "USED (UTC)"],
  ({ id, provider, subject, email, created, used }) => {
    const usedAt = used === null ? "" : formatTime(used);
    return [id, provider, subject, email ?? "", formatTime(created), usedAt];
  },
  [0],
);

export async function removeIdentity(input: CommandInput, context: CommandContext): Promise<void> {
  const id = input.secondArgument() ?? "";
  const reason = requiredReason(input, "identity-remove");
  await forUser(input, context, ({ identities }, userId) => identities.remove(userId, { id, reason }));
  context.terminal.note(
    `The identity of user ${quoted(input.argument())} was unlinked. Every session of the user has ended.`,
  );
}
