// The commands `user-invite` and `invite-…`.

import { systemClock } from "../../clock.js";
import type { InvitationView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { formatTime } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";
import { warnUnknownRoles } from "./users.js";

export async function inviteUser(input: CommandInput, context: CommandContext): Promise<void> {
  warnUnknownRoles(input.texts("--role"), context);
  const invitation = { email: input.argument(), roles: input.texts("--role") };
  const { id, until } = await withManagement(context, ({ users }) => users.invite(invitation));
  context.terminal.note(
    `Invitation ${id} created. A running server mails it. It is valid until ${formatTime(until)} UTC.`,
  );
}

export const listInvitations = listing(
  ({ users }) => users.invitations.list(),
  ["ID", "ADDRESS", "STATE", "UNTIL (UTC)", "ROLES"],
  (each) => [each.id, each.email, stateOf(each), formatTime(each.until), each.roles.join(" ")],
  [0, 3],
);

function stateOf({ used, removed, until }: InvitationView): string {
  if (used !== null) return "used";
  if (removed !== null) return "removed";
  return until > systemClock.now() ? "open" : "expired";
}

export async function removeInvitation(input: CommandInput, context: CommandContext): Promise<void> {
  const removed = await withManagement(context, ({ users }) => users.invitations.remove(input.argument()));
  if (!removed) throw new CommandFailure("There is no open invitation with this ID.");
  context.terminal.note("Invitation removed.");
}
