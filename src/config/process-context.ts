// Where a process stands: what its configuration depends on besides the files.
import { hostname, userInfo } from "node:os";

export interface ProcessContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Undefined when the system has no name for the user; there is then no {user}@{host}.json. */
  readonly user: string | undefined;
  readonly host: string;
}

/** Of the process that runs. */
export function processContext(): ProcessContext {
  return { env: process.env, cwd: process.cwd(), user: userName(), host: hostname() };
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return process.env["USER"] || undefined;
  }
}
