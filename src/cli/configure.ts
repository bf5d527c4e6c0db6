// The configuration for a command; its warnings go to stderr.
import { type ConfigurationResult, type KeyUse, readConfiguration } from "../config/configuration.js";
import type { CommandContext } from "./command.js";

/**
 * `options` stand over everything else: what was typed for this run.
 * @throws ConfigurationError
 */
export function configure(
  { processContext, terminal }: CommandContext,
  key: KeyUse,
  options: Readonly<Record<string, unknown>> = {},
): ConfigurationResult {
  const result = readConfiguration({ ...processContext, options, uses: { key } });
  for (const warning of result.warnings) terminal.warn(warning);
  return result;
}
