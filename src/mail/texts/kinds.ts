// Every kind of mail, and the values that its text can contain. Nothing in a value was chosen by a stranger: no login, no name,
// no text of a request. A mail of ours would otherwise deliver an attacker's words under our name.
import type { Browser } from "./browser.js";

/** Proofs in a mail: a code, a link that continues the transaction, or the link of an invitation. */
type Proof = "code" | "link" | "invitation";

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
  test: [],
} as const satisfies Readonly<Record<string, readonly Proof[]>>;

/** Kinds that report a security event. Each has an alarm link. */
const noticeKinds = [
  "new_device",
  "factor_added",
  "factor_removed",
  "password_changed",
  "email_changed",
  "recovery_used",
  "factor_attempts",
  "passkey_cloned",
  "identity_linked",
  "identity_unlinked",
  "recovery_begun",
] as const;

export type NoticeKind = (typeof noticeKinds)[number];
type RequestKind = keyof typeof requestKinds;
export type MailKind = RequestKind | NoticeKind;

export const mailKinds: readonly MailKind[] = [...(Object.keys(requestKinds) as RequestKind[]), ...noticeKinds];

export const isMailKind = (kind: string): kind is MailKind => mailKinds.some((each) => each === kind);

export const proofsOf = (kind: RequestKind): readonly Proof[] => requestKinds[kind];

export function isNotice(kind: MailKind): kind is NoticeKind {
  return noticeKinds.some((each) => each === kind);
}

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
  /** The alarm link of a notice: an absolute URL that begins with AMPHO_APP_URL. */
  readonly alarm?: string | undefined;
}
