// Ampho for the time of one command, as an operator who is named in the audit log by user and host of the machine.
import { type Ampho, composeAmpho } from "../ampho.js";
import type { Configuration } from "../config.js";
import { generateJwk } from "../crypto/jwk-generate.js";
import { importKeys } from "../crypto/jwk-set.js";
import type { CommandContext } from "./command.js";
import { configure } from "./configure.js";

/** For work that signs nothing: it asks for no configured key, and a key of its own is never used. */
export function withAmpho<T>(context: CommandContext, work: (ampho: Ampho) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, "none");
  const { keys } = importKeys(generateJwk("HS256"));
  return withAmphoOf({ ...configuration, keys }, context, work);
}

export async function withAmphoOf<T>(
  configuration: Configuration,
  { terminal, surroundings: { user, host } }: CommandContext,
  work: (ampho: Ampho) => Promise<T>,
): Promise<T> {
  const ampho = await composeAmpho(
    configuration,
    { notice: (line) => terminal.note(`ampho: ${line}`) },
    { actor: "operator", operator: `${user ?? "unknown"}@${host}` },
  );
  try {
    return await work(ampho);
  } finally {
    await ampho.close();
  }
}
