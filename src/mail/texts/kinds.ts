// Every kind of mail, and the values that its text can contain. Nothing in a value was chosen by a stranger: no login,
// no name, no text of a request. A mail of ours would otherwise deliver an attacker's words under our name.
import type { Confirmable } from "../../store/sql/changes.js";
import type { Browser } from "./browser.js";

/** Proofs in a mail: a code, a link that continues the transaction, the link of an invitation, or that of an alarm. */
type Proof = "code" | "link" | "invitation" | "alarm";

/** Kinds that ask the reader to act, or that state why there is nothing to do. */
const requestKinds = {
  login: ["code", "link"],
  register: ["code", "link"],
  account_exists: [],
  reset: ["code", "link"],
  email: ["code"],
  email_taken: [],
  invite: ["invitation"],
  recover: ["link"],
  enroll: ["code"],
  identity: ["code"],
  confirm: ["code", "alarm"],
  test: [],
} as const satisfies Readonly<Record<string, readonly Proof[]>>;

/**
 * Kinds that report a security event, and what the alarm link of each does. `ends`: it ends what lives. `undoes`: it
 * undoes the change too. `informs`: the account is gone, so only operators see the alarm.
 */
const noticeKinds = {
  new_device: "ends",
  factor_added: "undoes",
  factor_removed: "ends",
  password_changed: "ends",
  email_changed: "undoes",
  login_changed: "undoes",
  account_deleted: "informs",
  recovery_used: "ends",
  factor_attempts: "ends",
  passkey_cloned: "ends",
  identity_linked: "undoes",
  identity_unlinked: "ends",
  key_created: "undoes",
  recovery_begun: "ends",
} as const satisfies Readonly<Record<string, AlarmEffect>>;

export type AlarmEffect = "ends" | "undoes" | "informs";

export type NoticeKind = keyof typeof noticeKinds;
type RequestKind = keyof typeof requestKinds;
export type MailKind = RequestKind | NoticeKind;

export const mailKinds: readonly MailKind[] = [
  ...(Object.keys(requestKinds) as RequestKind[]),
  ...(Object.keys(noticeKinds) as NoticeKind[]),
];

export const isMailKind = (kind: string): kind is MailKind => mailKinds.some((each) => each === kind);

export const proofsOf = (kind: RequestKind): readonly Proof[] => requestKinds[kind];

export const isNotice = (kind: MailKind): kind is NoticeKind => Object.hasOwn(noticeKinds, kind);

export const alarmEffectOf = (kind: NoticeKind): AlarmEffect => noticeKinds[kind];

/** A text leaves out the sentences whose value is not given. */
export interface MailValues {
  /** The name of the application. */
  readonly app: string;
  /** Eight digits, such as `12345678`. */
  readonly code?: string | undefined;
  /** An absolute URL that begins with AMPHO_APP_URL. */
  readonly link?: string | undefined;
  /** The life of the code and the link in minutes. */
  readonly minutes?: number | undefined;
  /** The browser that caused the mail. Undefined if there was none, as for an operator's command. */
  readonly browser?: Browser | undefined;
  /** The time of the request or event in Unix seconds. */
  readonly time?: number | undefined;
  /** The change that the code of a mail confirms. */
  readonly change?: Confirmable | undefined;
  /** The alarm link of a notice or of a mail that confirms a change: an absolute URL that begins with AMPHO_APP_URL. */
  readonly alarm?: string | undefined;
}
