// Ampho for the time of one command: with-management.ts, and tokens.
import { type Ampho, composeAmpho } from "../ampho.js";
import type { Configuration } from "../config/configuration.js";
import type { CommandContext } from "./command.js";
import { closing, operatorOf } from "./with-management.js";

/** The whole, from a configuration with keys; quietly, as what it does to an empty store is nothing to tell. */
export function withAmpho<T>(
  configuration: Configuration,
  context: CommandContext,
  work: (ampho: Ampho) => Promise<T>,
): Promise<T> {
  return closing(composeAmpho(configuration, { log: () => {} }, operatorOf(context)), work);
}
