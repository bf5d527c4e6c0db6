// The claims of a page in docs/, and the evidence that they name. asvs.md and rfc8725.md have this form:
//   - **A claim.**
//     - A note.
//     - `test/guard/guard.test.ts` "title of a test"
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

export function readPage(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The text under a heading of the second level. */
export function section(page: string, heading: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`The page has no heading "${heading}".`);
  return found;
}

/** The cells of every row of every table of a text, without heads and rules. */
export function tableRows(text: string): readonly (readonly string[])[] {
  const lines = text.split("\n");
  const isRule = (line: string | undefined) => line !== undefined && /^\|( *:?-+:? *\|)+$/.test(line);
  return lines
    .filter((line, at) => line.startsWith("| ") && !isRule(line) && !isRule(lines[at + 1]))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

export interface Claim {
  readonly text: string;
  /** Its nested items: notes and evidence. */
  readonly items: readonly string[];
}

/** The items of the first level of every list of a text. */
export function claimsOf(text: string): readonly Claim[] {
  return text
    .split(/^- /m)
    .slice(1)
    .map((item) => item.split(/\n\n(?! )/, 1)[0] ?? "")
    .map((item) => item.split(/^ {2}- /m).map((part) => part.replace(/\s+/g, " ").trim()))
    .map(([claim = "", ...items]) => ({ text: claim, items }));
}

const evidence = /^`((?:test|docs)\/[^`]+)` "(.+)"$/;
/** The numbers of docs/security/evidence.md under which more tests are, such as `[T-38](evidence.md#t-38)`. */
const numbers = /^(?:\[T-\d+\]\((?:security\/)?evidence\.md#t-\d+\)(?:, |$))+$/;

export function namesEvidence(items: readonly string[]): boolean {
  return items.some((item) => evidence.test(item) || numbers.test(item));
}

/** At least one item names a file and words in it, and every named file has its words. */
export function expectEvidence(items: readonly string[]): void {
  expect(namesEvidence(items), "the claim names no test").toBe(true);
  for (const item of items) {
    for (const [, number = "", anchor = ""] of item.matchAll(/\[(T-\d+)\]\([^)]*#([^)]*)\)/g)) {
      expect(anchor).toBe(number.toLowerCase());
      expect(readPage("docs/security/evidence.md")).toContain(`### ${number}\n`);
    }
    const [, file, words = ""] = evidence.exec(item) ?? [];
    if (file === undefined) expect(item, "a test without its title").not.toMatch(/^`test\//);
    else {
      expect(existsSync(path.join(root, file)), file).toBe(true);
      const found = readPage(file).replace(/\s+/g, " ").includes(words);
      expect(found, `${file} has the words "${words}"`).toBe(true);
    }
  }
}
