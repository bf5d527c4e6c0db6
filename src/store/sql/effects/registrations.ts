// Users who register themselves, and invitations (docs/guides/mail-flows.md). A user is created with a proven
// address, in the transaction that uses up the code. Nothing of a user exists before.
import type { Origin } from "../../../audit/entry.js";
import { text, textOrNull } from "../../rows.js";
import { advisoryLock, exists, first, query, type Transaction, write } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import { addressOfRow, holderOf, visible } from "../rows/import-rows.js";
import { insertMail, type MailDraft } from "../rows/mail-rows.js";
import type { Ending } from "../rows/session-rows.js";
import { asInteger, asText, asTexts, named, orNull, type RowOf, tableOf } from "../rows/table.js";
import { addressOf, insertUser, type NewUserRow, type User, users } from "../rows/users.js";

export interface UserRegistration {
  readonly user: NewUserRow;
  /** The invitation that is used up. */
  readonly invitation: string | undefined;
  /** Is sent to the address if an account has it by now. */
  readonly existsMail: MailDraft | undefined;
}

/** `taken`: an account has the address, which only its mailbox learns. `closed`: the invitation is not valid. */
export function* register(
  { user, invitation, existsMail }: UserRegistration,
  { now, origin }: Ending,
): Transaction<"created" | "taken" | "login_taken" | "closed"> {
  if (invitation !== undefined && !(yield* useInvitation({ id: invitation, now }))) return "closed";
  const outcome = yield* insertUser(user, now);
  if (outcome === "created") {
    const detail = { roles: user.roles, ...(invitation !== undefined && { invitation }) };
    yield* recordAudit({ at: now, event: "registered", userId: user.id, login: user.login, origin, detail });
    return "created";
  }
  if (invitation !== undefined) yield* returnInvitation({ id: invitation, now });
  const holder = yield* holderOf("address", addressOf(user));
  // The user can choose another login. The address itself can be the login name of a user who has given the address up.
  const isLogin = holder.kind !== "user";
  const reason = isLogin ? "login_taken" : "email_taken";
  yield* recordAudit({ at: now, event: "registration_rejected", reason, origin });
  if (isLogin) return "login_taken";
  // Not to the spelling that was typed, because another mailbox can have that one.
  const row = existsMail && (yield* first("select email from ampho_users where id = ?", [holder.userId]));
  if (row) yield* insertMail({ ...existsMail, address: textOrNull(row, "email") ?? existsMail.address }, now);
  return "taken";
}

export interface InvitationUse {
  readonly id: string;
  readonly now: number;
}

const isOpen = "used_at is null and removed_at is null and until > ?";

/**
 * Uses up all invitations for the address, because a deleted user would come back with another one. False: this one was
 * used or taken back before, or is over.
 */
export function* useInvitation({ id, now }: InvitationUse): Transaction<boolean> {
  const invitation = yield* invitations.first("where id = ?", [id]);
  if (invitation === undefined) return false;
  // Two invitations for one address can be used at once.
  yield* advisoryLock(`invitations for ${invitation.canonical}`);
  if (!(yield* exists(`select 1 from ampho_invites where id = ? and ${isOpen}`, [id, now]))) return false;
  const sql = `update ampho_invites set used_at = ? where email_canonical = ? and ${isOpen} returning id`;
  const used = yield* query(sql, [now, invitation.canonical, now]);
  return used.some((row) => text(row, "id") === id);
}

/** Makes the invitations usable again that this use has used up. */
export const returnInvitation = ({ id, now }: InvitationUse): Transaction<void> =>
  write(
    `update ampho_invites set used_at = null
     where email_canonical = (select email_canonical from ampho_invites where id = ?) and used_at = ?`,
    [id, now],
  );

/** Finds the user whose address it is. A login that is an address counts as the one of a user who has no other. */
export const findUserByAddress = (canonical: string): Transaction<User | undefined> =>
  users.firstLast(`where ${addressOfRow} = ? and ${visible}`, [canonical]);

const invitations = tableOf("ampho_invites", {
  id: asText,
  /** As it is mailed. */
  email: asText,
  canonical: named("email_canonical", asText),
  roles: asTexts,
  /** The user id of the inviter. Null for an operator or the application. */
  invitedBy: orNull(asText),
  createdAt: asInteger,
  until: asInteger,
  usedAt: orNull(asInteger),
  removedAt: orNull(asInteger),
});
export type Invitation = RowOf<typeof invitations>;

export function* createInvitation(input: {
  readonly invitation: Invitation;
  readonly mail: MailDraft | undefined;
  readonly origin: Origin;
}): Transaction<void> {
  const { invitation, mail, origin } = input;
  const { id, roles, invitedBy, createdAt: at } = invitation;
  yield* write(invitations.insert, invitations.values(invitation));
  if (mail) yield* insertMail(mail, at);
  const detail = { invitation: id, roles };
  yield* recordAudit({ at, event: "invited", userId: invitedBy ?? undefined, origin, detail });
}

export const findInvitation = (id: string): Transaction<Invitation | undefined> =>
  invitations.firstLast("where id = ?", [id]);

/** Finds the invitations for addresses of a canonical form that can be used, the newest first. */
export function* findInvitationsFor(input: {
  readonly canonical: string;
  readonly now: number;
}): Transaction<readonly Invitation[]> {
  const found = yield* invitations.allLast(
    "where email_canonical = ? and used_at is null and removed_at is null and until > ?",
    [input.canonical, input.now],
  );
  return [...found].sort((a, b) => b.createdAt - a.createdAt);
}

/** The newest invitations, in the order in which they were created. */
export function* listInvitations({ limit }: { readonly limit: number }): Transaction<readonly Invitation[]> {
  return [
    ...(yield* invitations.allLast("where created_at >= 0 order by created_at desc, id limit ?", [limit])),
  ].reverse();
}

/** False if there is no such invitation, or it was used or taken back before. */
export function* removeInvitation({ id, now, origin }: Ending & { readonly id: string }): Transaction<boolean> {
  const isRemoved = yield* exists(
    "update ampho_invites set removed_at = ? where id = ? and used_at is null and removed_at is null returning id",
    [now, id],
  );
  if (isRemoved) yield* recordAudit({ at: now, event: "invitation_removed", origin, detail: { invitation: id } });
  return isRemoved;
}

/**
 * Ends the invitations for an address, whose user would come back with their roles. `isDeleted`: no row keeps the
 * address of a deleted user.
 */
export function* endInvitations(
  canonical: string,
  { now: at, origin, reason, isDeleted }: Ending & { readonly reason: string; readonly isDeleted: boolean },
): Transaction<void> {
  const sql = `update ampho_invites set removed_at = ? where email_canonical = ? and ${isOpen} returning id`;
  for (const row of yield* query(sql, [at, canonical, at])) {
    const detail = { invitation: text(row, "id") };
    yield* recordAudit({ at, event: "invitation_removed", reason, origin, detail });
  }
  if (isDeleted) yield* write("delete from ampho_invites where email_canonical = ?", [canonical]);
}
