// Every kind of mail, and the values that its text can contain. Nothing in a value was chosen by a stranger: no name,
// no text of a request. A mail of ours would otherwise deliver an attacker's words under our name.
import type { Confirmable } from "../../store/sql/effects/changes.js";
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
  email_later: ["code"],
  invite: ["invitation"],
  recover: ["link"],
  alarm_reset: ["link"],
  enroll: ["code"],
  identity: ["code"],
  confirm: ["code", "alarm"],
  test: [],
} as const satisfies Readonly<Record<string, readonly Proof[]>>;

/**
 * Kinds that report a security event, and what the alarm link of each does. `ends`: it ends what lives. `informs`: the
 * account is gone, so only operators see the alarm. `none`: the mailbox has lost the account, and gets no link.
 */
const noticeKinds = {
  new_device: "ends",
  factor_added: "ends",
  factor_removed: "ends",
  password_changed: "ends",
  email_changed: "none",
  email_leaving: "ends",
  login_changed: "ends",
  account_deleted: "informs",
  recovery_used: "ends",
  factor_attempts: "ends",
  passkey_cloned: "ends",
  identity_linked: "ends",
  identity_unlinked: "ends",
  api_key_created: "ends",
  connection_added: "ends",
  recovery_begun: "ends",
  alarm_raised: "ends",
} as const satisfies Readonly<Record<string, AlarmEffect>>;

export type AlarmEffect = "ends" | "informs" | "none";

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

/**
 * The login name of an account, if a mail can contain it. Others could carry words or a link of the person who chose
 * them, which is a stranger as long as the address is not proven.
 */
export const mailableLogin = (login: string, isProven: boolean): string | undefined =>
  /^[\p{L}\p{M}\p{N}._@+-]{1,64}$/u.test(login) && (isProven || !login.includes(".")) ? login : undefined;

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
  /** The login name of the account. */
  readonly login?: string | undefined;
  /** The new address of the account, as `a…@example.com`, and the time from which it can be taken. */
  readonly to?: string | undefined;
  readonly from?: number | undefined;
  /** An operator or the application has made the change. */
  readonly isByOperator?: boolean | undefined;
  /** AMPHO_MAIL_CONTACT, for a mailbox that has lost the account. */
  readonly contact?: string | undefined;
  /** The alarm link of a notice or of a mail that confirms a change: an absolute URL that begins with AMPHO_APP_URL. */
  readonly alarm?: string | undefined;
}
