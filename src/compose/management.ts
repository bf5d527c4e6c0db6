// The composition of what needs no key: the database, users and passwords. Most commands load no more.

import type { Origin } from "../audit/entry.js";
import { type Clock, createStoreClock, systemClock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { createManagement } from "../flows/manage/create-management.js";
import type { Management } from "../flows/manage/management.js";
import type { ManagementDeps } from "../flows/manage/manager.js";
import { clockLine, databaseOperationLine, internalErrorLine, userTableLine } from "../log-lines.js";
import { createTransport } from "../mail/transports/create.js";
import type { Log, ManagementOptions } from "../options.js";
import { withBreachCheck } from "../passwords/breach-check.js";
import { createBreachList } from "../passwords/breach-list.js";
import { createFailureDelay } from "../passwords/failure-delay.js";
import { createPasswordPolicy, type PasswordPolicy } from "../passwords/policy.js";
import { createPasswordPool } from "../passwords/pool.js";
import { createRevocationSet, databaseNames } from "../sessions/revocation-set.js";
import { createSpareThreads } from "../spare-threads.js";
import { openStore } from "../store/open.js";
import { limitWaits, reportFailures } from "../store/report-failures.js";
import type { Store } from "../store/store.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import type { Keyring } from "../tokens/keyring.js";
import { createApplicationDirectory } from "../users/application-directory.js";
import { createDatabaseDirectory } from "../users/database-directory.js";
import { type Directory, withoutTable } from "../users/directory.js";

interface ExistingDatabase {
  /** True if a database without a schema must stay without one. */
  readonly existing?: boolean | undefined;
}

/** `users`, `mail` and `mailText` are those of `ampho.config.js`. */
export type OperatorOptions = ExistingDatabase & Pick<ManagementOptions, "log" | "users" | "mail" | "mailText">;

/** Opens what the commands of an operator use. Needs no key. Rejects with the errors of createAmpho. */
export async function openManagement(
  configuration: Configuration,
  options: OperatorOptions,
  origin: Origin,
): Promise<Management & { close(): Promise<void> }> {
  const { keyring, close, ...deps } = await openForOperator(configuration, options);
  const loadTotp = () => closingOnError(close, import("../factors/totp/totp.js"));
  const secrets = keyring && { totpSecrets: (await loadTotp()).createTotpSecrets(keyring) };
  return { ...createManagement({ ...deps, ...secrets }, mailingOrigin(configuration, origin)), close };
}

/** Opens the database, and the keys where some are configured. */
export async function openForOperator(
  configuration: Configuration,
  options: OperatorOptions,
): Promise<OpenedDeps & { readonly keyring: Keyring | undefined; close(): Promise<void> }> {
  const deps = await openDeps(configuration, options);
  const close = () => closeDeps(deps);
  const [directory, keyring] = await closingOnError(close, readOwners(configuration, deps, options));
  return { ...deps, directory, keyring, close };
}

async function readOwners(
  { keys, ...settings }: Configuration,
  { store, revocations, directory }: OpenedDeps,
  options: OperatorOptions,
): Promise<readonly [Directory, Keyring | undefined]> {
  const isElsewhere = options.users === undefined && (await store.readApplicationOwnsUsers());
  const users = isElsewhere ? withoutTable(directory) : directory;
  if (keys === undefined) return [users, undefined];
  const { createKeyring } = await import("../tokens/keyring.js");
  // A revoked key must sign, encrypt and receive nothing.
  revocations.add(await store.listRevokedSigningKeys());
  return [users, createKeyring(keys, settings, revocations)];
}

/** With pages for its alarm link, a user gets a notice of what an operator changes. A serving process sends it. */
export const mailingOrigin = ({ appUrl }: Pick<Configuration, "appUrl">, origin: Origin): Origin =>
  appUrl === undefined ? origin : { ...origin, language: "en" };

export interface OpenedDeps extends ManagementDeps {
  /** The directory over a view of the store. */
  directoryOver(store: Store): Directory;
}

/** `telemetry`: only of an instance that serves requests. */
export async function openDeps(
  configuration: Configuration,
  options: ManagementOptions & ExistingDatabase,
  telemetry?: Telemetry,
): Promise<OpenedDeps> {
  const { log = toStderr, users } = options;
  const opened = await openStore({
    url: configuration.databaseUrl,
    pages: configuration.appUrl,
    migrate: configuration.databaseMigrate === "auto" && (options.existing ? "existing" : true),
    log,
  });
  const store =
    telemetry === undefined
      ? opened
      : reportFailures(telemetry.store(opened), (failure) =>
          log(databaseOperationLine(failure?.operation, failure?.error)),
        );
  const readClock = () => closingOnError(() => store.close(), clockOf(store, configuration, log));
  const clock = options.clock ?? (await readClock());
  const pool = createPasswordPool({ measure: telemetry?.measure, spareThreads: passwordThreads });
  const passwords = telemetry?.passwords(pool) ?? pool;
  const directoryOver = openDirectory(users, { store, passwords, clock, log });
  const revocations = createRevocationSet(databaseNames, bugReporter(log, telemetry));
  // This process rejects at once what it has revoked itself, and what others revoke within a second.
  store.onRevoked(revocations.add);
  return {
    store,
    directory: directoryOver(store),
    directoryOver,
    passwords,
    revocations,
    settings: configuration,
    clock,
    policy: createPolicy(configuration, store, clock, telemetry),
    mailing: {
      openTransport: () => createTransport(configuration, { clock, log, mail: options.mail }),
      replaceText: options.mailText,
    },
  };
}

/** A response to a wrong password waits no longer for the kinds of hashes that the database contains. */
const hashKindsMs = 1_000;
const passwordThreads = createSpareThreads();

function openDirectory(
  users: ManagementOptions["users"],
  { store, passwords, clock, log }: Pick<ManagementDeps, "store" | "passwords" | "clock"> & { readonly log: Log },
): OpenedDeps["directoryOver"] {
  if (users !== undefined) {
    const report = (state: "failing" | "responding" | "undecided", cause: unknown) => log(userTableLine(state, cause));
    const directory = createApplicationDirectory({ users, passwords, clock, report });
    return () => directory;
  }
  const hashes = { hasOtherHashes: () => limitWaits(store, hashKindsMs).hasOtherHashes() };
  const failureDelay = createFailureDelay(hashes, clock);
  return (view) => createDatabaseDirectory(view, passwords, failureDelay);
}

function createPolicy(
  configuration: Configuration,
  store: Store,
  clock: Clock,
  telemetry: Telemetry | undefined,
): PasswordPolicy {
  const { breachesUrl } = configuration;
  const policy = createPasswordPolicy(configuration);
  if (breachesUrl === undefined) return policy;
  return withBreachCheck(policy, createBreachList(breachesUrl), {
    counted: (outcome) => telemetry?.breachChecked(outcome),
    async failed({ login, userId, origin }, reason) {
      const account = userId === undefined ? {} : { userId, login };
      await store.recordAudit({ at: clock.now(), event: "breach_check_failed", reason, ...account, origin });
    },
  });
}

/** The database's clock where it has one, so that a fleet has one time. It is read before anything depends on it. */
async function clockOf(store: Store, settings: Configuration, log: (line: string) => void): Promise<Clock> {
  const clock = createStoreClock(systemClock, settings.tokenLeeway, (ahead) => log(clockLine(ahead)));
  const askedMs = clock.monotonicMs();
  const storeMs = await store.readClock();
  if (storeMs === undefined) return systemClock;
  clock.observe?.(storeMs, askedMs, clock.monotonicMs());
  return clock;
}

/** Closes what is open if a step of the start fails. The process can catch the error and go on. */
export async function closingOnError<T>(close: () => Promise<void>, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns the function that logs a bug and counts it. */
export function bugReporter(log: Log, telemetry: Telemetry | undefined): (error: unknown, requestId?: string) => void {
  return (error, requestId) => {
    telemetry?.internalError();
    log(internalErrorLine(error), requestId);
  };
}

export async function closeDeps({ passwords, store }: ManagementDeps): Promise<void> {
  await Promise.all([passwords.close(), store.close()]);
}

export function toStderr(line: string): void {
  process.stderr.write(`ampho: ${line}\n`);
}
