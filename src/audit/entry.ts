// An entry of the audit log, and the actor that caused the event.
import type { AuditEvent } from "./events.js";

/** The actor that caused an event, and its address. */
export interface Origin {
  /** `user` over HTTP, `operator` on the command line (named by `operator`), `application` through the library. */
  readonly actor: "user" | "operator" | "application";
  readonly operator?: string;
  readonly address?: string | undefined;
  readonly agent?: string | undefined;
  /** The language of the mails that the event causes. Undefined: no mail is sent. It is not recorded. */
  readonly language?: string | undefined;
  /** The proven address of a user of an application's own table, for notices. It is not recorded. */
  readonly noticeTo?: string | undefined;
}

/**
 * One decision about a user. A login is recorded only if the account exists, because users sometimes type their password
 * into the login field.
 */
export interface AuditEntry {
  /** Unix seconds. */
  readonly at: number;
  readonly event: AuditEvent;
  readonly reason?: string | undefined;
  readonly userId?: string | undefined;
  readonly login?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly origin: Origin;
  readonly detail?: Readonly<Record<string, string | number | readonly string[]>> | undefined;
}

/** An entry as it is in the database. */
export interface AuditRow extends AuditEntry {
  /** Grows with each entry. */
  readonly n: number;
}
