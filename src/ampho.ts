// The composition: createAmpho reads the configuration, opens the parts of an instance, and binds its members.
import { createAuthenticate } from "./adapters/authenticate.js";
import { createFetchHandler } from "./adapters/fetch.js";
import { createFetchAuthorize } from "./adapters/fetch-authorize.js";
import { respondWithPage } from "./adapters/fetch-pages.js";
import { createRenew } from "./adapters/renew.js";
import type { Origin } from "./audit/entry.js";
import { type Clock, systemClock } from "./clock.js";
import { checkTransport, followKeys, noteUserTable, openHooks, watchRevocations } from "./compose/background.js";
import { openFlowDeps, type ServingDeps } from "./compose/flow-deps.js";
import { type Lifetime, living } from "./compose/lifetime.js";
import { bugReporter, closeDeps, mailingOrigin, openDeps, toStderr } from "./compose/management.js";
import { openGuard, openRequests } from "./compose/requests.js";
import { type Configuration, readConfiguration } from "./config/configuration.js";
import { processContext } from "./config/process-context.js";
import type { KeyFileFollower } from "./config/read-signing-key.js";
import { AmphoError, ConfigurationError } from "./errors.js";
import { startHousekeeping } from "./flows/housekeeping.js";
import { callback } from "./flows/manage/checks.js";
import { createManagement } from "./flows/manage/create-management.js";
import { createSession } from "./flows/manage/create-session.js";
import { recover, requireRecovery } from "./flows/manage/recover.js";
import type { RunningHooks } from "./flows/manage/user-hooks.js";
import { createReadiness } from "./flows/readiness.js";
import { callerOfAny } from "./http/rest/request/client-address.js";
import { createEnding, watchAccepted } from "./http/server/drain.js";
import type { Ampho, AmphoHost } from "./instance.js";
import { knownScopes } from "./levels/scopes.js";
import type { Outbox } from "./mail/outbox.js";
import { type AmphoOptions, type CompositionOptions, checkOptions, compositionNames } from "./options.js";
import { createProviders, loadLibraryFor } from "./providers/providers.js";
import { toRevoked } from "./sessions/revoked.js";
import type { InstanceState } from "./telemetry/gauges.js";
import { createTelemetry } from "./telemetry/telemetry.js";
import { createKeyring } from "./tokens/keyring.js";
import type { ApplicationUser } from "./users/application-users.js";
import { productVersion } from "./version.js";

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
  const { keys } = configuration;
  const isApplication = origin.actor === "application";
  watchAccepted();
  if (keys === undefined) throw new ConfigurationError("AMPHO_SECURITY_KEY is not set, so no token can be signed.");
  const version = productVersion();
  const telemetry = await createTelemetry(configuration.databaseUrl, version);
  const library = await loadLibraryFor(configuration);
  // A start that ends here has not changed the database.
  if (isApplication) await checkTransport(configuration, options);
  const managed = await openDeps(configuration, options, telemetry);
  return living(
    () => closeDeps(managed),
    async (lifetime) => {
      const { onClose } = lifetime;
      onClose(telemetry.close);
      if (isApplication) await noteUserTable(managed, options);
      const { clock, revocations } = managed;
      // A process that served before AMPHO_APP_URL gave the issuer has issued tokens without it.
      const issuerFrom = configuration.issuerIsDerived ? clock.now() + configuration.tokenTtl : undefined;
      const keyring = createKeyring(keys, { ...configuration, issuerFrom }, revocations);
      const providers = createProviders(configuration, library, { clock, log });
      onClose(providers.close);
      const parts = { managed, keyring, providers, telemetry, options };
      const deps = await openFlowDeps(parts, lifetime);
      const guarding = openGuard(deps, parts, lifetime);
      const requests = await openRequests(deps, { ...parts, guard: guarding.guard, version }, lifetime);
      const hooks = await openHooks(managed, telemetry, options);
      onClose(() => hooks?.stop());
      const keyFile = followKeys(configuration, keys, keyring, deps, log);
      onClose(() => keyFile?.stop());
      if (isApplication) onClose(startHousekeeping(deps, bugReporter(log, telemetry), guarding.recordUse).stop);
      // The first guarded request must reject what was revoked while no process ran.
      await guarding.follower.read().catch(() => undefined);
      watchRevocations(deps, keyring, telemetry, log);
      const warnings = () => [
        ...(keyFile?.failing ? ["signing_key_file_unusable"] : []),
        ...(keyring.isRevoked(keyring.signingKid()) ? ["signing_key_revoked"] : []),
        ...(options.clock === undefined && isOff(clock, configuration) ? ["clock_off"] : []),
      ];
      const metrics = telemetry.watch(() => ({
        version,
        passwords: managed.passwords.stats(),
        store: deps.store.stats(),
        revocationLagSeconds: guarding.follower.lagSeconds(),
        revocationRows: revocations.size,
        clockAheadSeconds: systemClock.now() - clock.now(),
        mails: backlogOf(deps.outbox, clock),
        userEvents: backlogOf(hooks, clock),
        warnings: warnings(),
        signingKeyAgeSeconds: secondsSince(keyring.signingSince(), clock.now()),
      }));
      const host: AmphoHost = {
        ...requests,
        guard: guarding.guard,
        scopes: knownScopes(configuration.scopes),
        resources: configuration.resources,
        ready: createReadiness({ ...deps, follower: guarding.follower }),
        warnings,
      };
      const bound = { deps, guarding, host, keyFile, metrics, close: lifetime.close };
      return bindMembers(bound, deps.outbox === undefined ? origin : mailingOrigin(configuration, origin));
    },
  );
}

interface Bound {
  readonly deps: ServingDeps;
  readonly guarding: ReturnType<typeof openGuard>;
  readonly host: AmphoHost;
  readonly keyFile: KeyFileFollower | undefined;
  readonly metrics: Ampho["metrics"];
  readonly close: Lifetime["close"];
}

/** The members of the instance. `origin` is who the audit log names for what its functions change. */
function bindMembers({ deps, guarding, host, keyFile, metrics, close }: Bound, origin: Origin): Ampho {
  const { settings, revocations } = deps;
  const { follower, verify, verifySync } = guarding;
  const management = createManagement(deps, origin);
  return {
    ...management,
    users: {
      ...management.users,
      async recover(user, options) {
        requireRecovery(user, options);
        if (deps.outbox === undefined && options.print !== true)
          throw new AmphoError("not_found", "No mails can be sent here. Print the link, and hand it over.");
        return recover(deps, user, options, origin);
      },
    },
    sessions: {
      ...management.sessions,
      create: (userId, level) =>
        createSession(deps, userId, level, (request) => callerOfAny(request, settings.trustProxy)),
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
    fetch: createFetchHandler(host.handle),
    onRevoked(listener) {
      callback("listener", listener);
      return revocations.listen((row) => listener(toRevoked(row)));
    },
    metrics,
    ...createEnding(host, { delaySeconds: settings.shutdownDelay }),
    close,
    async reloadKeys() {
      if (keyFile === undefined)
        throw new ConfigurationError("AMPHO_SECURITY_KEY_FILE is not set, so no key file can be read.");
      await keyFile.reload();
    },
    host,
  };
}

/** The clock of this machine differs from that of the database by more than the leeway. */
const isOff = (clock: Clock, { tokenLeeway }: Configuration): boolean =>
  Math.abs(systemClock.now() - clock.now()) > tokenLeeway;

/** A part that does not run has none. */
function backlogOf(part: Pick<RunningHooks | Outbox, "waiting"> | undefined, clock: Clock): InstanceState["mails"] {
  const { waiting = 0, oldestAt } = part?.waiting() ?? {};
  return { waiting, oldestSeconds: secondsSince(oldestAt, clock.now()) ?? 0 };
}

const secondsSince = (then: number | undefined, now: number): number | undefined =>
  then === undefined ? undefined : Math.max(0, now - then);
