#!/usr/bin/env node
// The command `ampho`.
import { surroundings } from "../config/surroundings.js";
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

const around = surroundings();
void run(
  process.argv.slice(2),
  { surroundings: around, terminal: openTerminal(process, around.env) },
  (text) => void process.stdout.write(text),
).then((code) => {
  process.exitCode = code;
});
