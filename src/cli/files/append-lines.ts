// Appends lines to a text file that people edit too, such as `.env` or `.gitignore`.
import { appendFileSync, readFileSync } from "node:fs";
import { fileProblem } from "../../config/files.js";
import { CommandFailure } from "../failures.js";

/**
 * Appends the lines that the file does not have, and creates the file with this mode if it is missing. Existing content stays
 * as it is.
 * Returns the added lines.
 * @throws CommandFailure
 */
export function appendLines(path: string, lines: readonly string[], mode = 0o666): readonly string[] {
  try {
    const text = readIfExists(path);
    const present = new Set(text.split(/\r?\n/).map((line) => line.trim()));
    const added = lines.filter((line) => !present.has(line));
    if (added.length === 0) return added;
    const start = text === "" || text.endsWith("\n") ? "" : "\n";
    appendFileSync(path, `${start}${added.join("\n")}\n`, { mode });
    return added;
  } catch (error) {
    throw new CommandFailure(`A line cannot be added to a file (${fileProblem(error)}).`);
  }
}

function readIfExists(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
