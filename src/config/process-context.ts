// The environment, folder, user and host of a process. Its configuration depends on them and on files.

import { hostname, userInfo } from "node:os";
import { ConfigurationError } from "../errors.js";

export interface ProcessContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The names in `env` that come from the file `.env`. Only the command line reads that file. */
  readonly envFile?: ReadonlySet<string>;
  readonly cwd: string;
  /** Undefined if the system has no name for the user. There is then no {user}@{host}.json. */
  readonly user: string | undefined;
  readonly host: string;
}

/** Describes the running process. */
export function processContext(): ProcessContext {
  return { env: process.env, cwd: process.cwd(), user: userName(), host: hostname() };
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container can run under a user id that has no name.
    return process.env["USER"] || undefined;
  }
}

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
