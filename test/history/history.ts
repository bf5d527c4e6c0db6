// The history of a run: the requests to a fleet and the responses, as they are recorded, saved and checked.
// It contains no secret. A token is recorded as its session, generation and `jti`, a password or key as its name.

/** The claims of an access token and the facts that came with it. */
export interface Token {
  readonly login: string;
  readonly sub: string;
  readonly sid: string;
  readonly gen: number;
  readonly jti: string;
  readonly roles: readonly string[];
  /** Unix seconds. */
  readonly exp: number;
}

export interface Granted extends Token {
  /** Unix seconds. Undefined if there was no refresh token. */
  readonly refreshExpires: number | undefined;
}

/** A device proof: the client that got it, and the password at that time. */
export interface Proof {
  readonly place: string;
  readonly password: string;
}

/** `login` is always the account that it is about. */
export type Request =
  | {
      readonly kind: "login";
      readonly login: string;
      readonly password: string;
      readonly address: string;
      readonly device?: Proof | undefined;
      /** A live session to re-authenticate. */
      readonly bearer?: Token | undefined;
    }
  | {
      readonly kind: "renew";
      readonly login: string;
      readonly sid: string;
      readonly gen: number;
      readonly by: "refresh_token" | "access_token";
      /** The `exp` of an access token, in Unix seconds. */
      readonly exp?: number | undefined;
      /** The idempotency key. */
      readonly key?: string | undefined;
    }
  /** `guard` reads no database. `list` reads the user's sessions from it. `end` ends all of them. */
  | { readonly kind: "guard" | "list" | "logout" | "end"; readonly login: string; readonly token: Token }
  | {
      readonly kind: "password";
      readonly login: string;
      readonly token: Token;
      readonly old: string;
      readonly next: string;
    }
  /** By an operator, in a process of their own. `expel` ends all sessions of a user. */
  | { readonly kind: "disable" | "enable" | "expel"; readonly login: string }
  | {
      readonly kind: "roles";
      readonly login: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    };

export type Kind = Request["kind"];

export interface ReadResponse {
  /** The HTTP status. For operators 200 means done. */
  readonly status: number;
  readonly error?: string | undefined;
  readonly granted?: Granted | undefined;
  /** The listed ids. */
  readonly sessions?: readonly string[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** Times are milliseconds since the run began, by one monotonic clock. */
export interface Operation<R extends Request = Request> {
  readonly n: number;
  readonly client: string;
  /** A process and its incarnation (`2.1`), or `operator`. */
  readonly process: string;
  /** The time before it was sent. */
  readonly start: number;
  /** The time when the response was read, or given up. */
  readonly end: number;
  readonly request: R;
  /** Null if it is unknown whether it was done. */
  readonly response: ReadResponse | null;
}

export type OperationOf<K extends Kind> = Operation<Extract<Request, { readonly kind: K }>>;

export interface AuditRow {
  readonly n: number;
  /** Unix seconds. */
  readonly at: number;
  readonly event: string;
  readonly reason: string | null;
  readonly login: string | null;
  readonly sessionId: string | null;
  readonly address: string | null;
  /** The generation that a renewal presented. */
  readonly gen: number | undefined;
}

export interface Life {
  /** With its incarnation. */
  readonly process: string;
  readonly start: number;
  readonly ready: number;
  /** Undefined: until the end. */
  readonly end: number | undefined;
}

/** The limits in the fleet's configuration (docs/reference/configuration.md). */
export interface Limits {
  readonly tries: number;
  readonly knownTries: number;
  readonly windowSeconds: number;
  readonly addressLogins: number;
  readonly leewaySeconds: number;
}

export interface History {
  readonly seed: string;
  readonly store: string;
  readonly limits: Limits;
  /** The Unix milliseconds at which the run's clock was 0. */
  readonly startedAtMs: number;
  readonly users: readonly { readonly login: string; readonly password: string; readonly roles: readonly string[] }[];
  readonly lives: readonly Life[];
  readonly operations: readonly Operation[];
  readonly audit: readonly AuditRow[];
}

/** Every statement that a history can break, with its meaning. */
export const statements = {
  wrong_successor: "a renewal gives the generation after the one that it presents, of the same session",
  two_successors: "exactly one renewal moves a generation on",
  responses_disagree: "all responses with a generation contain the same one",
  old_generation_renewed: "a generation that is two behind renews nothing",
  grace_exceeded: "the previous generation renews for 10 s, then only with the key that moved it",
  renewed_past_login:
    "new tokens of a login or a changed password leave no grace: a generation before them renews nothing",
  accepted_after_end: "no token is accepted after its session's end: at once where it was ended, within 1 s elsewhere",
  role_accepted_after_removal: "no token with a removed role is accepted after 1 s",
  done_after_end: "a session that has ended renews nothing and changes no password",
  listed_after_end: "a session that has ended is not listed",
  login_while_disabled: "a disabled user does not sign in",
  login_with_wrong_password: "only the current password signs in",
  logged_out_without_cause: "a session is rejected only after an event that could have ended it",
  rejected_without_cause: "the right password of an enabled user is not rejected",
  ended_without_cause: "an end in the audit log has a request that caused it",
  not_recorded: "every acknowledged event is in the audit log",
  recorded_too_often: "the audit log contains no event without a request, and none twice",
  too_many_guesses: "wrong passwords are verified as often as allowed and no more, at any process",
  accepted_beyond_limit: "the right password does not slip through beyond the limit",
  rejected_too_early: "no attempt is rejected before the allowed ones are used up",
  known_device_rejected: "guesses of strangers delay no user on a known device",
  unexpected_response: "a response is one of those that the contract names",
} as const;
export type Statement = keyof typeof statements;

export interface Violation {
  readonly statement: Statement;
  /** The exact violation, in one line. */
  readonly because: string;
  /** The proof. */
  readonly operations: readonly Operation[];
  readonly rows?: readonly AuditRow[];
}
