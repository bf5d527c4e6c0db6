// The bodies of GET /account, /account/export, /passkeys and /sessions. Times are Unix seconds.

import type { Acr } from "../levels/acr.js";
import type { Policy } from "../levels/policy.js";
import type { ApiKeyView } from "./api-keys.js";
import type { ConnectionView } from "./connect.js";

/** A passkey of the account. */
export interface PasskeyView {
  /** The credential id, in base64url. */
  readonly id: string;
  /** The name in the user's list. */
  readonly name: string;
  /** The time at which it was added, in Unix seconds. */
  readonly created: number;
  /** The time of the last login with it, in Unix seconds. Null before the first one. */
  readonly used: number | null;
  /** True if the passkey is backed up, such as by the account of a phone. */
  readonly synced: boolean;
  /** How the browser reaches the authenticator (WebAuthn L3 §5.8.4), such as `internal`. */
  readonly transports: readonly string[];
  /** The name of the passkey provider or model, or null if it is unknown. */
  readonly provider: string | null;
}

export interface PasskeyListing {
  readonly passkeys: readonly PasskeyView[];
  /** The relying party. */
  readonly rp: string;
  /** The user handle of the account. Null before the first registration. */
  readonly user: string | null;
  /** The ids of all passkeys, for `PublicKeyCredential.signalAllAcceptedCredentials`. */
  readonly accepted: readonly string[];
}

/** An identity of the account at an outside provider. */
export interface LinkedIdentity {
  /** The id, for `identities.unlink` of `ampho/client/outside`. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
}

/** The account of the user who is signed in. */
export interface AccountView {
  /** The id of the user. */
  readonly id: string;
  /** The login name of the user. */
  readonly login: string;
  /** The address to which mails go, or null. */
  readonly email: string | null;
  /** True if the user has proven the address. */
  readonly email_proven: boolean;
  /** The address that waits because the user has lost the mailbox, or null. */
  readonly email_change: {
    /** The new address. */
    readonly to: string;
    /** The time at which its code is mailed, in Unix seconds. */
    readonly from: number;
  } | null;
  /** The creation in Unix seconds, or null where the application keeps its own user table. */
  readonly created: number | null;
  /** How much a sign-in to this account must prove. */
  readonly policy: Policy;
  /** False if the user signs in without one. */
  readonly password: boolean;
  /** The passkeys of the account. */
  readonly passkeys: readonly PasskeyView[];
  /** The authenticator app, or null. */
  readonly totp: {
    /** The time at which the app was set up, in Unix seconds. */
    readonly since: number;
  } | null;
  /** The number of recovery codes that are left. */
  readonly recovery_codes: number;
  /** The identities at outside providers. */
  readonly identities: readonly LinkedIdentity[];
}

/** A live session of the user. Times are Unix seconds. */
export interface SessionView {
  /** The id, for `sessions.end`. */
  readonly id: string;
  /** True for the session of the caller's own token. */
  readonly current: boolean;
  /** The time of the login. */
  readonly created: number;
  /** The time of the last renewal. */
  readonly renewed: number;
  /** The end of the session unless it is renewed. */
  readonly expires: number;
  /** The address of the last login or renewal, or null. */
  readonly address: string | null;
  /** The user agent of the last login or renewal, or null. */
  readonly agent: string | null;
  /** The name of the browser, such as `Firefox`, from the user agent. Null for another browser or a program. */
  readonly browser: string | null;
  /** How the user signed in (RFC 8176). */
  readonly amr: readonly string[];
  /** The level of that login. */
  readonly acr: Acr;
}

/** Something that can still sign in to the account, or act for it. */
export interface AccessItem {
  /** The kind of the entry. `password` and `login` are the way in by password. */
  readonly kind:
    | "session"
    | "passkey"
    | "totp"
    | "recovery_codes"
    | "identity"
    | "api_key"
    | "connection"
    | "password"
    | "address"
    | "login";
  /** The id with which it is ended, or null. */
  readonly id: string | null;
  /** Its name, its provider, the address or login itself, or how many codes are left. */
  readonly name: string | null;
  /** The time at which it was added, in Unix seconds, or null. */
  readonly created: number | null;
  /** The client's IP address of that time, as long as the audit log is kept. */
  readonly address: string | null;
  /** The name of the browser of that time, or null. */
  readonly browser: string | null;
  /** The one who added it, or null if the audit log is not kept so long. */
  readonly actor: "user" | "operator" | "application" | null;
  /** The time of its last use, in Unix seconds, or null. */
  readonly used: number | null;
  /** True if a code of the mailbox or a passkey has confirmed it. Null if it needs none. */
  readonly confirmed: boolean | null;
  /** True for the session of the caller's own token, and for what that session has proven itself. */
  readonly current: boolean;
}

/** Everything that can still sign in to the account, or act for it. */
export interface AccessView {
  /** The newest 200 sessions, API keys and connections, and everything else. */
  readonly access: readonly AccessItem[];
  /** A policy for second factors that an operator has set, weaker than that of the roles. Null: there is none. */
  readonly weaker_policy: Policy | null;
}

/** An entry of the audit log about the user. */
export interface ExportedEvent {
  /** The time of the event, in Unix seconds. */
  readonly at: number;
  /** The event, as docs/reference/audit-events.md lists it. */
  readonly event: string;
  /** The reason of a rejection or an end, or null. */
  readonly reason: string | null;
  /** The id of the session, or null. */
  readonly session: string | null;
  /** The one who caused the event. */
  readonly actor: "user" | "operator" | "application";
  /** The client's IP address, or null. */
  readonly address: string | null;
  /** The client's user agent, or null. */
  readonly agent: string | null;
}

/** Everything about a user, without a secret and without a key. */
export interface AccountExport {
  /** The account, as its user sees it. */
  readonly account: AccountView;
  /** The passkeys of the account. */
  readonly passkeys: readonly PasskeyView[];
  /** The identities at outside providers. */
  readonly identities: readonly LinkedIdentity[];
  /** The API keys, without the keys themselves. */
  readonly api_keys: readonly ApiKeyView[];
  /** The connected applications. */
  readonly connections: readonly ConnectionView[];
  /** The newest 1000 live sessions. */
  readonly sessions: readonly Omit<SessionView, "current">[];
  /** The newest 1000 entries of the audit log about the user. */
  readonly events: readonly ExportedEvent[];
}
