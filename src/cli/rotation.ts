// The JWK Set to configure next, by a plain rotation or by one of its stages (docs/keys.md).
import { systemClock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { ConfigurationError } from "../errors.js";
import type { Algorithm } from "../keys/algorithms.js";
import { generateJwk } from "../keys/generate.js";
import { importKeys } from "../keys/jwk-set.js";
import type { Jwk } from "../keys/members.js";
import { rotateKeys } from "../keys/rotate.js";
import { activateWaitSeconds, retireWaitSeconds } from "../keys/rotation-waits.js";
import { activateNext, publishNext, retirePrevious, type StageOutcome, type StageRules } from "../keys/stages.js";
import type { CommandContext } from "./command.js";
import { CommandFailure } from "./failure.js";
import { formatTime } from "./table.js";
import { withManagement } from "./with-management.js";

/** What is rotated. */
export interface PresentKeys {
  /** The JWK or JWK Set. */
  readonly key: unknown;
  /** AMPHO_SECURITY_TOKEN_ALG, where it counts for these keys. */
  readonly tokenAlg: Algorithm | undefined;
  /** What tells how long that which was signed is good. */
  readonly configuration: () => Configuration;
}

export interface NextKeys {
  readonly set: { readonly keys: readonly unknown[] };
  /** For people. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export type Stage = "next" | "activate" | "retire";

/** @throws ConfigurationError */
export function rotatePlainly(
  { key, tokenAlg }: PresentKeys,
  asked: { readonly alg: Algorithm | undefined; readonly keep: number | undefined; readonly inPlace: boolean },
): NextKeys {
  const { alg, keep, inPlace } = asked;
  const next = alg ?? signingAlgorithm(key, tokenAlg);
  const set = rotateKeys(key, generateJwk(next), { keep, algorithm: tokenAlg });
  return { set, notes: inPlace ? [placedNote(set.keys)] : [], warnings: warningsFor(next, tokenAlg) };
}

/** Where nothing is printed: what is in the file now. */
function placedNote([signer, ...old]: readonly Jwk[]): string {
  const verify = old.length === 0 ? "No other key is left" : `${old.map(({ kid }) => kid).join(", ")} only verify`;
  return `The key ${signer?.kid} signs, in each process as soon as it has read the file. ${verify}.`;
}

/**
 * One stage. `reason`: it is forced, and recorded before anything is given.
 * @throws CommandFailure when it may not be done now; ConfigurationError
 */
export async function runStage(
  present: PresentKeys,
  asked: { readonly stage: Stage; readonly alg: Algorithm | undefined; readonly reason: string | undefined },
  context: CommandContext,
): Promise<NextKeys> {
  const { stage, reason } = asked;
  const { tokenAlg } = present;
  const alg = asked.alg ?? signingAlgorithm(present.key, tokenAlg);
  const forced = reason !== undefined;
  const make = stages[stage](present, { alg, forced });
  const planned = required(make({ now: systemClock.now(), algorithm: tokenAlg }));
  if (stage === "next" || reason === undefined) {
    return {
      set: planned.set,
      notes: notesOf(stage, planned.kids, present),
      warnings: stage === "next" ? warningsFor(alg, tokenAlg) : [],
    };
  }
  // The store is open here, so its time counts.
  const now = await withManagement(context, ({ keys }) => keys.recordForced(stage, planned.kids, reason));
  const { set, kids } = required(make({ now, algorithm: tokenAlg }));
  return { set, notes: notesOf(stage, kids, present), warnings: [] };
}

type Make = (rules: StageRules) => StageOutcome;

const stages: Readonly<
  Record<Stage, (present: PresentKeys, asked: { readonly alg: Algorithm; readonly forced: boolean }) => Make>
> = {
  next({ key }, { alg }) {
    const jwk = generateJwk(alg);
    return (rules) => publishNext(key, jwk, rules);
  },
  activate:
    ({ key }, { forced }) =>
    (rules) =>
      activateNext(key, { ...rules, forced, waitSeconds: activateWaitSeconds }),
  retire:
    ({ key, configuration }, { forced }) =>
    (rules) =>
      retirePrevious(key, { ...rules, forced, waitSeconds: retireWait(configuration()) }),
};

const retireWait = (configuration: Configuration) =>
  retireWaitSeconds({
    tokenTtl: configuration.tokenTtl,
    tokenLeeway: configuration.tokenLeeway,
    tokenForeignTtl: configuration.tokenForeignTtl,
    sessionIdleTtl: configuration.sessionIdleTtl,
    sessionTtl: configuration.sessionTtl,
  });

type Refused = Extract<StageOutcome, { readonly outcome: "refused" }>;

const refusals: Readonly<Record<Refused["reason"], (refused: Refused) => string>> = {
  next_exists: ({ kid }) => `the key ${kid} is next already: let it sign with --stage activate`,
  no_next: () => "no key of the set is next: put one into it with --stage next",
  no_previous: () => "no key of the set is previous; one that was put in by hand is taken out by hand",
  too_early: ({ kid, until }) =>
    until === undefined
      ? `the set does not say since when the key ${kid} waits; --force with --reason does not ask`
      : `it is too early for the key ${kid}: somebody would be refused before ${formatTime(until)} UTC; --force with --reason does not wait`,
};

function required(outcome: StageOutcome): Extract<StageOutcome, { readonly outcome: "done" }> {
  if (outcome.outcome === "refused") throw new CommandFailure(refusals[outcome.reason](outcome));
  return outcome;
}

function notesOf(
  stage: Stage,
  [kid, ...others]: readonly [string, ...string[]],
  present: PresentKeys,
): readonly string[] {
  const from = (waitSeconds: number) => formatTime(systemClock.now() + waitSeconds);
  const notes: Readonly<Record<Stage, () => readonly string[]>> = {
    next: () => [
      `The key ${kid} is next: it verifies, and does not sign yet. From ${from(activateWaitSeconds)} UTC on: --stage activate.`,
    ],
    activate: () => [
      `The key ${kid} signs. ${others.join(", ")} is previous and verifies. From ${from(retireWait(present.configuration()))} UTC on: --stage retire.`,
    ],
    retire: () => [`Taken out: ${[kid, ...others].join(", ")}.`],
  };
  return notes[stage]();
}

function warningsFor(alg: Algorithm, tokenAlg: Algorithm | undefined): readonly string[] {
  return tokenAlg === undefined || tokenAlg === alg
    ? []
    : [`AMPHO_SECURITY_TOKEN_ALG is ${tokenAlg}: remove it, or the new key cannot be used`];
}

function signingAlgorithm(key: unknown, tokenAlg: Algorithm | undefined): Algorithm {
  const [signer] = importKeys(key, { algorithm: tokenAlg }).keys;
  if (signer === undefined) throw new ConfigurationError("there is no key that signs");
  return signer.algorithm;
}
