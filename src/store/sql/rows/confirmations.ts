// The confirmation of a change of how a user signs in (docs/reference/changes.md). It is a code that was mailed for the
// change, a login by mail, a registration, or a passkey whose own set-up was confirmed. changes.ts names the changes.
import type { Origin } from "../../../audit/entry.js";
import { isRecent } from "../../../clock.js";
import { AmphoError } from "../../../errors.js";
import { integer, integerOrNull, textOrNull } from "../../rows.js";
import { exists, first, type Transaction, write } from "../../transaction.js";

const confirmedSeconds = 300;
const reviewSeconds = 900;

/** The removals that a code for `review` confirms. */
const reviewed = ["access_ended", "factor_removed", "identity_unlinked", "password_removed"];

/** In the column `confirmed`: every change. */
const everyChange = "*";

export interface ConfirmedSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly now: number;
  readonly origin: Origin;
}

export interface Confirmation {
  /** The session has confirmed the change. */
  readonly isConfirmed: boolean;
  /**
   * The ways to confirm it. Empty: the account has no mailbox, or no mails can be sent, and a recent login is enough.
   */
  readonly ways: readonly ("mail" | "passkey")[];
}

// The mailbox of an account is its proven address, or one that an operator has set with a reason.
const select = `select confirmed, confirmed_at,
    (select count(*) from ampho_users where id = ? and email is not null
       and (email_proven_at is not null or email_by_operator = 1)) as mailboxes,
    (select count(*) from ampho_passkeys where user_id = ? and confirmed = 1) as passkeys
  from (select 1 as one) as asked left join ampho_sessions on id = ? and user_id = ?`;

export function* readConfirmation(input: ConfirmedSession & { readonly change: string }): Transaction<Confirmation> {
  const { change, userId, sessionId, now, origin } = input;
  const row = (yield* first(select, [userId, userId, sessionId, userId])) ?? {};
  const [confirmed, at] = [textOrNull(row, "confirmed"), integerOrNull(row, "confirmed_at") ?? 0];
  const isConfirmed =
    confirmed === "review"
      ? reviewed.includes(change) && isRecent(at, reviewSeconds, now)
      : (confirmed === change || confirmed === everyChange) && isRecent(at, confirmedSeconds, now);
  const hasMailbox = origin.noticeTo === undefined ? integer(row, "mailboxes") > 0 : origin.noticeTo !== "";
  if (!hasMailbox || origin.language === undefined) return { isConfirmed, ways: [] };
  return { isConfirmed, ways: integer(row, "passkeys") > 0 ? ["mail", "passkey"] : ["mail"] };
}

/** Throws `confirmation_needed`. */
export function requireConfirmation(change: string, { isConfirmed, ways }: Confirmation): void {
  if (isConfirmed || ways.length === 0) return;
  const message = "This change needs a code that is mailed to the address of the account.";
  throw new AmphoError("confirmation_needed", message, { change, ways });
}

/** Uses the code up that has confirmed this change. The exception rolls back what the change has written. */
export function* useConfirmation(change: string, session: ConfirmedSession): Transaction<boolean> {
  const confirmation = yield* readConfirmation({ ...session, change });
  requireConfirmation(change, confirmation);
  if (!confirmation.isConfirmed) return false;
  // It must still be there, so that of two changes at the same moment one uses it.
  const sql = `update ampho_sessions set confirmed = case when confirmed = ? then null else confirmed end
    where id = ? and confirmed in (?, ?, ?) returning id`;
  const review = reviewed.includes(change) ? "review" : everyChange;
  const isConfirmed = yield* exists(sql, [change, session.sessionId, change, everyChange, review]);
  requireConfirmation(change, { ...confirmation, isConfirmed });
  return isConfirmed;
}

export const confirmSession = (sessionId: string, what: string, now: number): Transaction<void> =>
  write("update ampho_sessions set confirmed = ?, confirmed_at = ? where id = ?", [what, now, sessionId]);

/** A login confirms every change. `passkey`: only if the set-up of that passkey was confirmed. */
export const confirmByLogin = (sessionId: string, now: number, passkey: string | undefined): Transaction<void> =>
  write(
    `update ampho_sessions set confirmed = ?, confirmed_at = ? where id = ?
     and (cast(? as text) is null or exists (select 1 from ampho_passkeys where id = ? and confirmed = 1))`,
    [everyChange, now, sessionId, passkey ?? null, passkey ?? null],
  );
