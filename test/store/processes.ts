// Real processes and real file systems for tests of the embedded store.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** The next line of its output, or undefined at the end. */
  line(): Promise<string | undefined>;
  /** Its exit code, when it has ended and its output was read. */
  readonly ended: Promise<number | null>;
  readonly errors: () => string;
}

export function startChild(name: string, ...args: readonly string[]): Child {
  const script = fileURLToPath(new URL(`./children/${name}.mjs`, import.meta.url));
  // With the same options of Node, so that the child finds the same SQLite library as its parent.
  const child = spawn(process.execPath, [...process.execArgv, script, ...args]);
  const line = linesOf(child.stdout);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  return {
    process: child,
    line,
    ended: new Promise((resolve) => child.once("close", resolve)),
    errors: () => errors,
  };
}

/** Every complete line. `node:readline` would also return a line that a kill has cut off. */
function linesOf(stream: Readable): Child["line"] {
  const chunks = stream.setEncoding("utf8")[Symbol.asyncIterator]();
  const lines: string[] = [];
  let rest = "";
  return async () => {
    while (lines.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return undefined;
      lines.push(...`${rest}${value}`.split("\n"));
      rest = lines.pop() ?? "";
    }
    return lines.shift();
  };
}

/** Mounts a file system of that size, which only root can do. */
export function mountSmall(sizeKiB: number): { readonly folder: string; remount(option: string): void; end(): void } {
  const folder = freshFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKiB}k`, "tmpfs", folder]);
  return {
    folder,
    remount: (option) => void execFileSync("mount", ["-o", `remount,${option}`, folder]),
    end: () => void execFileSync("umount", ["-l", folder]),
  };
}

export const mayMount = process.platform === "linux" && process.getuid?.() === 0;
