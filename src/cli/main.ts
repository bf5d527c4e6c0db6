#!/usr/bin/env node
// The command `ampho`.
import { fileProblem } from "../config/files.js";
import { type ProcessContext, processContext } from "../config/process-context.js";
import { run } from "./program.js";
import { openTerminal } from "./terminal/terminal.js";

/** A reader that closes the pipe early (`ampho user-list | head`) is not a failure. A full disk is one. */
function onWriteError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  process.stderr.write(`ampho: The output cannot be written (${error.code}).\n`);
  process.exit(1);
}

process.stdout.on("error", onWriteError);
process.stderr.on("error", () => {});

/** Returns undefined, with a message, if the working directory was deleted while a shell was in it. */
function readContext(): ProcessContext | undefined {
  try {
    return processContext();
  } catch (error) {
    process.stderr.write(`ampho: The working directory cannot be used (${fileProblem(error)}).\n`);
    return undefined;
  }
}

const context = readContext();
if (context === undefined) process.exitCode = 1;
else {
  void run(
    process.argv.slice(2),
    { processContext: context, terminal: openTerminal(process, context.env), warned: new Set() },
    (text) => void process.stdout.write(text),
  ).then((code) => {
    process.exitCode = code;
    // A pool or a timer that `ampho.config.js` has opened must not keep a command alive.
    setTimeout(() => process.exit(), 500).unref();
  });
}
