// The composition: createAmpho reads the configuration, creates everything and binds the flows. Only
// open-management.ts, for what needs no key, composes too. The file is long: it has the docs of the public type.

import type { Server } from "node:http";
import { type Authenticate, createAuthenticate } from "./adapters/authenticate.js";
import type { Authorize } from "./adapters/authorize-types.js";
import { createFetchHandler, type FetchHandler } from "./adapters/fetch.js";
import { createFetchAuthorize } from "./adapters/fetch-authorize.js";
import { respondWithPage } from "./adapters/fetch-pages.js";
import { createRenew, type Renew } from "./adapters/renew.js";
import type { Origin } from "./audit/entry.js";
import { type Clock, systemClock } from "./clock.js";
import { type Configuration, readConfiguration } from "./config/configuration.js";
import { processContext } from "./config/process-context.js";
import { followKeyFile, type KeyFileFollower } from "./config/read-signing-key.js";
import { AmphoError, ConfigurationError } from "./errors.js";
import { createDeviceProofs } from "./factors/device-proofs.js";
import { createMailTokens } from "./factors/mail-tokens.js";
import { relyingPartyOf } from "./factors/passkey/relying-party.js";
import { createTotpSecrets } from "./factors/totp/totp.js";
import { createTransactions } from "./factors/transactions.js";
import type { Caller, Deps } from "./flows/deps.js";
import { bindFlows } from "./flows/flows.js";
import { startHousekeeping } from "./flows/housekeeping.js";
import { callback } from "./flows/manage/checks.js";
import { createManagement } from "./flows/manage/create-management.js";
import { createSession, type VouchedLevel } from "./flows/manage/create-session.js";
import type { Management, UserRef } from "./flows/manage/management.js";
import type { ManagementDeps } from "./flows/manage/manager.js";
import { type RecoveryBegun, type RecoveryOptions, recover, requireRecovery } from "./flows/manage/recover.js";
import { type RunningHooks, startUserHooks } from "./flows/manage/user-hooks.js";
import { createReadiness } from "./flows/readiness.js";
import { createApiKeyReader } from "./guard/api-keys.js";
import { createGuard, type Guard } from "./guard/guard.js";
import { checkLive } from "./guard/live-check.js";
import { challengeForResources } from "./guard/resource-challenge.js";
import { type CookieMode, createCookieMode } from "./http/rest/cookies/cookie-mode.js";
import { createRenewPage } from "./http/rest/cookies/renew-page.js";
import { featuresOf } from "./http/rest/features.js";
import { createHandler, type Handle } from "./http/rest/handler.js";
import { callerOf, callerOfAny } from "./http/rest/request/client-address.js";
import { isUnder, parseTarget } from "./http/rest/request/target.js";
import { createErrorResponder } from "./http/rest/responses/problems.js";
import { createRootDocuments } from "./http/rest/root-documents.js";
import { serverMetadata } from "./http/rest/server-metadata.js";
import { createEnding, type DrainOptions, type Health, watchAccepted } from "./http/server/drain.js";
import type { ServedHost } from "./http/server/server.js";
import { knownScopes } from "./levels/scopes.js";
import {
  databaseLine,
  forwardedLine,
  hookFailsLine,
  mailLine,
  plainHttpLine,
  signingKeyRevokedLine,
  usersElsewhereLine,
} from "./log-lines.js";
import { type Outbox, startOutbox } from "./mail/outbox.js";
import { languageOf } from "./mail/texts/language.js";
import { createMailLanguages } from "./mail/texts/mail-languages.js";
import { createTransport } from "./mail/transports/create.js";
import {
  bugReporter,
  closeDeps,
  closingOnError,
  mailingOrigin,
  type OpenedDeps,
  openDeps,
  toStderr,
} from "./open-management.js";
import {
  type AmphoOptions,
  type CompositionOptions,
  checkOptions,
  compositionNames,
  type Log,
  userHookNames,
} from "./options.js";
import type { Pages, PagesDeps } from "./pages/pages.js";
import type { Providers } from "./providers/provider.js";
import { createProviders, loadLibraryFor } from "./providers/providers.js";
import { createFeed } from "./sessions/feed.js";
import { followRevocations, hasRecentRevocations } from "./sessions/follow-revocations.js";
import { type Revoked, toRevoked } from "./sessions/revoked.js";
import { createSessionTokens, type SessionTokens } from "./sessions/session-tokens.js";
import type { Key } from "./signing-keys/key.js";
import { limitWaits } from "./store/report-failures.js";
import type { Store } from "./store/store.js";
import type { InstanceState } from "./telemetry/gauges.js";
import { createTelemetry, type Telemetry } from "./telemetry/telemetry.js";
import { type Captcha, createCaptcha, siteverify, type VerifyCaptcha } from "./throttle/captcha.js";
import { createDelayedRejection } from "./throttle/delayed-rejection.js";
import { createGuesses } from "./throttle/guesses.js";
import { createThrottle, shareThrottle, type Throttle } from "./throttle/throttle.js";
import { acceptsApiKeys } from "./tokens/api-key.js";
import type { Auth } from "./tokens/auth.js";
import type { Credential } from "./tokens/credential.js";
import { createKeyring, type Keyring } from "./tokens/keyring.js";
import type { ApplicationUser } from "./users/application-users.js";
import type { Directory } from "./users/directory.js";
import { productVersion } from "./version.js";
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

/**
 * Creates an instance: reads the configuration (docs/reference/configuration.md), opens the database and updates its
 * schema where AMPHO_DATABASE_MIGRATE allows it. `options` take priority over all other sources. Write `users.find`
 * before `users.verify`, so that TypeScript infers the user of `verify` from it.
 * @throws ConfigurationError for a bad value, or without AMPHO_DATABASE_URL in production
 * @throws DatabaseError if the database cannot be used
 * @example const ampho = await createAmpho({ databaseUrl: "sqlite::memory:" });
 */
export async function createAmpho<U extends ApplicationUser = ApplicationUser, const S extends string = string>(
  options: AmphoOptions<U, S> = {},
): Promise<Ampho<S>> {
  if (typeof options !== "object" || options === null)
    throw new ConfigurationError("The options of createAmpho must be an object.");
  const { mail, captcha, log = toStderr } = options;
  checkOptions(options);
  const { configuration, warnings } = readConfiguration({
    ...processContext(),
    options: { ...options },
    otherOptions: compositionNames,
    uses: { mails: mail === undefined ? "url" : "option" },
  });
  if (captcha !== undefined && configuration.captchaUrl !== undefined)
    throw new ConfigurationError("Set the option captcha or AMPHO_SECURITY_CAPTCHA_URL, not both.");
  for (const warning of warnings) log(warning);
  // The scopes of the configuration are those of the options, which have priority over all other sources.
  return (await composeAmpho(configuration, options, { actor: "application" })) as unknown as Ampho<S>;
}

/** Creates an instance from a configuration. `origin` names the application or the operator in the audit log. */
export async function composeAmpho(
  configuration: Configuration,
  options: CompositionOptions,
  origin: Origin,
): Promise<Ampho> {
  const { log = toStderr } = options;
  const { keys, resources, pages, restPrefix, revocationFeedToken: feedToken, trustProxy } = configuration;
  const isApplication = origin.actor === "application";
  watchAccepted();
  const languages = createMailLanguages(options.languages);
  if (keys === undefined) throw new ConfigurationError("AMPHO_SECURITY_KEY is not set, so no token can be signed.");
  const version = productVersion();
  const telemetry = await createTelemetry(configuration.databaseUrl, version);
  const reportBug = bugReporter(log, telemetry);
  const library = await loadLibraryFor(configuration);
  // A start that ends here has not changed the database.
  if (isApplication) await checkTransport(configuration, options);
  const managed = await openDeps(configuration, options, telemetry);
  const closeManaged = () => closeDeps(managed);
  if (isApplication) await closingOnError(closeManaged, noteUserTable(managed, options));
  // A process that served before AMPHO_APP_URL gave the issuer has issued tokens without it.
  const issuerFrom = configuration.issuerIsDerived ? managed.clock.now() + configuration.tokenTtl : undefined;
  const keyring = createKeyring(keys, { ...configuration, issuerFrom }, managed.revocations);
  const providers = createProviders(configuration, library, { clock: managed.clock, log });
  const captcha = openCaptcha(managed, options.captcha, telemetry);
  const creating = createDeps(managed, keyring, providers, captcha, telemetry, options);
  const deps = await closingOnError(closeManaged, creating);
  const { clock, store, revocations, outbox } = deps;
  const keyFile = followKeys(configuration, keys, keyring, deps, log);
  const follower = followRevocations({ ...deps, report: (state, error) => log(databaseLine(state, error)) });
  const addressOf = (request: unknown) => callerOfAny(request, trustProxy).address;
  const apiKeys = acceptsApiKeys(configuration) ? createApiKeyReader({ ...deps, addressOf }) : undefined;
  const observed = createGuard({
    ...deps,
    keys: apiKeys,
    revocationsKnown: () => hasRecentRevocations(follower, configuration.revocationLagMax),
    pendingRead: follower.pendingRead,
    checkLive: (token) => checkLive(deps, token),
  });
  const { verify, verifySync, guard: plainGuard } = telemetry.guard(observed);
  const guard = challengeForResources(plainGuard, resources);
  const feed = feedToken === undefined ? undefined : createFeed({ ...deps, token: feedToken });
  const errorResponse = createErrorResponder(reportBug);
  const cookies = configuration.cookies
    ? telemetry.cookies(createCookieMode(configuration.corsOrigins, () => log(plainHttpLine())))
    : undefined;
  const documents = createRootDocuments(
    configuration.appUrl,
    deps.relyingParty?.origins,
    resources,
    serverMetadata(configuration),
  );
  const flows = bindFlows(depsOfCaller(deps), telemetry.flow);
  const features = featuresOf(deps, feed?.read, () => keyring.publicKeys());
  const languageOfMails = outbox && ((accepted: string | undefined) => languageOf(accepted, languages.tags));
  const handler = createHandler({
    flows,
    features,
    guard,
    documents,
    errorResponse,
    cookies,
    version,
    settings: configuration,
    languageOf: languageOfMails,
    onForwarded: () => log(forwardedLine()),
  });
  const rest = telemetry.handle(handler, restPrefix);
  const renewPage =
    cookies &&
    createRenewPage({
      mode: cookies,
      guard,
      renew: flows.renew,
      callerOf: (request) => callerOf(request, trustProxy, languageOfMails),
      // The request does not wait for it. Without the database, an older token can be repeated for a while longer.
      received: (sessionId, gen) => void store.confirmRenewal({ sessionId, gen }).catch(() => undefined),
    });
  const shown =
    pages !== false && cookies !== undefined && renewPage !== undefined
      ? await loadPages({
          settings: { ...configuration, pages },
          handle: rest,
          cookies,
          renewPage,
          errorResponse,
          features,
          clock,
          languages: options.languages,
        })
      : undefined;
  const handle = shown?.handle ?? rest;
  const hooks = await closingOnError(closeManaged, openHooks(managed, telemetry, options));
  const recordUse = async () => apiKeys?.recordUse();
  const housekeeping = isApplication ? startHousekeeping(deps, reportBug, recordUse) : undefined;
  // The first guarded request must reject what was revoked while no process ran.
  await follower.read().catch(() => undefined);
  watchRevocations(deps, keyring, telemetry, log);
  const isOff = () =>
    options.clock === undefined && Math.abs(systemClock.now() - clock.now()) > configuration.tokenLeeway;
  const warnings = () => [
    ...(keyFile?.failing ? ["signing_key_file_unusable"] : []),
    ...(keyring.isRevoked(keyring.signingKid()) ? ["signing_key_revoked"] : []),
    ...(isOff() ? ["clock_off"] : []),
  ];
  const metrics = telemetry.watch(() => ({
    version,
    passwords: managed.passwords.stats(),
    store: store.stats(),
    revocationLagSeconds: follower.lagSeconds(),
    revocationRows: revocations.size,
    clockAheadSeconds: systemClock.now() - clock.now(),
    mails: backlogOf(outbox, clock),
    userEvents: backlogOf(hooks, clock),
    warnings: warnings(),
    signingKeyAgeSeconds: secondsSince(keyring.signingSince(), clock.now()),
  }));
  const host: AmphoHost = {
    prefix: restPrefix,
    rootPaths: new Set(documents.keys()),
    pagesPrefix: pages && shown ? pages.prefix : undefined,
    errorPage: shown?.errorPage,
    handle,
    guard,
    scopes: knownScopes(configuration.scopes),
    resources,
    errorResponse,
    cookies,
    renewPage,
    ready: createReadiness({ store, follower }),
    warnings,
    release: () => feed?.close(),
  };
  const { health, drain } = createEnding(host, { delaySeconds: configuration.shutdownDelay });
  const close = once(async () => {
    telemetry.close();
    feed?.close();
    keyFile?.stop();
    follower.stop();
    providers.close();
    housekeeping?.stop();
    await Promise.all([outbox?.stop(), hooks?.stop()]);
    // Without the database the days of use are lost, and nothing else is.
    await recordUse().catch(() => undefined);
    await closeManaged();
  });
  const managing = outbox === undefined ? origin : mailingOrigin(configuration, origin);
  const management = createManagement(deps, managing);
  return {
    ...management,
    users: {
      ...management.users,
      async recover(user, options) {
        requireRecovery(user, options);
        if (outbox === undefined && options.print !== true)
          throw new AmphoError("not_found", "No mails can be sent here. Print the link, and hand it over.");
        return recover(deps, user, options, managing);
      },
    },
    sessions: {
      ...management.sessions,
      create: (userId, level) => createSession(deps, userId, level, (request) => callerOfAny(request, trustProxy)),
    },
    authorize: createFetchAuthorize(host, respondWithPage),
    authenticate: createAuthenticate(host),
    renew: createRenew(host),
    async verify(token, credentials) {
      await follower.pendingRead();
      return verify(token, credentials);
    },
    verifySync,
    scopes: host.scopes,
    fetch: createFetchHandler(handle),
    onRevoked(listener) {
      callback("listener", listener);
      return revocations.listen((row) => listener(toRevoked(row)));
    },
    metrics,
    health,
    drain,
    close,
    async reloadKeys() {
      if (keyFile === undefined)
        throw new ConfigurationError("AMPHO_SECURITY_KEY_FILE is not set, so no key file can be read.");
      await keyFile.reload();
    },
    host,
  };
}

/** The pages are loaded only where they are on. */
async function loadPages(deps: PagesDeps): Promise<Pages> {
  const { createPages } = await import("./pages/pages.js");
  const pages = createPages(deps);
  const { prefix } = deps.settings.pages;
  const isPage = ({ target }: Parameters<Handle>[0]) => isUnder(prefix, parseTarget(target).path);
  return { ...pages, handle: (request) => (isPage(request) ? pages.handle(request) : deps.handle(request)) };
}

/** The commands and renewals read this note, because only the application knows the users of its table. */
async function noteUserTable({ store, clock }: ManagementDeps, options: CompositionOptions): Promise<void> {
  const { users, log = toStderr } = options;
  const owns = users !== undefined;
  if ((await store.readApplicationOwnsUsers()) === owns) return;
  const noted = await store.writeApplicationOwnsUsers({ owns, now: clock.now() });
  if (noted !== owns) log(usersElsewhereLine());
}

/** Undefined where no captcha is configured. */
function openCaptcha(
  { store, settings, clock }: ManagementDeps,
  ofApplication: VerifyCaptcha | undefined,
  telemetry: Telemetry,
): Captcha | undefined {
  const { captchaUrl: verifier, appUrl } = settings;
  const hostname = appUrl === undefined ? undefined : new URL(appUrl).hostname;
  const verify = ofApplication ?? (verifier && siteverify({ ...verifier, hostname }));
  if (verify === undefined) return undefined;
  return createCaptcha({
    verify,
    clock: systemClock,
    counted: telemetry.captchaVerified,
    record(reason, { address }) {
      const origin = { actor: "user", address } as const;
      // The attempt does not wait for this row. Without the database it is rejected anyway.
      store.recordAudit({ at: clock.now(), event: "captcha_failed", reason, origin }).catch(() => undefined);
    },
  });
}

interface ServingDeps extends Deps, ManagementDeps {
  readonly tokens: SessionTokens;
  /** The dependencies for one request. Its transactions together wait no longer for the database than a request can. */
  forRequest(): Deps;
}

async function createDeps(
  managed: OpenedDeps,
  keyring: Keyring,
  providers: Providers,
  captcha: Captcha | undefined,
  telemetry: Telemetry,
  options: CompositionOptions,
): Promise<ServingDeps> {
  const { store, settings, clock, passwords, directoryOver } = managed;
  const transactions = createTransactions(keyring, managed.revocations);
  const mailTokens = createMailTokens(keyring);
  const delayedRejection = createDelayedRejection(passwords, systemClock);
  const throttling = { keyring, settings, clock, delayedRejection, captcha, shared: shareThrottle(store) };
  const throttleOver = (view: Store) => createThrottle({ ...throttling, store: view });
  const deps = {
    ...managed,
    tokens: createSessionTokens({ keyring, settings, extraClaims: options.claims }),
    deviceProofs: createDeviceProofs(keyring),
    transactions,
    totpSecrets: createTotpSecrets(keyring),
    mailTokens,
    relyingParty: relyingPartyOf(settings),
    providers,
    outbox: await openOutbox({ ...managed, transactions, mailTokens }, telemetry, options),
    throttle: throttleOver(store),
    guesses: createGuesses(settings, clock),
    offersCaptcha: captcha !== undefined,
  };
  /**
   * The directory and the throttle are made at their first use. A renewal, the most frequent flow, needs neither. All
   * other members are inherited from `deps`, so a copy by spreading would lack them.
   */
  class RequestDeps {
    readonly store = limitWaits(store);
    #directory: Directory | undefined;
    #throttle: Throttle | undefined;
    get directory(): Directory {
      this.#directory ??= directoryOver(this.store);
      return this.#directory;
    }
    get throttle(): Throttle {
      this.#throttle ??= throttleOver(this.store);
      return this.#throttle;
    }
  }
  Object.setPrototypeOf(RequestDeps.prototype, deps);
  return { ...deps, forRequest: () => new RequestDeps() as unknown as Deps };
}

/** All flows of one request have the same caller. */
function depsOfCaller({ forRequest }: ServingDeps): (caller: Caller) => Deps {
  const known = new WeakMap<Caller, Deps>();
  return (caller) => {
    const deps = known.get(caller) ?? forRequest();
    known.set(caller, deps);
    return deps;
  };
}

/** Rejects with ConfigurationError without the package of mail servers, or for a folder that cannot be written. */
async function checkTransport(
  configuration: Configuration,
  { mail, log = toStderr }: CompositionOptions,
): Promise<void> {
  if (configuration.appUrl === undefined) return;
  const transport = await createTransport(configuration, { clock: systemClock, log, mail });
  transport?.close?.();
}

async function openOutbox(
  deps: ManagementDeps & Pick<Deps, "transactions" | "mailTokens">,
  telemetry: Telemetry,
  { log = toStderr, languages }: CompositionOptions,
): Promise<Outbox | undefined> {
  const { openTransport, replaceText } = deps.mailing;
  const transport = deps.settings.appUrl === undefined ? undefined : await openTransport();
  if (transport === undefined) return undefined;
  const reportOutage = (reason: string | undefined) => log(mailLine(reason));
  const report = bugReporter(log, telemetry);
  const settled = telemetry.mailSettled;
  const known = createMailLanguages(languages);
  return startOutbox({ ...deps, transport, replaceText, languages: known, report, reportOutage, settled });
}

/** Undefined without a hook. */
async function openHooks(
  { store, clock }: ManagementDeps,
  telemetry: Telemetry,
  { log = toStderr, ...options }: CompositionOptions,
): Promise<RunningHooks | undefined> {
  if (userHookNames.every((name) => options[name] === undefined)) return undefined;
  const reportFailure = (hook: string, error: unknown) => log(hookFailsLine(hook, error));
  const report = bugReporter(log, telemetry);
  return startUserHooks({ store, clock, hooks: options, report, reportFailure, settled: telemetry.hookSettled });
}

function followKeys(
  { keyFile: path }: Configuration,
  keys: readonly Key[],
  keyring: Keyring,
  { tokens }: Deps,
  log: Log,
): KeyFileFollower | undefined {
  if (path === undefined) return undefined;
  const take = (changed: readonly Key[]) => {
    if (keyring.replace(changed)) tokens.clearCache();
  };
  return followKeyFile({ path, keys, take, log });
}

/** Counts revocations, and logs when the key that signs is revoked, now or before the start. */
function watchRevocations({ revocations }: Deps, keyring: Keyring, telemetry: Telemetry, log: Log): void {
  revocations.listen(telemetry.revoked);
  const signingKid = () => keyring.signingKid();
  if (keyring.isRevoked(signingKid())) log(signingKeyRevokedLine(signingKid()));
  revocations.listen((row) => {
    if (row.kind === "signing_key" && row.kid === signingKid()) log(signingKeyRevokedLine(row.kid));
  });
}

/** A part that does not run has none. */
function backlogOf(part: Pick<RunningHooks | Outbox, "waiting"> | undefined, clock: Clock): InstanceState["mails"] {
  const { waiting = 0, oldestAt } = part?.waiting() ?? {};
  return { waiting, oldestSeconds: secondsSince(oldestAt, clock.now()) ?? 0 };
}

const secondsSince = (then: number | undefined, now: number): number | undefined =>
  then === undefined ? undefined : Math.max(0, now - then);

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
