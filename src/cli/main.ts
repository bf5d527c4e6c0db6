#!/usr/bin/env node
// The command `ampho`.
import { fileProblem } from "../config/files.js";
import { type ProcessContext, processContext } from "../config/process-context.js";
import { run } from "./program.js";
import { openTerminal } from "./terminal.js";

/** Whoever reads may go away first (`ampho user-list | head`): that is no failure. A full disk is. */
function onWriteError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  process.stderr.write(`ampho: the output cannot be written (${error.code})\n`);
  process.exit(1);
}

process.stdout.on("error", onWriteError);
process.stderr.on("error", () => {});

/** Undefined, and said, when the working directory was removed while somebody was in it. */
function whereItRuns(): ProcessContext | undefined {
  try {
    return processContext();
  } catch (error) {
    process.stderr.write(`ampho: the working directory cannot be used: ${fileProblem(error)}\n`);
    return undefined;
  }
}

const around = whereItRuns();
if (around === undefined) process.exitCode = 1;
else {
  void run(
    process.argv.slice(2),
    { processContext: around, terminal: openTerminal(process, around.env) },
    (text) => void process.stdout.write(text),
  ).then((code) => {
    process.exitCode = code;
  });
}
