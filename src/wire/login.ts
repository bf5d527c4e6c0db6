// The bodies of GET and POST /login, GET /session and POST /renew. Times are Unix seconds.
import type { WebAuthnJson } from "./begun.js";

/** The response of login and renew, with the fields of docs/reference/http.md. Times are Unix seconds. */
export interface Grant {
  /** The access token, for `Authorization: Bearer TOKEN` (RFC 6750 §2.1). */
  readonly token: string;
  /** Always `Bearer`. */
  readonly token_type: "Bearer";
  /** The token's `nbf`. */
  readonly starts: number;
  /** The token's `exp`. */
  readonly expires: number;
  /** `expires` minus `starts`, in seconds. */
  readonly ttl: number;
  /** The clock skew that is allowed around both, in seconds. */
  readonly leeway: number;
  /** The token for the next renewal. Absent after a renewal by access token. */
  readonly refresh_token?: string;
  /** The end of the refresh token. */
  readonly refresh_expires?: number;
  /** Only of login: proves at the next login that this user has signed in on this device before. */
  readonly device?: string;
  /** Only of a login by recovery code: how many codes are left. */
  readonly recovery_codes_left?: number;
  /** True at the first login after a reset, an alarm or a recovery: show what can still sign in or act. */
  readonly review?: boolean;
}

/** The codes that are shown once: after the first second factor of an account, and after their renewal. */
export interface RecoveryCodes {
  readonly recovery_codes: readonly string[];
}

/** The user who is signed in, and the session. */
export interface ClientSession {
  /** The user's id. */
  readonly id: string | null;
  /** The login name of the user. */
  readonly login: string;
  /** The roles of the user, for what the page shows. The server decides by the token. */
  readonly roles: readonly string[];
  /** The scopes of those roles. */
  readonly scopes: readonly string[];
  /** Null for a token without a session. */
  readonly session: {
    /** The id of the session. */
    readonly id: string;
    /** The time of the login, in Unix seconds. */
    readonly authenticated: number | null;
  } | null;
  /** The methods that the user proved at the login (RFC 8176), such as `pwd` and `otp`. */
  readonly amr: readonly string[];
  /** The level of the login: `1fa`, `2fa` or `phr`. */
  readonly acr: string | null;
  /** The `nbf` of the present access token in Unix seconds. */
  readonly starts: number | null;
  /** The `exp` of the present access token in Unix seconds. The client renews it before that. */
  readonly expires: number;
}

/** The ways to sign in. */
export interface Ways {
  /** True if a password signs in. */
  readonly password: boolean;
  /** True if a passkey signs in. The client also returns false in a browser without passkeys. */
  readonly passkey: boolean;
  /** True if a mailed code or link signs in. */
  readonly mail: boolean;
  /** The outside providers. */
  readonly providers: readonly {
    /** The name for `loginWith` of `ampho/client/outside`. */
    readonly name: string;
    /** The text of a button. */
    readonly label: string;
  }[];
  /** The people who can register. */
  readonly registration: "closed" | "invite" | "open";
}

export interface WaysIn {
  readonly ways: Ways;
  /** For a login by passkey. Null while passkeys are not offered. */
  readonly transaction: string | null;
  readonly passkey: WebAuthnJson | null;
  /** When a login asks for a captcha. Null: never. */
  readonly captcha: { readonly when: "throttled" } | null;
}
