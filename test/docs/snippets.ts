// The code of a page in docs/, by the file name in its first line.
import { readFileSync } from "node:fs";
import path from "node:path";

/** The text of a page, or of the section that its `#Heading` names. */
export function textOf(source: string): string {
  const [page = "", heading] = source.split("#");
  const text = readFileSync(path.resolve(import.meta.dirname, "../..", page), "utf8");
  return heading === undefined ? text : (text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "");
}

/** The text of each file, as a reader would copy it. */
export function snippets(page: string, ...files: readonly string[]): Record<string, string> {
  const text = textOf(page);
  const all = new Map(
    [...text.matchAll(/^```(?:[jt]sx?|sql|vue|svelte|html)\n(?:\/\/|--|<!--) (\S+)(?: -->)?\n([\s\S]*?)^```$/gm)].map(
      ([, file = "", code = ""]) => [file, code],
    ),
  );
  return Object.fromEntries(
    files.map((file) => {
      const code = all.get(file);
      if (code === undefined) throw new Error(`${page} has no ${file}`);
      return [file, code];
    }),
  );
}
