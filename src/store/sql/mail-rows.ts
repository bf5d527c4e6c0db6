// Rows of the outbox ampho_mail, as they are written: mails with a code or a link, and notices of events.
import type { Origin } from "../../audit/entry.js";
import type { FactorUndo } from "../../levels/factors.js";
import { skewMaxSeconds } from "../../throttle/attempt-counter.js";
import { integer, type SqlValue, text } from "../rows.js";
import { first, type Transaction, writeMail } from "../transaction.js";
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
  /** The change that the alarm link of a notice undoes. */
  readonly undo?: Undo | undefined;
}

interface UndoneAddress {
  readonly address: string;
  readonly canonical: string;
  readonly provenAt: number | undefined;
}

/** A change of an account that the alarm link of its notice undoes. */
export type Undo =
  | { readonly identity: string }
  /** The id of an API key. */
  | { readonly key: string }
  | FactorUndo
  /** The address from before. `canonical`: the one that the change has set. `renamed`: the login name too. */
  | { readonly email: UndoneAddress; readonly canonical: string | null; readonly renamed?: UndoneLogin | undefined }
  | UndoneLogin;

/** The login name from before. `canonical` is the one that the change has set. */
export interface UndoneLogin {
  readonly login: string;
  readonly loginCanonical: string;
  readonly canonical: string;
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
  undo: orUndefined(asJson<Undo>()),
});
const typeOf = (name: string) => (["at", "until", "tries", "next_at"].includes(name) ? "bigint" : "text");
const parameterOf = (name: string) => `cast(? as ${typeOf(name)})`;
const insert = `insert into ampho_mail (${mails.list}) select ${mails.columns.map(parameterOf).join(", ")} where ? <> ''`;

function valuesOf(draft: MailDraft, now: number): SqlValue[] {
  const { userId, address, kind, claims, language, until, undo, sendAt: at = now } = draft;
  return mails.values({ pages: "", at, until, userId, address, kind, claims, language, tries: 0, nextAt: at, undo });
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

const noticeDays = 7;

/** How long a notice waits for a mail server, and how long its alarm link works. */
export const noticeSeconds = noticeDays * 86_400;

export interface Notice {
  readonly kind: string;
  readonly at: number;
  readonly userId: string | undefined;
  readonly origin: Origin;
  /** Only if no notice of this kind was written in the hour before. */
  readonly hourly?: true;
  readonly undo?: Undo | undefined;
}

const isFirst = `not exists (select 1 from ampho_mail where user_id = ? and kind = ? and ${isRecent})`;
const noticeOfUser = `insert into ampho_mail (${mails.list})
  select ${mails.columns.map((name) => (name === "address" ? "email" : parameterOf(name))).join(", ")}
  from ampho_users where id = ? and email_proven_at is not null and ${isFirst}`;

const ofFormer = `select undo from ampho_mail
  where user_id = ? and kind = 'email_changed' and undo is not null and ${isRecent} order by n limit 1`;

/** The same mail to an address that changed in the last 7 days. A thief changes it first, and its owner hears more. */
export function* insertFormerNotice({ kind, at, userId, origin, undo }: Notice): Transaction<void> {
  const { language, noticeTo, agent } = origin;
  if (language === undefined || userId === undefined) return;
  const row = yield* first(ofFormer, [userId, at - noticeSeconds, at + skewMaxSeconds]);
  const former = row && (JSON.parse(text(row, "undo")) as Extract<Undo, { readonly email: unknown }>).email.address;
  if (former === undefined || former === noticeTo) return;
  const claims = { at, agent: agent ?? null };
  const until = at + noticeSeconds;
  const parameters = valuesOf({ kind, userId, address: former, claims, language, undo, until }, at);
  const isOther = "not exists (select 1 from ampho_users where id = ? and email = ?)";
  yield* writeMail(`${insert} and ${isOther}`, [...parameters, former, userId, former]);
}

/** A mail to the proven address of the user, about an event. Nothing is written for a user without one. */
export function* insertNotice({ kind, at, userId, origin, hourly, undo }: Notice): Transaction<void> {
  const { language, noticeTo, agent } = origin;
  if (language === undefined || userId === undefined) return;
  const address = noticeTo ?? "";
  const claims = { at, agent: agent ?? null };
  const parameters = valuesOf({ kind, userId, address, claims, language, undo, until: at + noticeSeconds }, at);
  const earlier = [userId, kind, ...(hourly === true ? hourBefore(at) : [at, at])];
  if (noticeTo !== undefined) {
    yield* writeMail(`${insert} and ${isFirst}`, [...parameters, address, ...earlier]);
    return;
  }
  parameters.splice(mails.columns.indexOf("address"), 1);
  yield* writeMail(noticeOfUser, [...parameters, userId, ...earlier]);
}
