import { readConfiguration } from "../../config/configuration.js";
import { isAlgorithm } from "../../keys/algorithms.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { UsageError } from "../failure.js";
import { keyBytesMax, parseKey } from "../read-keys.js";
import { replaceFile } from "../replace-file.js";
import { type NextKeys, type PresentKeys, rotatePlainly, runStage, type Stage } from "../rotation.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const rotate = readRequest(input, context);
  const say = ({ notes, warnings }: NextKeys) => {
    for (const warning of warnings) terminal.warn(warning);
    for (const note of notes) terminal.note(note);
  };
  if (!input.has("--in-place")) {
    const next = await rotate(await presentKeys(context));
    say(next);
    terminal.printJson(next.set);
    return;
  }
  const { keyFile } = readConfiguration({
    ...context.processContext,
    uses: { key: "none", database: false },
  }).configuration;
  if (keyFile === undefined)
    throw new UsageError("--in-place needs AMPHO_SECURITY_KEY_FILE: there is no file to replace");
  let next: NextKeys | undefined;
  await replaceFile(keyFile, async () => {
    // Read while nobody else replaces it; stdin is not looked at.
    next = await rotate(configuredKeys(context));
    return `${JSON.stringify(next.set)}\n`;
  });
  if (next !== undefined) say(next);
}

/** What was asked for, checked before anything is read. */
function readRequest(input: CommandInput, context: CommandContext): (present: PresentKeys) => Promise<NextKeys> {
  const asked = input.text("--alg");
  const alg = isAlgorithm(asked) ? asked : undefined;
  const keep = readKeep(input.text("--keep"));
  const stage = stageOf(input.text("--stage"));
  const waits = stage === "activate" || stage === "retire";
  const reason = readReason(input);
  if (reason !== undefined && !waits) throw new UsageError("--force goes with --stage activate or --stage retire");
  if (stage === undefined)
    return async (present) => rotatePlainly(present, { alg, keep, inPlace: input.has("--in-place") });
  if (keep !== undefined) throw new UsageError("--keep does not go with --stage");
  if (alg !== undefined && waits) throw new UsageError(`--alg does not go with --stage ${stage}: it makes no key`);
  return (present) => runStage(present, { stage, alg, reason }, context);
}

function stageOf(text: string | undefined): Stage | undefined {
  return text === "next" || text === "activate" || text === "retire" ? text : undefined;
}

function readKeep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new UsageError("--keep may be a whole number");
  return Number(text);
}

/** Undefined without --force. */
function readReason(input: CommandInput): string | undefined {
  const reason = input.text("--reason");
  if (!input.has("--force")) {
    if (reason !== undefined) throw new UsageError("--reason goes with --force");
    return undefined;
  }
  if (reason === undefined || !/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(reason) || reason.trim() === "")
    throw new UsageError("--force needs --reason, a text of 1 to 255 characters without control characters");
  return reason;
}

/** From stdin if there is something, else the configured ones. */
async function presentKeys(context: CommandContext): Promise<PresentKeys> {
  const { terminal } = context;
  const typed = terminal.interactive ? "" : await terminal.readInput(keyBytesMax);
  if (typed.trim() === "") return configuredKeys(context);
  return { key: parseKey(typed), tokenAlg: undefined, configuration: () => configure(context, "none").configuration };
}

function configuredKeys(context: CommandContext): PresentKeys {
  const { configuration, configuredKey: key } = configure(context, "configured");
  return { key, tokenAlg: configuration.tokenAlg, configuration: () => configuration };
}
