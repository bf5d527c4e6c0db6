// A program with children of its own, such as a shell. All of them end at the latest with the process of the test, also
// when the time of the test is over.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface ProcessGroup {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Ends the program and its children. */
  end(): void;
}

export function startGroup(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): ProcessGroup {
  const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const end = () => {
    process.removeListener("exit", end);
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of them have ended already.
    }
  };
  process.once("exit", end);
  return { child, end };
}
