// What is wrong with a configuration, and the one message that tells all of it.
import { ConfigurationError } from "../errors.js";

export interface Problem {
  /** The parameter, file or option. */
  readonly name: string;
  /** Goes on from the name: `is "soon" and may be …`. Holds no secret. */
  readonly text: string;
}

/** `hints` may be the reason: they are told behind what is wrong. */
export function failure(problems: readonly Problem[], hints: readonly string[] = []): ConfigurationError {
  const lines = [...problems.map(({ name, text }) => `${name} ${text}`), ...hints];
  if (lines.length === 1) return new ConfigurationError(`Wrong configuration: ${lines[0]}`);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new ConfigurationError(`Wrong configuration, ${count}:\n${lines.map((line) => `  ${line}`).join("\n")}`);
}
