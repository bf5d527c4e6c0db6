// The commands `user-invite` and `invite-…`.

import { systemClock } from "../../clock.js";
import type { InvitationView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { printList } from "../input.js";
import { formatTime } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

export async function inviteUser(input: CommandInput, context: CommandContext): Promise<void> {
  const invitation = { email: input.argument(), roles: input.texts("--role") };
  const { id, until } = await withManagement(context, ({ users }) => users.invite(invitation));
  context.terminal.note(
    `Invitation ${id} created. A running server mails it. It is valid until ${formatTime(until)} UTC.`,
  );
}

export async function listInvitations(input: CommandInput, context: CommandContext): Promise<void> {
  const found = await withManagement(context, ({ users }) => users.invitations.list());
  const now = systemClock.now();
  const cellsOf = (each: InvitationView) => {
    const { id, email, until, roles } = each;
    return [id, email, stateOf(each, now), formatTime(until), roles.join(" ")];
  };
  printList(input, context, found, ["ID", "ADDRESS", "STATE", "UNTIL (UTC)", "ROLES"], cellsOf, [0, 3]);
}

function stateOf({ used, removed, until }: InvitationView, now: number): string {
  if (used !== null) return "used";
  if (removed !== null) return "removed";
  return until > now ? "open" : "expired";
}

export async function removeInvitation(input: CommandInput, context: CommandContext): Promise<void> {
  const removed = await withManagement(context, ({ users }) => users.invitations.remove(input.argument()));
  if (!removed) throw new CommandFailure("There is no open invitation with this ID.");
  context.terminal.note("Invitation removed.");
}
