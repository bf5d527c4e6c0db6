// The environment, folder, user and host of a process. Its configuration depends on them and on files.
import { hostname, userInfo } from "node:os";

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
