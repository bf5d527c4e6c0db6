// The command `sec-rotate-key`: reads what was asked for and the present keys, and prints or writes the next set.
import { readConfiguration } from "../../../config/configuration.js";
import { ConfigurationError } from "../../../errors.js";
import { isAlgorithm } from "../../../signing-keys/algorithms.js";
import { importKeys } from "../../../signing-keys/jwk-set.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { configure } from "../../configure.js";
import { UsageError } from "../../failures.js";
import { replaceFile } from "../../files/replace-file.js";
import { requiredReason } from "../../input.js";
import { type NextKeys, type PresentKeys, rotateAtOnce, runStage, type Stage } from "./rotation.js";

export async function rotateSigningKey(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const rotate = readRequest(input, context);
  const report = ({ notes, warnings }: NextKeys) => {
    for (const warning of warnings) terminal.warn(warning);
    for (const note of notes) terminal.note(note);
  };
  if (!input.has("--in-place")) {
    const next = await rotate(await presentKeys(context));
    report(next);
    terminal.printJson(next.set);
    return;
  }
  const { keyFile } = readConfiguration({ ...context.processContext, uses: keyless }).configuration;
  if (keyFile === undefined)
    throw new UsageError("--in-place requires AMPHO_SECURITY_KEY_FILE, which names the file to replace.");
  let next: NextKeys | undefined;
  await replaceFile(keyFile, async () => {
    // The file is read while no other rotation can replace it. Stdin is not read.
    next = await rotate(configuredKeys(context));
    return `${JSON.stringify(next.set)}\n`;
  });
  if (next !== undefined) report(next);
}

const keyless = { key: "none", database: false } as const;

/** Checks the arguments before anything is read. */
function readRequest(input: CommandInput, context: CommandContext): (present: PresentKeys) => Promise<NextKeys> {
  const asked = input.text("--alg");
  const alg = isAlgorithm(asked) ? asked : undefined;
  const keep = readKeep(input.text("--keep"));
  const stage = stageOf(input.text("--stage"));
  const waits = stage === "activate" || stage === "retire";
  const reason = readForce(input);
  if (reason !== undefined && !waits) throw new UsageError("--force requires --stage activate or --stage retire.");
  if (stage === undefined)
    return async (present) => rotateAtOnce(present, { alg, keep, inPlace: input.has("--in-place") });
  if (keep !== undefined) throw new UsageError("--keep cannot be used with --stage.");
  if (alg !== undefined && waits)
    throw new UsageError(`--alg cannot be used with --stage ${stage}, which creates no key.`);
  return (present) => runStage(present, { stage, alg, reason }, context);
}

const stageOf = (text: string | undefined): Stage | undefined =>
  text === "next" || text === "activate" || text === "retire" ? text : undefined;

function readKeep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new UsageError("--keep must be a whole number.");
  return Number(text);
}

/** Returns undefined without --force. */
function readForce(input: CommandInput): string | undefined {
  if (input.has("--force")) return requiredReason(input, "--force");
  if (input.text("--reason") !== undefined) throw new UsageError("--reason requires --force.");
  return undefined;
}

/** Returns the keys on stdin if there are any, else the configured ones. */
async function presentKeys(context: CommandContext): Promise<PresentKeys> {
  const { terminal } = context;
  const typed = terminal.interactive ? "" : await terminal.readInput(keyBytesMax);
  if (typed.trim() === "") return configuredKeys(context);
  const key = parseKey(typed);
  // It is checked here because only here a message can state that the bad key came from stdin.
  asUsage(() => importKeys(key));
  return { key, configuration: () => configure(context, keyless).configuration };
}

function configuredKeys(context: CommandContext): PresentKeys {
  const { configuration, configuredKey: key } = configure(context, { key: "configured", database: false });
  return { key, configuration: () => configuration };
}

/** A set of a hundred RSA keys is far smaller. */
const keyBytesMax = 1 << 20;

/** @throws UsageError without the text, which can be a key */
function parseKey(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // The message of the parser cites the text.
    throw new UsageError("The key on stdin is not JSON.");
  }
}

/** A bad key on stdin is wrong use of the command and not a wrong configuration. */
function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(`The key on stdin cannot be used: ${error.message}.`);
    throw error;
  }
}
