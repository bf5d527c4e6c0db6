// The type of an instance. ampho.ts creates one.
import type { Server } from "node:http";
import type { Authenticate } from "./adapters/authenticate.js";
import type { Authorize } from "./adapters/authorize-types.js";
import type { FetchHandler } from "./adapters/fetch.js";
import type { Renew } from "./adapters/renew.js";
import type { VouchedLevel } from "./flows/manage/create-session.js";
import type { Management, UserRef } from "./flows/manage/management.js";
import type { RecoveryBegun, RecoveryOptions } from "./flows/manage/recover.js";
import type { Guard } from "./guard/guard.js";
import type { CookieMode } from "./http/rest/cookies/cookie-mode.js";
import type { DrainOptions, Health } from "./http/server/drain.js";
import type { ServedHost } from "./http/server/server.js";
import type { Revoked } from "./sessions/revoked.js";
import type { Auth } from "./tokens/auth.js";
import type { Credential } from "./tokens/credential.js";
import type { Grant } from "./wire/login.js";

/**
 * An instance: the guard, the REST API, and the functions that manage users, sessions, factors, keys and mails. `S` are
 * the scopes that `createAmpho({ scopes })` states, as in `Ampho<"articles:read" | "articles:write">`, else any text.
 */
export interface Ampho<S extends string = string> extends Omit<Management<S>, "sessions" | "users"> {
  /** Users of the database, named by their logins in any spelling. */
  readonly users: Management["users"] & {
    /**
     * Begins the recovery of an account (docs/operate/recovery.md), and mails or returns a link to a new password. The
     * link asks for the number `match`, and for a second factor where the account has one. `withoutFactors` removes
     * them instead, and the link works 24 hours later. A user with a proven address gets a notice at once. Rejects with
     * `not_found`, also where no mail can be sent unless `print` is true. Rejects with `invalid_request` for a disabled
     * user, and for one without an address unless `print` is true.
     * @example const { match } = await ampho.users.recover("alice", { reason: "Lost the phone. Checked by a call." });
     */
    recover(user: string | UserRef, options: RecoveryOptions): Promise<RecoveryBegun>;
  };
  /** Sessions of users of the database, or of the application's own user table. */
  readonly sessions: Management["sessions"] & {
    /**
     * Creates a session for a user whom the application has authenticated itself, and resolves to the response of
     * login. An application's own user table is read by `findById`. Without it, `find` gets the login of one of the
     * user's sessions, or else the id. The tokens carry the `level` that the application has checked. Without it the
     * session is `1fa` and no recent login. Rejects with `not_found`, with `transaction_over` for a
     * `once` of more than 60 s ago, or with `invalid_credentials` for a disabled user.
     * @example await ampho.sessions.create(user.id, { amr: ["fed", "mfa"] });
     */
    create(userId: string, level?: VouchedLevel): Promise<Grant>;
  };
  /**
   * Guards Fetch handlers: a wrapper and a decorator, with requirements or without.
   * @example
   * export const GET = ampho.authorize({ roles: ["editor"] }, (request, { login }) => Response.json({ login }));
   */
  readonly authorize: Authorize<unknown, S>;
  /**
   * Returns the user of a request, or undefined without a valid token: for a page that the server renders, which then
   * redirects to the login. Rejects with the code of the error where the token could not be checked, and where the user
   * does not meet the requirements, such as `insufficient_scope`. With `redirect`, a request without a user rejects
   * too, and `details.location` is the path to which the page sends the browser (docs/guides/pages.md).
   * @example
   * const auth = await ampho.authenticate({ headers }); // `await headers()` of Next.js
   * const editor = await ampho.authenticate(request, { roles: ["editor"], acr: "2fa" });
   */
  readonly authenticate: Authenticate<S>;
  /**
   * Renews the session of a request to a page, where its access token has ended. Resolves to the new tokens for the
   * rest of the request and for the response (docs/guides/cookies.md). They are in `request` too, where the host allows
   * it. A request that a page of another site can have sent is not renewed. Rejects with ConfigurationError without
   * AMPHO_SECURITY_COOKIES, and with `unavailable` while the database is.
   * @example
   * const { auth, headers, addCookies } = await ampho.renew(request);
   * const response = addCookies(new Response(`Hello ${auth?.login}`));
   */
  readonly renew: Renew;
  /**
   * Verifies an access token. `credentials` is what it can be, as in requirements. Rejects with `invalid_token`,
   * `credential_not_accepted` or `unavailable`.
   * @example const { login, roles } = await ampho.verify(token);
   */
  verify(token: string, credentials?: readonly Credential[]): Promise<Auth<S>>;
  /**
   * Verifies an access token without a promise, as every guard does. After a pause of this process it cannot wait for
   * the revocations, so it throws `unavailable` until they were read.
   * @example const { login, roles } = ampho.verifySync(token);
   */
  verifySync(token: string, credentials?: readonly Credential[]): Auth<S>;
  /**
   * The REST API as one Fetch handler. `address` is the address of the peer, if the host knows it.
   * @example const response = await ampho.fetch(request, { address });
   */
  readonly fetch: FetchHandler;
  /**
   * The scopes that the roles have. Undefined where none are configured.
   * @example const scopes = ampho.scopes ?? [];
   */
  readonly scopes: readonly S[] | undefined;
  /**
   * Calls `listener` for each session that ends and each user, role or key that is revoked, in any process. Returns a
   * function that stops it. Throws `invalid_request` if `listener` is not a function.
   * @example
   * const stop = ampho.onRevoked((revoked) => {
   *   if (revoked.kind === "session") closeSocketsOf(revoked.session);
   * });
   */
  onRevoked(listener: (revoked: Revoked) => void): () => void;
  /**
   * Returns the metrics (docs/operate/metrics.md) as Prometheus text, for a route of the application.
   * @example app.get("/metrics", (request, response) => response.type("text/plain").send(ampho.metrics()));
   */
  metrics(): string;
  /**
   * Returns the status and the JSON for a route that a balancer asks, as `/readyz` of `ampho serve` responds. The
   * status is 503 while the database or the revocations cannot be read, and from the call of `drain` on.
   * @example
   * app.get("/readyz", async (request, response) => {
   *   const { status, body } = await ampho.health();
   *   response.status(status).json(body);
   * });
   */
  health(): Promise<Health>;
  /**
   * Ends a server of the application as `ampho serve` ends its own. From now on each connection ends with its next
   * response, and `health` returns 503. After AMPHO_SHUTDOWN_DELAY the port closes, and running requests have `limit`
   * to finish, by default `"5s"`. Resolves when the server is closed. The instance stays open until `close`. Throws a
   * TypeError for anything but a server of `node:http` or `node:https`.
   * @example process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
   */
  drain(server: Server, options?: DrainOptions): Promise<void>;
  /**
   * Stops everything. Can be called twice. Nothing keeps the process alive afterwards.
   * @example process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
   */
  close(): Promise<void>;
  /**
   * Reads AMPHO_SECURITY_KEY_FILE now. Without a call a changed file is read within seconds. Rejects with
   * ConfigurationError if the file cannot be used or is not configured, and keeps the old keys.
   * @example process.on("SIGHUP", () => void ampho.reloadKeys().catch(console.error));
   */
  reloadKeys(): Promise<void>;
  /** The members for adapters and servers. Applications do not need it. */
  readonly host: AmphoHost;
}

/** For adapters and servers. */
export interface AmphoHost extends ServedHost {
  readonly guard: Guard["guard"];
  /** Tokens in cookies. Undefined without AMPHO_SECURITY_COOKIES. `cookiesOf` is for logins by `sessions.create`. */
  readonly cookies: CookieMode | undefined;
  /** Rejects with `unavailable` unless the database responds and revocations were read, both within the last second. */
  ready(): Promise<void>;
  /**
   * Codes of faults that another process would have too, so `/readyz` stays 200.
   * - `signing_key_file_unusable`: the changed key file cannot be used.
   * - `signing_key_revoked`: login and renewal return 503 until there is another key.
   * - `clock_off`: this machine's clock differs from the database's by more than the leeway.
   */
  warnings(): readonly string[];
  /** Responds to all requests that wait at the revocation feed, for up to 20 s, and lets no further one wait. */
  release(): void;
}
