// Reads the configuration for a command and prints its warnings on stderr.
import { type ConfigurationInput, type ConfigurationResult, readConfiguration } from "../config/configuration.js";
import type { CommandContext } from "./command.js";

/** @throws ConfigurationError */
export function configure(
  { processContext, terminal, warned }: CommandContext,
  uses: NonNullable<ConfigurationInput["uses"]>,
): ConfigurationResult {
  const result = readConfiguration({ ...processContext, uses });
  for (const warning of result.warnings) {
    // A command can read the configuration twice.
    if (warned.has(warning)) continue;
    warned.add(warning);
    terminal.warn(warning);
  }
  return result;
}
