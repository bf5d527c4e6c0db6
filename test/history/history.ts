// The history of a run: what clients asked of a fleet and what they were told, as it is recorded, saved and judged.
// No secret is in it: a token is its session, generation and `jti`, a password or an idempotency key is its name.

/** What a client can read in an access token, and was told with it. */
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
  /** Unix seconds; undefined where no refresh token was given. */
  readonly refreshExpires: number | undefined;
}

/** A device proof: which client it was given to, and for which password. */
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
      /** A live session that is to be re-authenticated. */
      readonly bearer?: Token | undefined;
    }
  | {
      readonly kind: "renew";
      readonly login: string;
      readonly sid: string;
      readonly gen: number;
      readonly by: "refresh_token" | "access_token";
      /** Of an access token, Unix seconds. */
      readonly exp?: number | undefined;
      /** The idempotency key. */
      readonly key?: string | undefined;
    }
  /** `guard` asks no store; `list` are the user's sessions, by the store; `end` ends all of them. */
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

export interface Answer {
  /** Of HTTP; for operators 200 is done. */
  readonly status: number;
  readonly error?: string | undefined;
  readonly granted?: Granted | undefined;
  /** Ids that were listed. */
  readonly sessions?: readonly string[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** Times are milliseconds since the run began, by one monotonic clock. */
export interface Operation<R extends Request = Request> {
  readonly n: number;
  readonly client: string;
  /** A process and its incarnation (`2.1`), or `operator`. */
  readonly process: string;
  /** Before it was sent. */
  readonly start: number;
  /** When the answer was read, or given up. */
  readonly end: number;
  readonly request: R;
  /** Null: nobody knows whether it was done. */
  readonly answer: Answer | null;
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

/** What the fleet was configured to allow (docs/configuration.md). */
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
  /** Unix milliseconds at which the run's clock was 0. */
  readonly startedAtMs: number;
  readonly users: readonly { readonly login: string; readonly password: string; readonly roles: readonly string[] }[];
  readonly lives: readonly Life[];
  readonly operations: readonly Operation[];
  readonly audit: readonly AuditRow[];
}

/** Every statement that a history can break, and what it says. */
export const statements = {
  wrong_successor: "a renewal gives the generation after the one that it presents, of the same session",
  two_successors: "exactly one renewal moves a generation on",
  answers_disagree: "all who get a generation get the same one",
  old_generation_renewed: "a generation that was passed by two renews nothing",
  grace_exceeded: "the generation before renews for 10 s, then only with the key that moved it",
  renewed_past_login: "a re-authentication leaves no grace: a generation before it renews nothing",
  accepted_after_end: "no token is accepted after its session's end: at once where it was ended, within 1 s elsewhere",
  role_accepted_after_removal: "no token with a role that was taken away is accepted after 1 s",
  done_after_end: "a session that has ended renews nothing and changes no password",
  listed_after_end: "a session that has ended is not listed",
  let_in_disabled: "a disabled user does not log in",
  let_in_with_wrong_password: "only the password of now logs in",
  logged_out_without_cause: "a session is refused only after something that may have ended it",
  refused_without_cause: "the right password of an enabled user is not called wrong",
  ended_without_cause: "an end in the audit log was asked for by somebody",
  not_recorded: "what was acknowledged is in the audit log",
  recorded_too_often: "nothing is in the audit log that was not asked for, and nothing twice",
  too_many_guesses: "wrong passwords are looked at as often as allowed, and no more, whatever process is asked",
  let_in_beyond_limit: "the right password does not slip through beyond the limit",
  refused_too_early: "no guess is held back before the allowed ones are used up",
  known_place_refused: "guesses of strangers hold nobody back where they were before",
  unexpected_answer: "an answer is one of those that the contract names",
} as const;
export type Statement = keyof typeof statements;

export interface Violation {
  readonly statement: Statement;
  /** What exactly, in one line. */
  readonly because: string;
  /** What proves it. */
  readonly operations: readonly Operation[];
  readonly rows?: readonly AuditRow[];
}
