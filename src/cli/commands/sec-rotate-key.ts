import { type Algorithm, isAlgorithm } from "../../crypto/algorithms.js";
import { generateJwk } from "../../crypto/jwk-generate.js";
import { rotateKeys } from "../../crypto/jwk-rotate.js";
import { importKeys } from "../../crypto/jwk-set.js";
import { ConfigurationError } from "../../errors.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { UsageError } from "../failure.js";
import { keyBytesMax, parseKey } from "../read-keys.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const keep = readKeep(input.text("--keep"));
  const { key, algorithm, tokenAlg } = await currentKey(context);
  const asked = input.text("--alg");
  const next = isAlgorithm(asked) ? asked : algorithm;
  const set = rotateKeys(key, generateJwk(next), { keep, algorithm: tokenAlg });
  if (tokenAlg !== undefined && tokenAlg !== next) {
    context.terminal.warn(`AMPHO_SECURITY_TOKEN_ALG is ${tokenAlg}: remove it, or the new key cannot be used`);
  }
  context.terminal.printJson(set);
}

function readKeep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new UsageError("--keep may be a whole number");
  return Number(text);
}

interface CurrentKey {
  readonly key: unknown;
  /** Of the key that signs now. */
  readonly algorithm: Algorithm;
  readonly tokenAlg: Algorithm | undefined;
}

/** From stdin if there is something, else the configured one. */
async function currentKey(context: CommandContext): Promise<CurrentKey> {
  const { terminal } = context;
  const typed = terminal.interactive ? "" : await terminal.readInput(keyBytesMax);
  if (typed.trim() !== "") {
    const key = parseKey(typed);
    return { key, algorithm: signingAlgorithm(key, undefined), tokenAlg: undefined };
  }
  const { configuration, configuredKey: key } = configure(context, "configured");
  const { tokenAlg } = configuration;
  return { key, algorithm: signingAlgorithm(key, tokenAlg), tokenAlg };
}

function signingAlgorithm(key: unknown, tokenAlg: Algorithm | undefined): Algorithm {
  const [signer] = importKeys(key, { algorithm: tokenAlg }).keys;
  if (signer === undefined) throw new ConfigurationError("there is no key that signs");
  return signer.algorithm;
}
