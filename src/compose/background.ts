// The parts that work beside the requests of an instance, and the checks and notes of its start.

import { systemClock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { followKeyFile, type KeyFileFollower } from "../config/read-signing-key.js";
import type { Deps } from "../flows/deps.js";
import type { ManagementDeps } from "../flows/manage/manager.js";
import { type RunningHooks, startUserHooks } from "../flows/manage/user-hooks.js";
import { hookFailsLine, signingKeyRevokedLine, usersElsewhereLine } from "../log-lines.js";
import { createTransport } from "../mail/transports/create.js";
import { type CompositionOptions, type Log, userHookNames } from "../options.js";
import type { Key } from "../signing-keys/key.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import type { Keyring } from "../tokens/keyring.js";
import { bugReporter, toStderr } from "./management.js";

/** Rejects with ConfigurationError without the package of mail servers, or for a folder that cannot be written. */
export async function checkTransport(
  configuration: Configuration,
  { mail, log = toStderr }: CompositionOptions,
): Promise<void> {
  if (configuration.appUrl === undefined) return;
  const transport = await createTransport(configuration, { clock: systemClock, log, mail });
  transport?.close?.();
}

/** The commands and renewals read this note, because only the application knows the users of its table. */
export async function noteUserTable({ store, clock }: ManagementDeps, options: CompositionOptions): Promise<void> {
  const { users, log = toStderr } = options;
  const owns = users !== undefined;
  if ((await store.readApplicationOwnsUsers()) === owns) return;
  const noted = await store.writeApplicationOwnsUsers({ owns, now: clock.now() });
  if (noted !== owns) log(usersElsewhereLine());
}

/** Undefined without a hook. */
export async function openHooks(
  { store, clock }: ManagementDeps,
  telemetry: Telemetry,
  { log = toStderr, ...options }: CompositionOptions,
): Promise<RunningHooks | undefined> {
  if (userHookNames.every((name) => options[name] === undefined)) return undefined;
  const reportFailure = (hook: string, error: unknown) => log(hookFailsLine(hook, error));
  const report = bugReporter(log, telemetry);
  return startUserHooks({ store, clock, hooks: options, report, reportFailure, settled: telemetry.hookSettled });
}

export function followKeys(
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
export function watchRevocations({ revocations }: Deps, keyring: Keyring, telemetry: Telemetry, log: Log): void {
  revocations.listen(telemetry.revoked);
  const signingKid = () => keyring.signingKid();
  if (keyring.isRevoked(signingKid())) log(signingKeyRevokedLine(signingKid()));
  revocations.listen((row) => {
    if (row.kind === "signing_key" && row.kid === signingKid()) log(signingKeyRevokedLine(row.kid));
  });
}
