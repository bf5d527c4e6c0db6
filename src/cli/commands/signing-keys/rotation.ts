// The JWK Set to configure next, by a plain rotation or by one of its stages (docs/operate/signing-keys.md).
import { systemClock } from "../../../clock.js";
import type { Configuration } from "../../../config/configuration.js";
import { retireWaitSeconds } from "../../../config/lifetimes.js";
import { ConfigurationError } from "../../../errors.js";
import type { SigningKeyUse } from "../../../flows/manage/signing-key-use.js";
import type { Algorithm } from "../../../signing-keys/algorithms.js";
import { generateJwk } from "../../../signing-keys/generate.js";
import { importKeys } from "../../../signing-keys/jwk-set.js";
import type { Jwk } from "../../../signing-keys/members.js";
import {
  activateNext,
  publishNext,
  retirePrevious,
  rotateKeys,
  type StageOutcome,
  type StageRules,
} from "../../../signing-keys/stages.js";
import { activateWaitSeconds } from "../../../signing-keys/states.js";
import { invitationSeconds, noticeSeconds } from "../../../store/sql/rows/mail-rows.js";
import type { CommandContext } from "../../command.js";
import { CommandFailure } from "../../failures.js";
import { formatTime } from "../../terminal/table.js";
import { withManagement } from "../../with-management.js";

/** The keys to rotate. */
export interface PresentKeys {
  /** The JWK or JWK Set. */
  readonly key: unknown;
  /** The lifetimes of tokens and sessions decide how long a stage must wait. */
  readonly configuration: () => Configuration;
}

export interface NextKeys {
  readonly set: { readonly keys: readonly unknown[] };
  /** Sentences for people. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export type Stage = "next" | "activate" | "retire";

/** Puts a new key before the old ones. @throws ConfigurationError */
export function rotateAtOnce(
  { key }: PresentKeys,
  asked: { readonly alg: Algorithm | undefined; readonly keep: number | undefined; readonly inPlace: boolean },
): NextKeys {
  const { alg, keep, inPlace } = asked;
  const next = alg ?? signingAlgorithm(key);
  const set = rotateKeys(key, generateJwk(next), { keep });
  if (!inPlace) return { set, notes: [], warnings: [] };
  return { set, notes: [writtenNote(set.keys)], warnings: [] };
}

/** Describes the new content of the file, because nothing is printed. */
function writtenNote([signer, ...old]: readonly Jwk[]): string {
  const verify =
    old.length === 0 ? "No other key is left" : `These keys only verify: ${old.map(({ kid }) => kid).join(", ")}`;
  return `Key ${signer?.kid} signs in each process as soon as the process has read the file. ${verify}.`;
}

/**
 * Runs one stage. With `reason` the stage is forced, and it is recorded in the audit log before the result is returned.
 * @throws CommandFailure if the stage cannot run now, ConfigurationError for a bad key
 */
export async function runStage(
  present: PresentKeys,
  asked: { readonly stage: Stage; readonly alg: Algorithm | undefined; readonly reason: string | undefined },
  context: CommandContext,
): Promise<NextKeys> {
  const { stage, reason } = asked;
  const alg = asked.alg ?? signingAlgorithm(present.key);
  const forced = reason !== undefined;
  // A stage that trusts or removes an existing key must know the revocations.
  const use = stage === "next" ? undefined : await withManagement(context, ({ signingKeys }) => signingKeys.readUse());
  const revoked = new Set(use?.revoked);
  const jwk = stage === "next" ? generateJwk(alg) : undefined;
  const make = (rules: StageRules): StageOutcome => {
    const { key, configuration } = present;
    if (jwk !== undefined) return publishNext(key, jwk, rules);
    const known = { ...rules, forced, revoked };
    if (stage === "activate") return activateNext(key, { ...known, waitSeconds: activateWaitSeconds });
    return retirePrevious(key, { ...known, waitSeconds: retireWait(configuration()) });
  };
  const planned = required(make({ now: systemClock.now() }));
  if (stage === "retire" && use !== undefined && !forced) requireNoSecrets(use, planned.kids);
  if (stage === "next" || reason === undefined) {
    return { set: planned.set, notes: [noteOf(stage, planned.kids, present)], warnings: [] };
  }
  // The database is open here, so its clock decides.
  const now = await withManagement(context, ({ signingKeys }) => signingKeys.recordForced(stage, planned.kids, reason));
  const { set, kids } = required(make({ now }));
  return { set, notes: [noteOf(stage, kids, present)], warnings: [] };
}

// The link of a recovery and that of a login live shorter than the alarm link of a notice.
const retireWait = (configuration: Configuration) =>
  retireWaitSeconds({
    ...configuration,
    connectionIdleTtl: configuration.connect.length > 0 ? configuration.connectionIdleTtl : 0,
    mailedLinkTtl: Math.max(invitationSeconds, noticeSeconds),
  });

type Rejected = Extract<StageOutcome, { readonly outcome: "rejected" }>;

const force = "To do it anyway, use --force --reason TEXT.";
const rejections: Readonly<Record<Rejected["reason"], (rejected: Rejected) => string>> = {
  next_exists: ({ kid }) =>
    `Key ${kid} already has the state next. Use --stage activate to let it sign, or --stage retire if it was revoked.`,
  revoked_next: ({ kid }) => `Key ${kid} is revoked, so it must not sign. Remove it with --stage retire.`,
  no_next: () => "No key of the set has the state next. Use --stage next to add one.",
  no_previous: () => "No key of the set has the state previous. Only you can remove a key that was added by hand.",
  too_early: ({ kid, until }) =>
    until === undefined
      ? `The set does not contain the time since when key ${kid} waits. ${force}`
      : `Too early: some tokens would be rejected until ${formatTime(until)} UTC, because of key ${kid}. ${force}`,
};

function required(outcome: StageOutcome): Extract<StageOutcome, { readonly outcome: "done" }> {
  if (outcome.outcome === "rejected") throw new CommandFailure(rejections[outcome.reason](outcome));
  return outcome;
}

/** Without its key, a TOTP secret is lost, and its user needs a recovery code or an operator. */
function requireNoSecrets({ totpSecrets }: SigningKeyUse, kids: readonly string[]): void {
  const kid = kids.find((one) => totpSecrets[one] !== undefined);
  if (kid === undefined) return;
  const secrets = totpSecrets[kid] === 1 ? "1 TOTP secret is" : `${totpSecrets[kid]} TOTP secrets are`;
  throw new CommandFailure(`Too early: ${secrets} under key ${kid}. Run \`ampho factor-rekey\` first. ${force}`);
}

function noteOf(stage: Stage, [kid, ...others]: readonly [string, ...string[]], present: PresentKeys): string {
  const from = (waitSeconds: number) => formatTime(systemClock.now() + waitSeconds);
  if (stage === "retire") return `Removed from the set: ${[kid, ...others].join(", ")}.`;
  return stage === "next"
    ? `Key ${kid} is next. It verifies and does not sign yet. Run --stage activate after ${from(activateWaitSeconds)} UTC.`
    : `Key ${kid} signs. Key ${others.join(", ")} is previous and only verifies. Run --stage retire after ${from(retireWait(present.configuration()))} UTC.`;
}

function signingAlgorithm(key: unknown): Algorithm {
  const [signer] = importKeys(key).keys;
  if (signer === undefined) throw new ConfigurationError("The set has no key that signs.");
  return signer.algorithm;
}
