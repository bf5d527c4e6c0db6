// Creates a file that only its owner can read.
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from "node:fs";
import { fileProblem } from "../../config/files.js";
import { CommandFailure } from "../failures.js";
import { quoted } from "../terminal/table.js";

/** @throws CommandFailure if the file exists or cannot be written. An existing file stays as it is. */
export function writeNewFile(path: string, text: string): void {
  let file: number;
  try {
    // `wx` creates the file or fails in one step, so another process cannot put a file or a link there in between.
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    throw new CommandFailure(`The file ${quoted(path)} cannot be created (${fileProblem(error)}).`);
  }
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw new CommandFailure(`The file ${quoted(path)} cannot be written (${fileProblem(error)}).`);
  } finally {
    closeSync(file);
  }
}
