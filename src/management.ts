// What needs no key: the store, users and passwords, put together from a configuration; all that most commands load, and what
// ampho.ts builds on.

import type { Origin } from "./audit/entry.js";
import { type Clock, createStoreClock, systemClock } from "./clock.js";
import type { Configuration } from "./config/configuration.js";
import { createManagement, type Management, type ManagementDeps } from "./flows/manage/management.js";
import { clockOffLine, internalErrorLine, userTableLine } from "./log-lines.js";
import { createFailureDelay } from "./passwords/failure-delay.js";
import { createPasswordPolicy } from "./passwords/policy.js";
import { createPasswordPool } from "./passwords/pool.js";
import { createRevocationSet, databaseNames } from "./sessions/revocation-set.js";
import { openStore } from "./store/open.js";
import type { Store } from "./store/store.js";
import type { Telemetry } from "./telemetry/telemetry.js";
import { createApplicationDirectory } from "./users/application-directory.js";
import type { ApplicationUser, ApplicationUsers } from "./users/application-users.js";
import { createDatabaseDirectory } from "./users/database-directory.js";

export interface ManagementOptions<U extends ApplicationUser = ApplicationUser> {
  /** The application's own user table, instead of the users of the store. */
  readonly users?: ApplicationUsers<U> | undefined;
  /**
   * Gets each line for people: warnings, migrations, errors that were answered as 500. By default they go to stderr.
   * `requestId` is that of the request that a line is about, where `X-Request-Id` of its answer says it.
   */
  readonly log?: ((line: string, requestId?: string) => void) | undefined;
  /** Instead of the machine's clock, for tests. */
  readonly clock?: Clock | undefined;
}

/** What the commands do, as an operator; it needs no key. Errors as of createAmpho. */
export async function openManagement(
  configuration: Configuration,
  options: Pick<ManagementOptions, "log">,
  origin: Origin,
): Promise<Management & { close(): Promise<void> }> {
  const deps = await openDeps(configuration, options);
  // An application's own table is known to that application alone: here its users cannot be looked up.
  const elsewhere = await deps.store.readApplicationOwnsUsers();
  const directory = elsewhere ? { ...deps.directory, inDatabase: false } : deps.directory;
  return { ...createManagement({ ...deps, directory }, origin), close: () => closeDeps(deps) };
}

/** `telemetry`: of what serves; whoever only manages is not watched. */
export async function openDeps(
  configuration: Configuration,
  options: ManagementOptions,
  telemetry?: Telemetry,
): Promise<ManagementDeps> {
  const { log = toStderr, users } = options;
  const opened = await openStore({
    url: configuration.databaseUrl,
    migrate: configuration.databaseMigrate === "auto",
    prepare: configuration.databasePrepare,
    log,
  });
  const store = telemetry?.store(opened) ?? opened;
  const clock = options.clock ?? (await clockOf(store, configuration, log));
  const pool = createPasswordPool({ measure: telemetry?.measure });
  const passwords = telemetry?.passwords(pool) ?? pool;
  return {
    store,
    directory:
      users === undefined
        ? createDatabaseDirectory(store, passwords, createFailureDelay(store, clock))
        : createApplicationDirectory({
            users,
            passwords,
            clock,
            report: (state, cause) => log(userTableLine(state, cause)),
          }),
    passwords,
    revocations: createRevocationSet(databaseNames, (error) => log(internalErrorLine(error))),
    settings: configuration,
    clock,
    policy: createPasswordPolicy({ min: configuration.passwordMin, product: "ampho" }),
  };
}

/** The store's clock where it has one, so that a fleet has one time; read once before anything is decided by it. */
async function clockOf(store: Store, settings: Configuration, log: (line: string) => void): Promise<Clock> {
  const clock = createStoreClock(systemClock, settings.tokenLeeway, (ahead) =>
    log(ahead === 0 ? "the clock of this machine agrees with the store's again" : clockOffLine(ahead)),
  );
  const askedMs = clock.monotonicMs();
  const storeMs = await store.readClock();
  if (storeMs === undefined) return systemClock;
  clock.observe?.(storeMs, askedMs, clock.monotonicMs());
  return clock;
}

export async function closeDeps({ passwords, store }: ManagementDeps): Promise<void> {
  await Promise.all([passwords.close(), store.close()]);
}

export function toStderr(line: string): void {
  process.stderr.write(`ampho: ${line}\n`);
}
