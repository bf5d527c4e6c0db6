// A change of the address that waits, for a user who has lost the mailbox (docs/reference/changes.md). It has no row of
// its own. It is open as long as the mail with its code stands in the outbox, where the mail keeps its claims until the
// code is over.
import type { Origin } from "../../../audit/entry.js";
import { integer, text } from "../../rows.js";
import { exists, first, query, type Transaction, write } from "../../transaction.js";
import { writeLanguage } from "../factors/account-factors.js";
import { recordAudit } from "../rows/audit.js";
import { leavingKind, type MailClaims, waitingKind } from "../rows/mail-rows.js";
import { asInteger, asJson, asText, type RowOf, tableOf } from "../rows/table.js";

const waiting = tableOf("ampho_mail", {
  n: asInteger,
  /** The new address. */
  address: asText,
  claims: asJson<MailClaims>(),
  /** The code is good until then. */
  until: asInteger,
});
export type EmailWait = RowOf<typeof waiting>;

const isOpen = "address <> '' and until > ?";

/** The change that waits, or whose code was mailed. Not one from before all sessions were ended. */
export function* findEmailWait(input: {
  readonly userId: string;
  readonly now: number;
}): Transaction<EmailWait | undefined> {
  const row = yield* first(`${waiting.select} where user_id = ? and kind = '${waitingKind}' and ${isOpen}`, [
    input.userId,
    input.now,
  ]);
  if (row === undefined) return undefined;
  const found = waiting.of(row);
  const state = yield* first("select era from ampho_state where id = 1", []);
  return state && integer(state, "era") === found.claims["era"] ? found : undefined;
}

/** Uses the change up. False: it has ended. */
export const useEmailWait = ({ n }: Pick<EmailWait, "n">, now: number): Transaction<boolean> =>
  exists(`delete from ampho_mail where n = ? and ${isOpen} returning n`, [n, now]);

/** While an application's own table makes the change, no session stops it. */
const takenKind = "email_later_taken";

/** Takes the change for the time in which the table makes it. False: it has ended. */
export const takeEmailWait = ({ n }: Pick<EmailWait, "n">, now: number): Transaction<boolean> =>
  exists(
    `update ampho_mail set kind = '${takenKind}' where n = ? and kind = '${waitingKind}' and ${isOpen} returning n`,
    [n, now],
  );

/** It stays ended if something has ended it meanwhile. */
export const giveWaitBack = ({ n }: Pick<EmailWait, "n">): Transaction<void> =>
  write(`update ampho_mail set kind = '${waitingKind}' where n = ? and kind = '${takenKind}'`, [n]);

const kinds = `('${leavingKind}', '${waitingKind}', '${takenKind}')`;

/** Deletes the mails of the change that were not sent, and the one with its code. */
export function* endEmailWait(input: {
  readonly userId: string;
  readonly login: string | undefined;
  readonly now: number;
  readonly origin: Origin;
  readonly reason: string;
  readonly sessionId?: string | undefined;
}): Transaction<void> {
  const { now: at, ...about } = input;
  const sql = `delete from ampho_mail where user_id = ? and kind in ${kinds} and address <> '' returning kind, until`;
  const ended = yield* query(sql, [input.userId]);
  if (ended.some((row) => text(row, "kind") === waitingKind && integer(row, "until") > at))
    yield* recordAudit({ at, event: "email_change_stopped", ...about });
}

/** With the sessions of all users. A code that was mailed is void by the era. */
export const endEmailWaits = (): Transaction<void> =>
  write(`delete from ampho_mail where next_at is not null and until >= 0 and kind in ${kinds}`, []);

/** A code of the present mailbox was used, so its user has not lost it. */
export function* noteMailCode(input: Omit<Parameters<typeof endEmailWait>[0], "reason">): Transaction<void> {
  const { userId, login, now, origin } = input;
  yield* writeLanguage(userId, origin);
  yield* endEmailWait({ userId, login, now, origin, reason: "code_used" });
}
