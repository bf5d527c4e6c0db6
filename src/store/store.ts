// The store in terms of purposes: all of it in one file, for this is what whoever writes a driver has to read. One SQL
// implementation stands behind it (sql/…), run by one driver a database.
// Every purpose is one transaction with its audit rows inside; whatever ends something writes a numbered revocation.
// Times are whole Unix seconds and are passed in; ids and random parts are made by the caller.
// Every method rejects with AmphoError `unavailable` when the store cannot answer (within 6 s) or `overloaded` when more
// waits than it can do, never with a driver's error.

export interface User {
  /** Opaque, given by the caller. */
  readonly id: string;
  /** As it was typed when the user was made. */
  readonly login: string;
  /** The form that is compared and unique. */
  readonly canonical: string;
  readonly passwordHash: string | null;
  /** Moves on with every new password, not when the same password is hashed anew. */
  readonly passwordVersion: number;
  readonly roles: readonly string[];
  /** Moves on with every change of roles, to the time of it where that is further; the claim `ver`. */
  readonly rolesVersion: number;
  readonly disabled: boolean;
  readonly createdAt: number;
}

/** A user whom an import has read from `line` of its input. */
export interface StagedUser extends Pick<User, "id" | "login" | "canonical" | "passwordHash" | "roles"> {
  /** What the hash is and costs (crypto/password-cost.ts); null for one of today, and without a hash. */
  readonly hashKind: string | null;
  readonly line: number;
}

export type StageOutcome =
  | {
      readonly outcome: "staged";
      /** Those that cannot be made: the login exists, is of `firstLine` too, or of an import that was begun later. */
      readonly refused: readonly ({ readonly line: number } & (
        | { readonly reason: "exists" | "importing" }
        | { readonly reason: "repeated"; readonly firstLine: number }
      ))[];
    }
  /** The import was given up: nothing of it can be published any more. */
  | { readonly outcome: "dropped" };

export type PublishOutcome =
  | { readonly outcome: "published" | "dropped"; readonly line?: undefined }
  /** Somebody else has the login of this line by now. */
  | { readonly outcome: "lost"; readonly line: number };

export interface HashCount {
  /** Null for a hash of today, and where there is none. */
  readonly kind: string | null;
  readonly hasHash: boolean;
  readonly users: number;
}

export interface Session {
  /** `{era}.{random}`: the era (base 36) lets everything that is live be ended by one row. */
  readonly id: string;
  readonly userId: string;
  /** The login as the user's tokens say it. */
  readonly login: string;
  readonly gen: number;
  readonly createdAt: number;
  /** The last time that its user proved who they are; the claim `auth_time`. */
  readonly authTime: number;
  /** When the present generation was made. */
  readonly renewedAt: number;
  /** Not renewed by then, it ends (idle limit, never past `endsAt`). */
  readonly expiresAt: number;
  /** Ends then, whatever happens. */
  readonly endsAt: number;
  /** The latest `exp` of any access token that was issued for it. */
  readonly accessExpires: number;
  readonly address: string | null;
  readonly agent: string | null;
}

/** What every process keeps in memory until `until` and asks on each guarded request. */
export type Revocation = { readonly n: number; readonly at: number; readonly until: number } & (
  | { readonly kind: "session"; readonly sessionId: string }
  /** Tokens without `sid` that name the user and were issued at `at` or before, or say no `iat`. */
  | { readonly kind: "user"; readonly userId: string; readonly login: string }
  /** Tokens of the user with one of these roles and a `ver` below `rolesVersion` (without `sid`: as for "user"). */
  | {
      readonly kind: "roles";
      readonly userId: string;
      readonly login: string;
      readonly rolesVersion: number;
      readonly roles: readonly string[];
    }
  | { readonly kind: "key"; readonly kid: string }
  /** Tokens of sessions of an era before this one, and tokens without `sid` as for "user". */
  | { readonly kind: "all"; readonly era: number }
);

export interface RevocationPage {
  /** Made with the database; differs after a restore from elsewhere. */
  readonly epoch: string;
  /** The number of the last row written, 0 when there is none. A smaller one than before: read everything anew. */
  readonly last: number;
  readonly rows: readonly Revocation[];
  /** The row of the number that was read after, where it is still there. Another one than before: read everything anew. */
  readonly reached?: Revocation;
  /** The store's own clock, Unix milliseconds, where it has one that all processes share. */
  readonly storeNowMs?: number;
}

/** Why a session ended; a column, and the reason in the audit row. */
export type EndReason =
  | "logout"
  | "ended_by_user"
  | "ended_by_operator"
  | "ended_by_application"
  | "replayed"
  | "displaced"
  | "password_changed"
  | "user_disabled"
  | "user_removed"
  | "user_changed";

/** Who caused it, for the audit log. */
export interface Origin {
  /** `user` over HTTP, `operator` on the command line (named by `operator`), `application` through the library. */
  readonly actor: "user" | "operator" | "application";
  readonly operator?: string;
  readonly address?: string | undefined;
  readonly agent?: string | undefined;
}

export const auditEvents = [
  "login",
  "login_refused",
  "reauthenticated",
  "renew",
  "renew_repeated",
  "renew_shared",
  "renew_refused",
  "renew_replayed",
  "logout",
  "session_ended",
  "every_session_ended",
  "user_revoked",
  "password_changed",
  "password_refused",
  "password_rehashed",
  "user_created",
  "users_imported",
  "user_disabled",
  "user_enabled",
  "user_removed",
  "roles_changed",
  "key_revoked",
  "key_stage_forced",
  "login_throttled",
  "password_throttled",
  "throttle_listed",
  "throttle_cleared",
] as const;
export type AuditEvent = (typeof auditEvents)[number];

/** One decision about a person. A login is recorded only if the account exists: people type passwords there. */
export interface AuditEntry {
  readonly at: number;
  readonly event: AuditEvent;
  readonly reason?: string | undefined;
  readonly userId?: string | undefined;
  readonly login?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly origin: Origin;
  readonly detail?: Readonly<Record<string, string | number | readonly string[]>> | undefined;
}

export interface AuditRow extends AuditEntry {
  readonly n: number;
}

/** What ending sessions needs to know. */
export interface Ending {
  readonly now: number;
  readonly origin: Origin;
}

/** How long tokens without `sid` may live: `AMPHO_SECURITY_TOKEN_FOREIGN_TTL`; bounds their revocations. */
export interface ForeignTokens {
  readonly foreignMaxSeconds: number;
}

/** What one counter of tries counts (docs/throttling.md). */
export type AttemptCounterKind = "login" | "device" | "devices" | "session" | "sessions";

/** One counter of tries. Its key is a hash: nothing of it was typed by anybody. */
export interface AttemptCounter {
  readonly key: string;
  readonly kind: AttemptCounterKind;
  /** How many wrong passwords are free. */
  readonly freeAttempts: number;
}

/** An address or a network, as it is shown, and at how many different logins it may fail within the window. */
export interface SourceLimit {
  readonly source: string;
  readonly logins: number;
}

/** Which counters one attempt is taken from, always in this order: where several wait for each other, none does in a circle. */
export interface Attempt {
  readonly sources: readonly SourceLimit[];
  readonly counters: readonly AttemptCounter[];
  /** What the sources count as one login. */
  readonly subject: string;
  /** From where: a success there forgives what failed there before. Undefined: nobody knows. */
  readonly from: string | undefined;
  readonly windowSeconds: number;
  /** Failures in a row after which a counter refuses until it is cleared. */
  readonly lockAfter: number;
  /** Keys of counters whose run of failures a success ends as well. */
  readonly alsoReset: readonly string[];
}

export type AttemptVerdict =
  | { readonly outcome: "admitted" }
  /** Other tries, not settled yet, stand in the way: a moment later it will be known. */
  | { readonly outcome: "pending" }
  | {
      readonly outcome: "refused";
      readonly by: AttemptCounterKind | "source";
      /** Until it is cleared, or someone who knows the password succeeds elsewhere. */
      readonly locked: boolean;
      readonly retryAfterSeconds: number;
    };

/** `failed`: wrong. `succeeded`: right. `returned`: it was not looked at. */
export type AttemptOutcome = "failed" | "succeeded" | "returned";

/** What is held back at present. */
export interface Lockout {
  readonly kind: AttemptCounterKind | "source";
  /** As its user spells it; null when no account is known to have it. */
  readonly login: string | null;
  readonly source: string | null;
  /** Wrong passwords in a row; of a source the different logins. */
  readonly failures: number;
  readonly locked: boolean;
  /** Unix seconds; null when it is locked. */
  readonly until: number | null;
}

export type LockoutTarget =
  /** As it is compared, and as whoever asks spells it. */
  | { readonly canonical: string; readonly login: string }
  /** The sources that an address counts in. */
  | { readonly sources: readonly string[] }
  | { readonly all: true };

export interface NewSession {
  readonly userId: string;
  readonly login: string;
  /** 128 random bits or more, base64url; the store puts the era before it. */
  readonly random: string;
  readonly now: number;
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
  readonly maxSeconds: number;
  readonly sessionsPerUser: number;
  readonly origin: Origin;
  /**
   * For users of this store: the session is made only if the user is enabled and still has this password version
   * (undefined: any). `false` for users of an application's own table.
   */
  readonly stored: { readonly passwordVersion?: number | undefined } | false;
  readonly event: "login";
  readonly detail?: AuditEntry["detail"];
  /** The attempt that was right: settled in the same transaction; wrong all the same when the session is refused. */
  readonly attempt?: Attempt | undefined;
}

export type CreateSessionOutcome =
  | {
      readonly outcome: "created";
      readonly session: Session;
      /** The row of a stored user as it is in this transaction. */
      readonly user: User | undefined;
      readonly revocations: readonly Revocation[];
    }
  | { readonly outcome: "refused" };

export interface Renewal {
  readonly sessionId: string;
  /** The generation that the presented token says. */
  readonly gen: number;
  readonly now: number;
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
  readonly graceSeconds: number;
  /** SHA-256 of the idempotency key, base64url, if one in the right form was sent. */
  readonly idempotency: string | undefined;
  readonly by: "refresh_token" | "access_token";
  readonly origin: Origin;
  /** `true`: the user is read from this store in the transaction. `false`: the caller has asked its own table. */
  readonly stored: boolean;
}

export type RenewOutcome =
  | {
      /** `renewed`: this call moved the generation. `repeated`: one before it did, and this one may have it too. */
      readonly outcome: "renewed" | "repeated";
      readonly session: Session;
      readonly user: User | undefined;
    }
  | {
      readonly outcome: "ended";
      readonly reason: "unknown" | "ended" | "expired" | "replayed" | "user";
      readonly revocations: readonly Revocation[];
    };

/** Rows that are removed when they are old enough that nobody can need them. */
export const oldRowKinds = ["sessions", "revocations", "attempts", "sources", "imports", "audit"] as const;
export type OldRowKind = (typeof oldRowKinds)[number];

export interface HousekeepingLease {
  /** Random, of one turn. */
  readonly holder: string;
  readonly now: number;
  /** From `now`: then another may go on in the source of a holder that was killed. */
  readonly leaseSeconds: number;
}

/**
 * `elsewhere`: another process is at it. `done`: a turn was over a short while ago. `unsteady`: the clock has jumped since
 * the last turn; what is removed by a wrong clock does not come back, so that it has to stand for an hour first.
 */
export type HousekeepingTurn = "taken" | "elsewhere" | "done" | "unsteady";

export interface OldRows {
  readonly kind: OldRowKind;
  /** Of attempts: AMPHO_SECURITY_THROTTLE_WINDOW. */
  readonly windowSeconds: number;
  /** AMPHO_AUDIT_KEEP; 0: for ever. */
  readonly auditKeepSeconds: number;
  /** Of the batch before, of this kind and turn. */
  readonly next: OldRowsCursor | undefined;
}

/** How far a turn has come: PostgreSQL would else pass over all that it has removed, again with each batch. */
export interface OldRowsCursor {
  readonly age: number;
  readonly n: number;
}

export type DeletedRows =
  | {
      readonly outcome: "removed";
      readonly rows: number;
      /** Undefined: there are no more. */
      readonly next: OldRowsCursor | undefined;
    }
  | { readonly outcome: "lost" };

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Unix seconds, or null when it is not applied. */
  readonly appliedAt: number | null;
}

export interface StoreStats {
  /** Connections to the database; of SQLite its one thread. */
  readonly open: number;
  readonly busy: number;
  /** Calls that wait for one. */
  readonly waiting: number;
}

export interface Store {
  /** `taken`: another user has this canonical login. */
  createUser(input: {
    readonly user: Omit<User, "passwordVersion" | "rolesVersion" | "disabled" | "createdAt">;
    readonly now: number;
    readonly origin: Origin;
  }): Promise<"created" | "taken">;
  findUser(canonical: string): Promise<User | undefined>;
  findUserById(id: string): Promise<User | undefined>;
  /** In the order of canonical logins, at most `limit` behind `after`, or fewer; without `next` it was the last page. */
  listUsers(page: {
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly users: readonly User[]; readonly next: string | undefined }>;
  /**
   * A new password: `changed` when `passwordVersion` was given and is no longer the user's (another change won).
   * Ends the user's sessions but `exceptSession`; `ended` when that one was given and is live no more.
   */
  setPassword(
    input: Ending & {
      readonly userId: string;
      readonly passwordHash: string | null;
      readonly passwordVersion: number | undefined;
      readonly exceptSession: string | undefined;
      /** The attempt at the old password that was right: settled in the same transaction, as wrong if `changed` or `ended`. */
      readonly attempt?: Attempt | undefined;
    },
  ): Promise<{
    readonly outcome: "done" | "unknown" | "changed" | "ended";
    readonly revocations: readonly Revocation[];
  }>;
  /** The same password under today's parameters; nothing happens when `from` is no longer the hash. */
  rehashPassword(input: {
    readonly userId: string;
    readonly from: string;
    readonly to: string;
    readonly now: number;
    readonly origin: Origin;
  }): Promise<void>;
  /** `set` replaces all; else `remove` and then `add`. A role taken away writes a "roles" revocation. */
  setRoles(
    input: Ending &
      ForeignTokens & {
        readonly userId: string;
        readonly change:
          | { readonly set: readonly string[] }
          | { readonly add: readonly string[]; readonly remove: readonly string[] };
      },
  ): Promise<{ readonly user: User | undefined; readonly revocations: readonly Revocation[] }>;
  /** Disabling ends the user's sessions and writes a "user" revocation, also when the user was disabled already. */
  setDisabled(
    input: Ending & ForeignTokens & { readonly userId: string; readonly disabled: boolean },
  ): Promise<{ readonly found: boolean; readonly revocations: readonly Revocation[] }>;
  deleteUser(
    input: Ending & ForeignTokens & { readonly userId: string },
  ): Promise<{ readonly found: boolean; readonly revocations: readonly Revocation[] }>;

  /**
   * Gives the import's number. Nobody sees its users until it is published, and they hold nobody up; those of a `trial`,
   * which cannot be published, hold no other import up either.
   */
  startImport(input: { readonly now: number; readonly trial: boolean }): Promise<number>;
  /**
   * A batch; without users it only says that the owner is still there. `displaces: false` for a trial, which takes no
   * login from another import.
   */
  stageUsers(input: {
    readonly n: number;
    readonly users: readonly StagedUser[];
    readonly displaces: boolean;
    readonly now: number;
  }): Promise<StageOutcome>;
  /** One small transaction, whatever its size. */
  publishImport(input: {
    readonly n: number;
    readonly now: number;
    readonly origin: Origin;
    readonly detail: NonNullable<AuditEntry["detail"]>;
  }): Promise<PublishOutcome>;
  /**
   * Removes at most `limit` rows of import `n`, or of one whose owner was not heard of for a minute; a published one stays.
   * False when there was nothing to do.
   */
  deleteUnpublishedImports(input: {
    readonly n: number | undefined;
    readonly now: number;
    readonly limit: number;
  }): Promise<boolean>;
  /** The kinds of hashes that are not of today, each once. */
  listHashKinds(): Promise<readonly string[]>;
  /** Counts a page of users; without `next` it was the last. */
  countHashKinds(page: {
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly counts: readonly HashCount[]; readonly next: string | undefined }>;

  createSession(input: NewSession): Promise<CreateSessionOutcome>;
  /**
   * Sets `auth_time` of a live session of that user and moves it a generation on; `refused` if there is none, or the user
   * may not log in. It then records nothing: `createSession` comes next.
   */
  reauthenticate(
    input: Omit<NewSession, "random" | "maxSeconds" | "sessionsPerUser" | "event"> & { readonly sessionId: string },
  ): Promise<CreateSessionOutcome>;
  renewSession(input: Renewal): Promise<RenewOutcome>;
  /** A session that is live at `now`, with the stored user that it belongs to (for `live`). */
  findSession(input: {
    readonly id: string;
    readonly now: number;
  }): Promise<{ readonly session: Session; readonly user: User | undefined } | undefined>;
  /** Live sessions, the newest first. */
  listSessions(input: { readonly userId: string; readonly now: number }): Promise<readonly Session[]>;
  /**
   * The ids of users who have sessions that were not ended under this login, by its spelling or, of ASCII letters, in any case:
   * where an application keeps the users, nothing else here knows them. Reads the whole table: for operators.
   */
  findSessionUsers(input: { readonly login: string; readonly canonical: string }): Promise<readonly string[]>;
  /** Of everybody; `idle`: those not renewed since `idleSince`. Reads the whole table: for operators. */
  countSessions(input: {
    readonly now: number;
    readonly idleSince: number;
  }): Promise<{ readonly live: number; readonly idle: number }>;
  /**
   * `ended: false` when there is no such live session (of `userId`, where given). One that is idle too long is still ended
   * while an access token of it is good. `seenExpires`: the `exp` of an access token of it that is good, where one was shown.
   * A store that has lost its last writes may not know the session, or not the latest of its tokens: they are revoked as well.
   */
  endSession(
    input: Ending & {
      readonly id: string;
      readonly userId: string | undefined;
      readonly reason: EndReason;
      readonly seenExpires?: number | undefined;
    },
  ): Promise<{ readonly ended: boolean; readonly revocations: readonly Revocation[] }>;
  endUserSessions(
    input: Ending & {
      readonly userId: string;
      readonly exceptSession: string | undefined;
      readonly reason: EndReason;
    },
  ): Promise<readonly Revocation[]>;
  /**
   * Ends the sessions of a user, of whichever table, and writes a "user" revocation by the names that are given: `login` as the
   * tokens of other software say it.
   */
  revokeUserTokens(
    input: Ending & ForeignTokens & { readonly userId: string; readonly login: string; readonly reason: EndReason },
  ): Promise<readonly Revocation[]>;
  /** Moves the era on: every session that is live now is over, in one row. */
  endAllSessions(input: Ending & ForeignTokens & { readonly accessTtlSeconds: number }): Promise<readonly Revocation[]>;

  /** Rows with a number above `after` that are still live at `now`. */
  readRevocations(input: { readonly after: number; readonly now: number }): Promise<RevocationPage>;
  revokeKey(input: Ending & { readonly kid: string }): Promise<readonly Revocation[]>;

  /**
   * Takes one try from every counter and source, or from none: however many ask at once, no more are admitted than there
   * are. A refusal is recorded (`event`) once for each counter, caller's source and window.
   */
  admitAttempt(
    input: Attempt & {
      readonly now: number;
      readonly origin: Origin;
      readonly event: "login_throttled" | "password_throttled";
      /** For the audit log: the account, if there is one. It is not kept. */
      readonly canonical: string;
    },
  ): Promise<AttemptVerdict>;
  /** `login`: of the account that was tried, if there is one. `audit` is recorded with it. */
  settleAttempt(
    input: Attempt & {
      readonly outcome: AttemptOutcome;
      readonly now: number;
      readonly login: string | undefined;
      readonly audit: AuditEntry | undefined;
    },
  ): Promise<void>;
  /** Removes the oldest beyond `rowsMax` counters and as many sources, some at a time: `more` says whether some are left. */
  pruneAttempts(input: { readonly rowsMax: number }): Promise<{ readonly more: boolean }>;
  /** The longest held first, at most `limit`; recorded. */
  listLockouts(input: {
    readonly now: number;
    readonly windowSeconds: number;
    readonly lockAfter: number;
    readonly limit: number;
    readonly origin: Origin;
  }): Promise<readonly Lockout[]>;
  /** How many rows were removed; recorded. */
  clearLockouts(input: {
    readonly target: LockoutTarget;
    readonly now: number;
    readonly origin: Origin;
  }): Promise<number>;

  recordAudit(entry: AuditEntry): Promise<void>;
  /** The newest `limit` rows, in the order in which they were written. */
  listAudit(input: {
    readonly login: string | undefined;
    readonly since: number | undefined;
    readonly limit: number;
  }): Promise<readonly AuditRow[]>;

  /** Asks for the lease on removing old rows: one holder at a time, over all processes. Never waits for another. */
  takeHousekeepingLease(
    input: HousekeepingLease & {
      /** Not before the last turn is over by so long; undefined: by hand, now, and whatever the clock did. */
      readonly everySeconds: number | undefined;
    },
  ): Promise<HousekeepingTurn>;
  /** One small batch, in a transaction that holds the lease on. `lost`: somebody else has it by now; nothing was removed. */
  deleteOldRows(input: HousekeepingLease & OldRows): Promise<DeletedRows>;
  /** The turn is over; the lease is free. */
  releaseHousekeepingLease(input: HousekeepingLease): Promise<void>;

  /** The clock that all processes on the store share, Unix milliseconds; undefined where it is that of the machine. */
  readClock(): Promise<number | undefined>;
  /** How busy the store is in this process. */
  stats(): StoreStats;
  /** Whether the application that uses these sessions keeps its own user table. */
  readApplicationOwnsUsers(): Promise<boolean>;
  writeApplicationOwnsUsers(elsewhere: boolean): Promise<void>;

  /** Answers within `timeoutMs` or rejects. */
  ping(timeoutMs: number): Promise<void>;
  /** May be called twice; what waits is finished or refused. */
  close(): Promise<void>;
}
