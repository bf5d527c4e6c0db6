// An entry of the audit log, and the actor that caused the event.
import type { AuditEvent } from "./events.js";

/** The actor that caused an event, and its address. */
export interface Origin {
  /** `user` over HTTP, `operator` on the command line (named by `operator`), `application` through the library. */
  readonly actor: "user" | "operator" | "application";
  readonly operator?: string | undefined;
  readonly address?: string | undefined;
  readonly agent?: string | undefined;
  /** The language of the mails that the event causes. Undefined: no mail is sent. It is not recorded. */
  readonly language?: string | undefined;
  /** The address for notices of a user of an application's own table, or empty. Undefined: that of the row. */
  readonly noticeTo?: string | undefined;
}

/** One decision about a user. A login only of an existing account: users sometimes type their password there. */
export interface AuditEntry {
  /** Unix seconds. */
  readonly at: number;
  /** A name of docs/reference/audit-events.md. */
  readonly event: AuditEvent;
  /** The reason of a rejection or an end, as a code. */
  readonly reason?: string | undefined;
  /** The id of the user. Absent if no account is concerned. */
  readonly userId?: string | undefined;
  /** The login name of the account. */
  readonly login?: string | undefined;
  /** The id of the session. */
  readonly sessionId?: string | undefined;
  /** The actor that caused the event, and its address. */
  readonly origin: Origin;
  /** Further facts of the event, without secrets. */
  readonly detail?: Readonly<Record<string, string | number | readonly string[]>> | undefined;
}

/** An entry as it is in the database. */
export interface AuditRow extends Omit<AuditEntry, "event"> {
  /** Grows with each entry. */
  readonly n: number;
  /** A name of docs/reference/audit-events.md, or of a later version that uses the same database. */
  readonly event: string;
}
