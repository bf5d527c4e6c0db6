// Rows of the outbox ampho_mail, as they are written: mails with a code or a link, and notices of events.
import { createHash } from "node:crypto";
import type { Origin } from "../../../audit/entry.js";
import { mailboxForm } from "../../../logins/address.js";
import { skewMaxSeconds } from "../../../throttle/attempt-counter.js";
import { integer, integerOrNull, type SqlValue, text } from "../../rows.js";
import { first, type Transaction, writeMail } from "../../transaction.js";
import { asInteger, asJson, asText, orUndefined, tableOf } from "./table.js";

/** The facts from which a mail is composed when it is sent. */
export type MailClaims = Readonly<Record<string, string | number | null>>;

export interface MailDraft {
  readonly kind: string;
  /** Undefined where no user has the address yet. */
  readonly userId: string | undefined;
  /** Empty: no mail is written. The statement is the same, so that the time reveals nothing. */
  readonly address: string;
  readonly claims: MailClaims;
  readonly language: string;
  /** A mail that was not sent by then is dropped. */
  readonly until: number;
  /** The time from which it can be sent. Default: at once. The age of a waiting mail counts from it. */
  readonly sendAt?: number | undefined;
}

// A later time was written before the clock was set back. Otherwise it would suppress the mails of all hours until
// then.
const isRecent = "at > ? and at <= ?";
const hourSeconds = 3600;
const hourBefore = (now: number) => [now - hourSeconds, now + skewMaxSeconds];

const mails = tableOf("ampho_mail", {
  /** The driver fills it in as the first parameter. */
  pages: asText,
  at: asInteger,
  until: asInteger,
  userId: orUndefined(asText),
  address: asText,
  kind: asText,
  claims: asJson<MailClaims>(),
  language: asText,
  tries: asInteger,
  nextAt: asInteger,
});
const typeOf = (name: string) => (["at", "until", "tries", "next_at"].includes(name) ? "bigint" : "text");
const parameterOf = (name: string) => `cast(? as ${typeOf(name)})`;
// A stranger who causes a mail does not choose its language.
const ofAccount = "(select language from ampho_accounts where user_id = cast(? as text))";
const selected = (name: string) =>
  name === "language" ? `coalesce(${ofAccount}, ${parameterOf(name)})` : parameterOf(name);
const insert = `insert into ampho_mail (${mails.list}) select ${mails.columns.map(selected).join(", ")} where ? <> ''`;

/** For a mail about a change, to an account without a language. A thief would choose one that its owner cannot read. */
export const languageOfNotices = "en";

function valuesOf(draft: MailDraft, now: number): SqlValue[] {
  const { userId, address, kind, claims, language, until, sendAt: at = now } = draft;
  const values = mails.values({ pages: "", at, until, userId, address, kind, claims, language, tries: 0, nextAt: at });
  values.splice(mails.columns.indexOf("language"), 0, userId ?? null);
  return values;
}

export const insertMail = (draft: MailDraft, now: number): Transaction<void> =>
  writeMail(insert, [...valuesOf(draft, now), draft.address]);

/** The same for one of `hourMax` mails of its kind. Returns the seconds until the next one, and 0 if it is written. */
export function* insertLimitedMail(draft: MailDraft, now: number, hourMax: number): Transaction<number> {
  const { userId = null, kind, address } = draft;
  const recent = `from ampho_mail where user_id = ? and kind = ? and ${isRecent}`;
  const about = [userId, kind, ...hourBefore(now)];
  const parameters = [...valuesOf(draft, now), address, ...about, hourMax];
  const sql = `${insert} and (select count(*) ${recent}) < ? returning n`;
  const [row] = yield { sql, parameters, mails: true };
  if (row) return 0;
  // The next one is written when so many are left that are not an hour old.
  const oldest = yield* first(`select at ${recent} order by at desc limit 1 offset ?`, [...about, hourMax - 1]);
  return oldest ? Math.max(integer(oldest, "at") + hourSeconds - now, 1) : 1;
}

/** The mail with the code of a change of the address that has waited (email-waits.ts). */
export const waitingKind = "email_later";

/** The notices of it, which go to the present mailbox. */
export const leavingKind = "email_leaving";

const noticeDays = 7;

/** How long an invitation, and its link, works. */
export const invitationSeconds = 7 * 86_400;

/** How long a notice waits for a mail server, and how long its alarm link works. */
export const noticeSeconds = noticeDays * 86_400;

export interface Notice {
  readonly kind: string;
  readonly at: number;
  readonly userId: string | undefined;
  /** The login of a user of an application's own table. */
  readonly login: string | undefined;
  readonly origin: Origin;
  /** Only if no notice of this kind was written in the hour before. */
  readonly hourly?: true;
  /** The row of the user, which is read if it is not given. */
  readonly user?: NoticedUser | undefined;
}

interface NoticedUser {
  readonly login: string;
  readonly email: (AccountMailbox & { readonly byOperator: boolean | undefined }) | undefined;
}

const areFewer = `(select count(*) from ampho_mail where user_id = ? and kind = ? and ${isRecent}) < ?`;

/** So many notices of a kind an account gets in an hour. The alarm link in each of them closes the whole account. */
const noticesAnHour = 20;

/** An account has it as long as it has the address, and has proven it at this time. */
export interface AccountMailbox {
  readonly address: string;
  /** Undefined: an operator has set the address with a reason. */
  readonly provenAt: number | undefined;
}

/** Identifies the mailbox in an alarm link. */
export const mailboxIdOf = (userId: string, { address, provenAt }: AccountMailbox): string =>
  createHash("sha256")
    .update(JSON.stringify([userId, mailboxForm(address), provenAt ?? null]))
    .digest("base64url");

const mailboxOfUser = `select login, email, email_proven_at from ampho_users
  where id = ? and email is not null and (email_proven_at is not null or email_by_operator = 1)`;

/** Undefined: the user has no mailbox, or the application's own table has the user. */
function* findMailbox(userId: string, user: NoticedUser | undefined) {
  if (user !== undefined) {
    const { login, email } = user;
    return email && (email.provenAt !== undefined || email.byOperator === true) ? { login, ...email } : undefined;
  }
  const row = yield* first(mailboxOfUser, [userId]);
  const provenAt = row && (integerOrNull(row, "email_proven_at") ?? undefined);
  return row && { login: text(row, "login"), address: text(row, "email"), provenAt };
}

/** The notices that go to the mailbox which the account loses. They have no alarm link. */
const toFormerMailbox: ReadonlySet<string> = new Set(["email_changed"]);

/** A mail to the mailbox of the user, about an event. Nothing is written for a user without one. */
export function* insertNotice({ kind, at, userId, login, origin, hourly, user }: Notice): Transaction<void> {
  const { noticeTo, agent, actor } = origin;
  // Without a language in the origin, no mails can be sent.
  if (origin.language === undefined || userId === undefined || noticeTo === "") return;
  const row = noticeTo === undefined ? yield* findMailbox(userId, user) : undefined;
  if (row === undefined && noticeTo === undefined) return;
  const mailbox = row ?? { address: noticeTo ?? "", provenAt: 0 };
  const { address } = mailbox;
  const claims = {
    at,
    agent: agent ?? null,
    login: row?.login ?? login ?? null,
    operator: actor === "user" ? null : 1,
    mailbox: toFormerMailbox.has(kind) ? null : mailboxIdOf(userId, mailbox),
  };
  const draft = { kind, userId, address, claims, language: languageOfNotices, until: at + noticeSeconds };
  const parameters = valuesOf(draft, at);
  const earlier = [userId, kind, ...hourBefore(at), hourly === true ? 1 : noticesAnHour];
  yield* writeMail(`${insert} and ${areFewer}`, [...parameters, address, ...earlier]);
}
