// What Ampho does, as the HTTP room sees it: flows bound to their deps by ampho.ts. They throw AmphoError and know no HTTP.

import type { Feed } from "../sessions/feed.js";
import type { Auth, Requirements } from "../tokens/auth.js";

/** Who calls, as far as the host knows it. */
export interface Caller {
  /** The client's address, after AMPHO_TRUST_PROXY. */
  readonly address: string | undefined;
  /** `User-Agent`, cut to 255 characters, without control characters. */
  readonly agent: string | undefined;
}

/** The answer of login and renew: the fields of docs/http.md. Times are Unix seconds. */
export interface Grant {
  readonly token: string;
  readonly token_type: "Bearer";
  readonly starts: number;
  readonly expires: number;
  readonly ttl: number;
  readonly leeway: number;
  readonly refresh_token?: string;
  readonly refresh_expires?: number;
  /** Of login: proves at the next one that this user was let in here before. */
  readonly device?: string;
}

export interface SessionView {
  readonly id: string;
  readonly current: boolean;
  readonly created: number;
  readonly renewed: number;
  readonly expires: number;
  readonly address: string | null;
  readonly agent: string | null;
}

/** Tokens that a grant takes the place of where their holder keeps them, unchecked. */
export interface SupersededTokens {
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
}

export interface LoginInput {
  readonly login: string;
  readonly password: string | undefined;
  /** The token of a live session of the same user, which is then re-authenticated. */
  readonly bearer: string | undefined;
  /** The proof that this user was let in here before; one that is not good is ignored. */
  readonly device: string | undefined;
  /** The session that they are of ends, if it is another. */
  readonly superseded?: SupersededTokens;
}

export interface Flows {
  login(input: LoginInput, caller: Caller): Promise<Grant>;
  renew(
    input: (
      | { readonly refreshToken: string; readonly accessToken?: undefined }
      | { readonly accessToken: string; readonly refreshToken?: undefined }
    ) & { readonly idempotencyKey: string | undefined },
    caller: Caller,
  ): Promise<Grant>;
  logout(auth: Auth, caller: Caller): Promise<void>;
  listSessions(auth: Auth): Promise<readonly SessionView[]>;
  /** `not_found` unless it is a live session of the same user. */
  endSession(auth: Auth, sessionId: string, caller: Caller): Promise<void>;
  endSessions(auth: Auth, caller: Caller): Promise<void>;
  changePassword(
    auth: Auth,
    input: { readonly password: string; readonly newPassword: string },
    caller: Caller,
  ): Promise<void>;
  /** False when the application keeps its own user table: `/password` is then not there. */
  readonly keepsPasswords: boolean;
  /** What was revoked, for verifiers elsewhere; undefined without AMPHO_SECURITY_REVOCATION_FEED_TOKEN: `/revocations` is then not there. */
  readonly readFeed: Feed["read"] | undefined;
  /** The public JWK Set. */
  publicKeys(): { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /** Guards a request by its one Authorization value; a promise only where the need has to wait. */
  guard<R>(
    authorization: string | undefined,
    need: Requirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
  /** Rejects with `unavailable` when the store does not answer within a second or its revocations were not read within the last one. */
  ready(): Promise<void>;
}
