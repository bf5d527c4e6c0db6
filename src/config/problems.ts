// The one message that reports every problem of a configuration. A problem is a sentence such as
// `AMPHO_PORT must be a whole number from 0 to 65535, but is "many".` It contains no secret.
import { ConfigurationError } from "../errors.js";

/** `hints` follow the problems because they can be their cause, such as a misspelt name. */
export function configurationError(problems: readonly string[], hints: readonly string[] = []): ConfigurationError {
  const lines = [...problems, ...hints];
  if (lines.length === 1) return new ConfigurationError(lines.join(""));
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new ConfigurationError(
    `The configuration has ${count}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    lines,
  );
}
