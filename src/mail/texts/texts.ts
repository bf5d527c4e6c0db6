// The texts of one language. `{app}`, `{login}`, `{contact}`, `{to}`, `{date}`, `{browser}`, `{time}` and
// `{duration}` are replaced. A
// part in brackets is left out where it does not apply.
import type { Confirmable } from "../../store/sql/effects/changes.js";
import type { MailKind } from "./kinds.js";

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
  readonly happened: string;
  readonly unknownBrowser: string;
  /** The last sentence of a notice. */
  readonly ifYou: string;
  /** The last sentence of another mail. */
  readonly ignore: string;
  readonly alarm: string;
  /** For the notice of a deletion. No text of it promises that the account comes back. */
  readonly alarmDeleted: string;
  readonly alarmLabel: string;
  readonly afterAlarm: string;
  /** The change that a code allows, as the end of "wants to". */
  readonly changes: Readonly<Record<Confirmable, string>>;
}

/**
 * The subject, the paragraph that states what happened, and a last sentence in place of `ifYou` or `ignore`, each on a
 * line. The subject is shown on lock screens and is in logs of mail servers, so it contains no code.
 */
type KindText = `${string}\n${string}`;

/** A kind without a text does not compile. */
export interface Texts {
  readonly phrases: Phrases;
  readonly kinds: Readonly<Record<MailKind, KindText>>;
}
