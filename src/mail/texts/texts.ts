// The texts of one language. `{app}`, `{browser}`, `{time}`, `{duration}` and `{count}` are replaced.
import type { MailKind, NoticeKind } from "./kinds.js";

/** A text for 1, and a text for every other number. All languages here have these two forms. */
type Plural = readonly [one: string, other: string];

export interface Phrases {
  readonly enterCode: string;
  readonly orOpenLink: string;
  readonly openLink: string;
  /** The text of the link in HTML. */
  readonly linkLabel: string;
  readonly valid: string;
  readonly secret: string;
  /** For a link beside a code, which asks for a number in another browser. */
  readonly match: string;
  readonly requested: string;
  readonly requestedAt: string;
  readonly happened: string;
  readonly happenedAt: string;
  readonly unknownBrowser: string;
  readonly ifYou: string;
  readonly alarm: string;
  /** For a notice whose link undoes the change that it reports. */
  readonly alarmUndo: string;
  /** For the notice of a deletion. No text of it promises that the account comes back. */
  readonly alarmDeleted: string;
  readonly alarmLabel: string;
  readonly afterAlarm: string;
  readonly minutes: Plural;
  readonly hours: Plural;
  readonly days: Plural;
}

/**
 * The subject, and the paragraph that states what happened, each on a line. The subject is shown on lock screens and is
 * in logs of mail servers, so it contains no code.
 */
type NoticeText = `${string}\n${string}`;

/** The last line is for a reader who did not ask for the mail. */
type RequestText = `${NoticeText}\n${string}`;

/** A kind without a text does not compile. */
export interface Texts {
  readonly phrases: Phrases;
  readonly kinds: Readonly<Record<NoticeKind, NoticeText> & Record<Exclude<MailKind, NoticeKind>, RequestText>>;
}
