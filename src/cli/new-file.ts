// A new file that only its owner can read.
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from "node:fs";
import { fileProblem } from "../config/files.js";
import { CommandFailure } from "./failure.js";

/** @throws CommandFailure when the file is there or cannot be written; what was there stays as it is */
export function writeNewFile(path: string, text: string): void {
  let file: number;
  try {
    // `wx` makes the file or fails, in one step: nobody can put a file or a link there in between.
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    throw new CommandFailure(`the file cannot be made: ${fileProblem(error)}`);
  }
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw new CommandFailure(`the file cannot be written: ${fileProblem(error)}`);
  } finally {
    closeSync(file);
  }
}
