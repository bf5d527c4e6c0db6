// An attempt at a proof, or a request for a mail (docs/operate/throttling.md), with its counters and sources.
import type { AuditEntry, Origin } from "../audit/entry.js";
import type { AuditEvent } from "../audit/events.js";
import type { CounterKind } from "./counter-kinds.js";

export interface AttemptCounter {
  /** A keyed hash, which contains nothing that a user typed. */
  readonly key: string;
  readonly kind: CounterKind;
  readonly freeAttempts: number;
  /** Failures in a row that lock this counter. Undefined: as many as lock the attempt's other counters. */
  readonly lockAfter?: number | undefined;
  readonly everySeconds?: number | undefined;
  readonly windowSeconds?: number | undefined;
}

/** An address or a network, and how many different logins can fail from it within the window. */
export interface SourceLimit {
  readonly source: string;
  readonly logins: number;
}

export interface Attempt {
  readonly sources: readonly SourceLimit[];
  readonly counters: readonly AttemptCounter[];
  /** The beginning of a counter's key. Sources count it as one login, and its attempts wait in one queue. */
  readonly subject: string;
  /** The source of the attempt. A success forgives the failures of its source. Undefined: not known. */
  readonly from: string | undefined;
  readonly windowSeconds: number;
  /** Failures in a row after which a counter rejects every attempt until it is cleared. */
  readonly lockAfter: number;
  /** Keys of further counters whose streak of failures a success ends. */
  readonly alsoReset: readonly string[];
}

export interface AttemptRequest extends Attempt {
  readonly now: number;
  readonly origin: Origin;
  /** A rejection is recorded as this event, once for each counter, source and window. */
  readonly event: Extract<AuditEvent, `${string}_throttled`>;
  /** A solved captcha buys the attempt, and is used up with it. No wait counts, but a lock does. */
  readonly bought?: { readonly spends: { readonly hash: string; readonly until: number } } | undefined;
  readonly transaction?: string | undefined;
  readonly account: NamedAccount;
}

/** How the audit log names the account of an attempt. A text that is no login name of an account is not stored. */
export interface NamedAccount {
  /** The login name of the account, where the caller knows it. */
  readonly login?: string | undefined;
  /** The canonical login that a user of the database can have. */
  readonly canonical?: string | undefined;
}

export type AttemptVerdict =
  | { readonly outcome: "allowed" }
  /** Other attempts must be settled first. A moment later the verdict is known. */
  | { readonly outcome: "pending" }
  | { readonly outcome: "captcha_used" }
  /** The transaction was used, or too many of its proofs were wrong. */
  | { readonly outcome: "over"; readonly by: Extract<CounterKind, "transaction" | "match"> }
  | {
      readonly outcome: "rejected";
      readonly by: CounterKind | "source";
      /** Until it is cleared, or until a login from a known device succeeds. */
      readonly locked: boolean;
      readonly retryAfterSeconds: number;
    };

/** `failed`: the password was wrong. `succeeded`: it was right. `returned`: it was not checked. */
export type AttemptOutcome = "failed" | "succeeded" | "returned";

export interface Settlement extends Attempt {
  readonly outcome: AttemptOutcome;
  readonly now: number;
  readonly login: string | undefined;
  /** Is recorded in the same transaction. */
  readonly audit: AuditEntry | undefined;
}

/** A counter or a source that rejects attempts now. */
export interface Lockout {
  /** The kind of counter, or `source` for an address or a network. */
  readonly kind: CounterKind | "source";
  /** As the user spells it. Null when no known account has it. */
  readonly login: string | null;
  /** The address or network. Null for a counter of a login. */
  readonly source: string | null;
  /** Failed attempts in a row. For a source the number of different logins. */
  readonly failures: number;
  /** True if only an operator or a login from a known device ends it. */
  readonly locked: boolean;
  /** Unix seconds. Null when it is locked. */
  readonly until: number | null;
}

export type LockoutTarget =
  /**
   * The form that the operator typed, and the canonical form. Without that, as for an application's own table, only the
   * login that is spelled so.
   */
  | { readonly login: string; readonly canonical: string | undefined }
  /** The sources that an address counts in. */
  | { readonly sources: readonly string[] }
  | { readonly all: true };

export interface AttemptStore {
  allowAttempt(request: AttemptRequest): Promise<AttemptVerdict>;
  settleAttempt(settlement: Settlement): Promise<void>;
  pruneAttempts(input: { readonly rowsMax: number }): Promise<{ readonly more: boolean }>;
}
