// The outbox: mails are rows, written in the transaction of what causes them. A row contains no code and no link. They
// are derived from its claims when it is sent. Each attempt to send moves `next_at` first, so that one process of a
// fleet sends a mail, and another one only after the first has died.
import type { AuditEntry, Origin } from "../../../audit/entry.js";
import type { Attempt } from "../../../throttle/attempt.js";
import { integer, integerOrNull } from "../../rows.js";
import { queryLastRow, type Transaction, write } from "../../transaction.js";
import { settleAttempt } from "../attempts/attempts.js";
import { recordAudit } from "../rows/audit.js";
import { insertMail, leavingKind, type MailClaims, type MailDraft, waitingKind } from "../rows/mail-rows.js";
import { asInteger, asJson, asText, marks, orNull, type RowOf, tableOf } from "../rows/table.js";

const outgoing = tableOf("ampho_mail", {
  n: asInteger,
  userId: orNull(asText),
  address: asText,
  kind: asText,
  claims: asJson<MailClaims>(),
  language: asText,
  until: asInteger,
  /** How often sending it was tried, this time included. */
  tries: asInteger,
});
export type OutgoingMail = RowOf<typeof outgoing>;

/** Mails that are dropped at once. */
const droppedMax = 50;

// The present mailbox could not stop the change of the address (email-waits.ts) of which it knows nothing. With
// `exists`, PostgreSQL would read the notices of all users.
const isAnnounced = `(kind <> '${waitingKind}' or (select n from ampho_mail as notice
  where notice.user_id = ampho_mail.user_id and notice.kind = '${leavingKind}' and notice.next_at is not null
  limit 1) is null)`;

/** The present mailbox has at least so long after a notice. The last one is a day earlier, if mails can be sent. */
const announcedSeconds = 43_200;

/**
 * Takes mails that are due. Another process takes them after `holdSeconds`. Those that are too old are dropped, and do
 * not count, because a day without a mail server leaves many of them before the first that can be sent.
 */
export function* takeMail(input: {
  readonly now: number;
  readonly holdSeconds: number;
  readonly limit: number;
  /** The pages to which the caller's links lead. Instances with other pages send their own mails. */
  readonly pages: string;
  /** The kinds that the caller can compose. A program of a later version on the same database sends the others. */
  readonly kinds: readonly string[];
  /** The numbers of the mails that the caller still sends. Another process takes them, if the caller hangs. */
  readonly except: readonly number[];
}): Transaction<readonly OutgoingMail[]> {
  const { now, holdSeconds, limit, pages, kinds } = input;
  // Numbers begin at 1.
  const except = [0, ...input.except];
  const due = yield* outgoing.all(
    `where next_at <= ? and until > ? and pages = ? and kind in (${marks(kinds.length)})
     and n not in (${marks(except.length)}) and ${isAnnounced}
     order by next_at, n limit ?`,
    [now, now, pages, ...kinds, ...except, limit],
    "skipLocked",
  );
  const old = yield* outgoing.all(
    "where next_at is not null and until <= ? and next_at <= ? order by until, n limit ?",
    [now, now, droppedMax],
    "skipLocked",
  );
  for (const mail of old) {
    yield* close(mail.n, "expired");
    yield* recordMail(mail, "mail_dropped", now, "expired");
  }
  for (const { n } of due)
    yield* write("update ampho_mail set tries = tries + 1, next_at = ? where n = ?", [now + holdSeconds, n]);
  return due.map((mail) => ({ ...mail, tries: mail.tries + 1 }));
}

/** `retryAt` undefined: the mail is dropped. */
export type MailOutcome = { readonly sent: true } | { readonly failure: string; readonly retryAt: number | undefined };

export function* settleMail(input: {
  readonly mail: Pick<OutgoingMail, "n" | "kind" | "userId">;
  readonly outcome: MailOutcome;
  readonly now: number;
}): Transaction<void> {
  const { mail, outcome, now } = input;
  if ("sent" in outcome) {
    const cleared = mail.kind === waitingKind ? "" : "address = '', claims = '{}', ";
    yield* write(`update ampho_mail set ${cleared}next_at = null, sent_at = ? where n = ?`, [now, mail.n]);
    if (mail.kind === leavingKind && mail.userId !== null) yield* delayWaiting(mail.userId, now + announcedSeconds);
    yield* recordMail(mail, "mail_sent", now);
  } else if (outcome.retryAt === undefined) {
    yield* close(mail.n, outcome.failure);
    yield* recordMail(mail, "mail_dropped", now, outcome.failure);
  } else {
    const { failure, retryAt } = outcome;
    const sql = "update ampho_mail set next_at = ?, failure = ? where n = ? and next_at is not null";
    yield* write(sql, [retryAt, failure, mail.n]);
    yield* recordMail(mail, "mail_failed", now, failure);
  }
}

/** The waiting code is no backlog until then, so the time of its row changes too. */
const delayWaiting = (userId: string, until: number): Transaction<void> =>
  write(`update ampho_mail set at = ?, next_at = ? where user_id = ? and kind = '${waitingKind}' and next_at < ?`, [
    until,
    until,
    userId,
    until,
  ]);

function* close(n: number, failure: string): Transaction<void> {
  const sql = "update ampho_mail set address = '', claims = '{}', next_at = null, failure = ? where n = ?";
  yield* write(sql, [failure, n]);
}

function* recordMail(
  { n, kind, userId }: Pick<OutgoingMail, "n" | "kind" | "userId">,
  event: "mail_sent" | "mail_failed" | "mail_dropped",
  at: number,
  reason?: string,
): Transaction<void> {
  const origin: Origin = { actor: "application" };
  yield* recordAudit({ at, event, reason, userId: userId ?? undefined, origin, detail: { mail: n, kind } });
}

const mailRows = tableOf("ampho_mail", {
  n: asInteger,
  /** Unix seconds. */
  at: asInteger,
  kind: asText,
  userId: orNull(asText),
  tries: asInteger,
  /** The time of the next attempt. Null after the mail was sent or dropped. */
  nextAt: orNull(asInteger),
  sentAt: orNull(asInteger),
  /** The reason of the last failed attempt. */
  failure: orNull(asText),
});
export type MailRow = RowOf<typeof mailRows>;

/** The newest mails. Their addresses are not returned. */
export function* listMail({ limit }: { readonly limit: number }): Transaction<readonly MailRow[]> {
  return [...(yield* mailRows.allLast("where n > 0 order by n desc limit ?", [limit]))].reverse();
}

const countedMax = 1000;

/** The number of mails that wait, of at most 1000, and the time of the oldest. One for a later day does not count. */
export function* readOutbox({
  now,
}: {
  readonly now: number;
}): Transaction<{ readonly waiting: number; readonly oldestAt: number | undefined }> {
  const sql = `select count(*) as waiting, min(at) as oldest from
    (select at from ampho_mail where next_at is not null and until >= 0 order by until, n limit ?) as limited
    where at <= ?`;
  const row = yield* queryLastRow(sql, [countedMax, now]);
  if (!row) throw new TypeError("a count has one row");
  return { waiting: integer(row, "waiting"), oldestAt: integerOrNull(row, "oldest") ?? undefined };
}

export interface MailRequest {
  readonly draft: MailDraft;
  /** The attempt at the limits of mails, which every request uses up. */
  readonly attempt: Attempt;
  readonly audit: AuditEntry;
  readonly now: number;
}

/** Counts the request and writes the mail, if there is one to write. The statements are the same in both cases. */
export function* queueMail({ draft, attempt, audit, now }: MailRequest): Transaction<void> {
  yield* insertMail(draft, now);
  yield* settleAttempt({ ...attempt, outcome: "failed", now, login: audit.login, audit });
}
