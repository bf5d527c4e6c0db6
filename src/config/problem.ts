// What is wrong with a configuration, and the one message that tells all of it.
import { ConfigurationError } from "../errors.js";

export interface Problem {
  /** The parameter, file or option. */
  readonly name: string;
  /** Goes on from the name: `is "soon" and may be …`. Holds no secret. */
  readonly text: string;
}

export function failure(problems: readonly Problem[]): ConfigurationError {
  const lines = problems.map(({ name, text }) => `${name} ${text}`);
  if (lines.length === 1) return new ConfigurationError(`Wrong configuration: ${lines[0]}`);
  return new ConfigurationError(
    `Wrong configuration, ${lines.length} problems:\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );
}
