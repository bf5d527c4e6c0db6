// What needs no key: the store, users and passwords, put together from a configuration; all that most commands load, and what
// ampho.ts builds on.
import { type Clock, createStoreClock, systemClock } from "./clock.js";
import {
  type ApplicationUser,
  type ApplicationUsers,
  applicationDirectory,
  storedDirectory,
} from "./users/directory.js";
import { createFailureDelay } from "./passwords/failure-delay.js";
import { type Management, type ManagementParts, manage } from "./flows/manage/management.js";
import { createRevocationSet, namesInStore } from "./sessions/revocation-set.js";
import type { Settings } from "./config/settings.js";
import type { Configuration } from "./config/configuration.js";
import { createPasswordPolicy } from "./passwords/policy.js";
import { createPasswordPool } from "./passwords/pool.js";
import { clockNotice, internalError, userTableNotice } from "./log-lines.js";
import { openStore } from "./store/open.js";
import type { Origin, Store } from "./store/store.js";
import type { Telemetry } from "./telemetry/telemetry.js";

export interface PartsOptions<U extends ApplicationUser = ApplicationUser> {
  /** The application's own user table, instead of the users of the store. */
  readonly users?: ApplicationUsers<U> | undefined;
  /**
   * Gets each line for people: warnings, migrations, errors that were answered as 500. By default they go to stderr.
   * `requestId` is that of the request that a line is about, where `X-Request-Id` of its answer says it.
   */
  readonly notice?: ((line: string, requestId?: string) => void) | undefined;
  /** Instead of the machine's clock, for tests. */
  readonly clock?: Clock | undefined;
}

/** What the commands do, as an operator; it needs no key. Errors as of createAmpho. */
export async function openManagement(
  configuration: Configuration,
  options: Pick<PartsOptions, "notice">,
  origin: Origin,
): Promise<Management & { close(): Promise<void> }> {
  const parts = await openParts(configuration, options);
  // An application's own table is known to that application alone: here its users cannot be looked up.
  const elsewhere = await parts.store.readUsersElsewhere();
  const directory = elsewhere ? { ...parts.directory, stored: false } : parts.directory;
  return { ...manage({ ...parts, directory }, origin), close: () => closeParts(parts) };
}

/** `telemetry`: of what serves; whoever only manages is not watched. */
export async function openParts(
  configuration: Configuration,
  options: PartsOptions,
  telemetry?: Telemetry,
): Promise<ManagementParts> {
  const { notice = toStderr, users } = options;
  const settings = settingsOf(configuration);
  const opened = await openStore({
    url: configuration.databaseUrl,
    migrate: configuration.databaseMigrate === "auto",
    prepare: configuration.databasePrepare,
    notice,
  });
  const store = telemetry?.store(opened) ?? opened;
  const clock = options.clock ?? (await clockOf(store, settings, notice));
  const pool = createPasswordPool({ measure: telemetry?.measure });
  const passwords = telemetry?.passwords(pool) ?? pool;
  return {
    store,
    directory:
      users === undefined
        ? storedDirectory(store, passwords, createFailureDelay(store, clock))
        : applicationDirectory({
            users,
            passwords,
            clock,
            report: (state, cause) => notice(userTableNotice(state, cause)),
          }),
    passwords,
    revocations: createRevocationSet(namesInStore, (error) => notice(internalError(error))),
    settings,
    clock,
    policy: createPasswordPolicy({ min: settings.passwordMinCharacters, product: "ampho" }),
  };
}

/** The store's clock where it has one, so that a fleet has one time; read once before anything is decided by it. */
async function clockOf(store: Store, settings: Settings, notice: (line: string) => void): Promise<Clock> {
  const clock = createStoreClock(systemClock, settings.leewaySeconds, (ahead) =>
    notice(ahead === 0 ? "the clock of this machine agrees with the store's again" : clockNotice(ahead)),
  );
  const askedMs = clock.monotonicMs();
  const storeMs = await store.readClock();
  if (storeMs === undefined) return systemClock;
  clock.observe?.(storeMs, askedMs, clock.monotonicMs());
  return clock;
}

export async function closeParts({ passwords, store }: ManagementParts): Promise<void> {
  await Promise.all([passwords.close(), store.close()]);
}

function settingsOf(configuration: Configuration): Settings {
  return {
    tokenTtlSeconds: configuration.tokenTtl,
    leewaySeconds: configuration.tokenLeeway,
    issuer: configuration.tokenIssuer,
    audience: configuration.tokenAudience ?? [],
    foreignMaxSeconds: configuration.tokenForeignMax,
    scopes: configuration.scopes,
    renewByToken: configuration.renewByToken,
    sessionIdleSeconds: configuration.sessionIdle,
    sessionMaxSeconds: configuration.sessionMax,
    sessionsMax: configuration.sessionsMax,
    revocationLagMaxSeconds: configuration.revocationLagMax,
    passwordMinCharacters: configuration.passwordMin,
    auditKeepSeconds: configuration.auditKeep,
    throttle: {
      tries: configuration.throttleTries,
      knownTries: configuration.throttleKnownTries,
      windowSeconds: configuration.throttleWindow,
      lockAfter: configuration.throttleLock,
      addressLogins: configuration.throttleAddress,
      networkLogins: configuration.throttleNetwork,
    },
  };
}

export function toStderr(line: string): void {
  process.stderr.write(`ampho: ${line}\n`);
}
