// createAmpho(): reads the configuration, builds the deps, binds the flows. What needs no key is put together in
// management.ts; with it this is the only composition, and so the one file that names every part.

import type { Authorize } from "./adapters/authorize-types.js";
import { createFetch, type FetchHandler } from "./adapters/fetch.js";
import { createFetchAuthorize } from "./adapters/fetch-authorize.js";
import type { Origin } from "./audit/entry.js";
import { type Clock, systemClock } from "./clock.js";
import { type Configuration, type ConfigurationOptions, readConfiguration } from "./config/configuration.js";
import { followKeyFile } from "./config/follow-key-file.js";
import { processContext } from "./config/process-context.js";
import { ConfigurationError } from "./errors.js";
import { createDeviceProofs } from "./factors/device-proofs.js";
import { bindFlows } from "./flows/flows.js";
import { startHousekeeping } from "./flows/housekeeping.js";
import { createSession } from "./flows/login.js";
import { createManagement, type Management } from "./flows/manage/management.js";
import { createReadiness } from "./flows/readiness.js";
import { createGuard, type Guard } from "./guard/guard.js";
import { checkLive } from "./guard/live-check.js";
import { type CookieMode, createCookieMode } from "./http/rest/cookies/cookie-mode.js";
import { createHandler } from "./http/rest/handler.js";
import { forwardedLine } from "./http/rest/request/client-address.js";
import { createErrorResponder } from "./http/rest/responses/problems.js";
import type { ServedHost } from "./http/server/server.js";
import { internalErrorLine, reasonOf, signingKeyRevokedLine } from "./log-lines.js";
import { closeDeps, type ManagementOptions, openDeps, toStderr } from "./management.js";
import { createFeed } from "./sessions/feed.js";
import { followRevocations, hasRecentRevocations } from "./sessions/follow-revocations.js";
import { type Revoked, toRevoked } from "./sessions/revoked.js";
import { createSessionTokens, type ExtraClaims, type Grant } from "./sessions/session-tokens.js";
import type { Store } from "./store/store.js";
import { createTelemetry } from "./telemetry/telemetry.js";
import { createDelayedRejection } from "./throttle/delayed-rejection.js";
import { createThrottle } from "./throttle/throttle.js";
import type { Auth } from "./tokens/auth.js";
import { createKeyring } from "./tokens/keyring.js";
import type { ApplicationUser } from "./users/application-users.js";
import { productVersion } from "./version.js";

/** What createAmpho takes besides the parameters of docs/configuration.md, which it takes by their names in code. */
export interface CompositionOptions<U extends ApplicationUser = ApplicationUser> extends ManagementOptions<U> {
  /** More claims for access tokens; registered names and Ampho's own are refused. */
  readonly claims?: ExtraClaims | undefined;
}

/** `U`: a row of the application's own user table, where it has one. */
export type AmphoOptions<U extends ApplicationUser = ApplicationUser> = ConfigurationOptions & CompositionOptions<U>;

const compositionNames: readonly (keyof CompositionOptions)[] = ["users", "claims", "log", "clock"];

export interface Ampho extends Omit<Management, "sessions"> {
  readonly sessions: Management["sessions"] & {
    /**
     * The answer of login, for a user whom the application has authenticated by itself. An application's own user table is
     * asked by `findById`; without one `find` is, by the login of a session that the user has, else by the id itself.
     */
    create(userId: string): Promise<Grant>;
  };
  /** Guards a handler of a fetch-native host: wrapper and decorator, with a need or without. */
  readonly authorize: Authorize;
  /** Who a token speaks for; rejects with AmphoError `invalid_token`, or `unavailable`. */
  verify(token: string): Promise<Auth>;
  /** The same without a promise; every guard uses it. Only that after a processPause of this process it cannot wait for a read. */
  verifySync(token: string): Auth;
  /** The REST API as one Fetch handler. `address` is the peer's, if the host knows it. */
  readonly fetch: FetchHandler;
  /** Tells of what is revoked, in this process or elsewhere; returns the way to stop. */
  onRevoked(listener: (revoked: Revoked) => void): () => void;
  /** What is counted and measured (docs/metrics.md), as Prometheus reads it: for a route of the application's own. */
  metrics(): string;
  /** May be called twice; nothing keeps the process alive afterwards. */
  close(): Promise<void>;
  /**
   * Reads AMPHO_SECURITY_KEY_FILE anew, as is done by itself within seconds of a change. Rejects with ConfigurationError
   * when it cannot be used, or when the key is not in a file; the keys then stay as they are.
   */
  reloadKeys(): Promise<void>;
  /** For adapters and servers. */
  readonly host: AmphoHost;
}

/** For adapters and servers. */
export interface AmphoHost extends ServedHost {
  readonly guard: Guard["guard"];
  /** Tokens in cookies; undefined without AMPHO_SECURITY_COOKIES. `cookiesOf` is for logins by `sessions.create`. */
  readonly cookies: CookieMode | undefined;
  /** Rejects with `unavailable` unless the database responds and revocations were read, both within the last second. */
  ready(): Promise<void>;
  /**
   * Codes of faults that another process would have too, so `/readyz` stays 200: `key_file_unusable` (the changed key file
   * cannot be used), `signing_key_revoked` (login and renewal return 503 until there is another key), `clock_off` (this
   * machine's clock differs from the database's by more than the leeway).
   */
  warnings(): readonly string[];
  /** Responds to all requests that wait at the revocation feed, for up to 20 s, and lets no further one wait. */
  release(): void;
}

/**
 * Reads the configuration (docs/configuration.md; `options` stand over all else), opens the store and brings an embedded
 * one up to date. Rejects with ConfigurationError, or with DatabaseError when the database cannot be used.
 * What `users.find` answers is what `users.verify` gets, if `find` is written before it.
 */
export async function createAmpho<U extends ApplicationUser = ApplicationUser>(
  options: AmphoOptions<U> = {},
): Promise<Ampho> {
  const { users, claims, log = toStderr, clock, ...parameters } = options;
  if (users !== undefined && !(isCallable(users?.find) && isCallable(users.verify)))
    throw new ConfigurationError("users: must be an object with the functions find and verify");
  if (users?.findById !== undefined && !isCallable(users.findById))
    throw new ConfigurationError("users: findById must be a function, or left out");
  if (claims !== undefined && !isCallable(claims)) throw new ConfigurationError("claims: must be a function");
  const { configuration, warnings } = readConfiguration({
    ...processContext(),
    options: parameters,
    otherOptions: compositionNames,
  });
  for (const warning of warnings) log(warning);
  return composeAmpho(configuration, { users, claims, log, clock }, { actor: "application" });
}

/** The same from a configuration that was read; `origin` is who manages users and sessions through it. */
export async function composeAmpho(
  configuration: Configuration,
  options: CompositionOptions,
  origin: Origin,
): Promise<Ampho> {
  const { log = toStderr } = options;
  if (configuration.keys === undefined) throw new ConfigurationError("AMPHO_SECURITY_KEY: there is no key");
  const version = productVersion();
  const telemetry = await createTelemetry(configuration.databaseUrl, version);
  const base = await openDeps(configuration, options, telemetry);
  const { store, directory, revocations, settings, clock } = base;
  if (origin.actor === "application") await noteUsers(store, !directory.inDatabase);
  const keyring = createKeyring(configuration.keys, settings, revocations);
  const deps = {
    ...base,
    tokens: createSessionTokens({ keyring, settings, extraClaims: options.claims }),
    deviceProofs: createDeviceProofs(keyring),
    throttle: createThrottle({
      store,
      keyring,
      settings,
      clock,
      delayedRejection: createDelayedRejection(base.passwords),
    }),
  };
  const keyFile =
    configuration.keyFile === undefined
      ? undefined
      : followKeyFile({
          path: configuration.keyFile,
          algorithm: configuration.tokenAlg,
          keys: configuration.keys,
          take: (keys) => {
            if (keyring.replace(keys)) deps.tokens.clearCache();
          },
          log,
        });
  const follower = followRevocations({
    store,
    revocations,
    clock,
    report: (state, error) =>
      log(state === "failing" ? `the store cannot be read, trying again: ${reasonOf(error)}` : "the store is back"),
  });
  const { verify, guard } = telemetry.guard(
    createGuard({
      ...deps,
      revocationsKnown: () => hasRecentRevocations(follower, deps.settings.revocationLagMax),
      pendingRead: follower.pendingRead,
      checkLive: (token) => checkLive(deps, token),
    }),
  );
  const revocationFeedToken = configuration.revocationFeedToken;
  const feed = revocationFeedToken === undefined ? undefined : createFeed({ ...deps, token: revocationFeedToken });
  const ready = createReadiness({ store, follower });
  const refusal = createErrorResponder((error, requestId) => {
    telemetry.internalError();
    log(internalErrorLine(error), requestId);
  });
  const cookies = configuration.cookies ? telemetry.cookies(createCookieMode(configuration.corsOrigins)) : undefined;
  const handler = createHandler({
    flows: bindFlows(deps, telemetry.flow),
    features: {
      keepsPasswords: directory.inDatabase,
      readFeed: feed?.read,
      publicKeys: () => keyring.publicKeys(),
    },
    guard,
    prefix: configuration.restPrefix,
    trustedHops: configuration.trustProxy,
    corsOrigins: configuration.corsOrigins,
    allowAttackTest: configuration.allowAttackTest,
    onForwarded: () => log(forwardedLine),
    version,
    cookies,
    refusal,
  });
  const handle = telemetry.handle(handler, configuration.restPrefix);
  const housekeeping =
    origin.actor === "application" ? startHousekeeping(deps, (error) => log(internalErrorLine(error))) : undefined;
  // Before anything is guarded: what was revoked while no process ran is refused from the first request on.
  await follower.read().catch(() => undefined);
  revocations.listen(telemetry.revoked);
  const cannotSign = () => keyring.isRevoked(keyring.signingKid());
  if (cannotSign()) log(signingKeyRevokedLine(keyring.signingKid()));
  revocations.listen((row) => {
    if (row.kind === "key" && row.kid === keyring.signingKid()) log(signingKeyRevokedLine(row.kid));
  });
  const warnings = () => [
    ...(keyFile?.failing ? [keyFileUnusable] : []),
    ...(cannotSign() ? [signingKeyRevoked] : []),
    ...(options.clock === undefined && clockDiffers(clock, settings) ? [clockOff] : []),
  ];
  const metrics = telemetry.watch(() => ({
    version,
    passwords: base.passwords.stats(),
    store: store.stats(),
    revocationLagSeconds: follower.lagSeconds(),
    revocationRows: revocations.size,
    clockAheadSeconds: systemClock.now() - clock.now(),
    warnings: warnings(),
    signingKeyAgeSeconds: secondsSince(keyring.signingSince(), clock.now()),
  }));
  const host: AmphoHost = {
    prefix: configuration.restPrefix,
    handle,
    guard,
    refusal,
    cookies,
    ready,
    warnings,
    release: () => feed?.close(),
  };
  let closing: Promise<void> | undefined;
  const management = createManagement(deps, origin);
  return {
    ...management,
    sessions: { ...management.sessions, create: (userId) => createSession(deps, userId) },
    authorize: createFetchAuthorize(host),
    async verify(token) {
      await follower.pendingRead();
      return verify(token);
    },
    verifySync: verify,
    fetch: createFetch(handle),
    onRevoked: (listener) => revocations.listen((row) => listener(toRevoked(row))),
    metrics,
    async close() {
      closing ??= (async () => {
        telemetry.close();
        feed?.close();
        keyFile?.stop();
        follower.stop();
        housekeeping?.stop();
        await closeDeps(base);
      })();
      return closing;
    },
    host,
    async reloadKeys() {
      if (keyFile === undefined) throw new ConfigurationError("AMPHO_SECURITY_KEY_FILE is not set");
      await keyFile.reload();
    },
  };
}

/** What `/readyz` says while the key file was changed and cannot be used: the keys that were read before go on. */
const keyFileUnusable = "key_file_unusable";
/** Every process has the same key: sending requests to another mends nothing. */
const signingKeyRevoked = "signing_key_revoked";
const clockOff = "clock_off";

function clockDiffers(clock: Clock, { tokenLeeway }: Configuration): boolean {
  return Math.abs(systemClock.now() - clock.now()) > tokenLeeway;
}

/** So that the commands know, and say, that there are no users for them to manage. */
async function noteUsers(store: Store, elsewhere: boolean): Promise<void> {
  if ((await store.readApplicationOwnsUsers()) !== elsewhere) await store.writeApplicationOwnsUsers(elsewhere);
}

function secondsSince(then: number | undefined, now: number): number | undefined {
  return then === undefined ? undefined : Math.max(0, now - then);
}

const isCallable = (value: unknown): boolean => typeof value === "function";
