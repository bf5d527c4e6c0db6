// The code of docs/frameworks.md: each file that a snippet names, and its text.
import { readFileSync } from "node:fs";
import path from "node:path";

const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/frameworks.md"), "utf8");

const all = new Map(
  [...page.matchAll(/^```[jt]s\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => [file, text]),
);

/** Those files, as a reader would copy them. */
export function snippets(...files: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    files.map((file) => {
      const text = all.get(file);
      if (text === undefined) throw new Error(`docs/frameworks.md has no ${file}`);
      return [file, text];
    }),
  );
}
