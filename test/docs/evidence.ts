// What a page of docs/ claims, and the tests (or the page's own neighbours) that it names as proof: `test/…` "title", "title";
// `docs/…` "words". threats.md, asvs.md and rfc8725.md are written so.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

export function readPage(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The cells of every row of every table of a page, or of its part under one heading; heads and rules left out. */
export function tableRows(page: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  const lines = page.split("\n");
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith("| ") || isRule(line) || isRule(lines[at + 1])) continue;
    rows.push(
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

function isRule(line: string | undefined): boolean {
  return line !== undefined && /^\|( *:?-+:? *\|)+$/.test(line);
}

/** The text under a heading of the second level. */
export function section(page: string, heading: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`no heading ${heading}`);
  return found;
}

/** Each file that is named as proof exists and holds the words that stand behind it; at least one is named. */
export function expectEvidence(shown: string): void {
  const named = [...shown.matchAll(/`((?:test|docs)\/[^`]+)`((?:,? ?"[^"]+")+)/g)];
  expect(named.length, "names no test").toBeGreaterThan(0);
  for (const [, file = "", titles = ""] of named) {
    expect(existsSync(path.join(root, file)), file).toBe(true);
    const source = readPage(file);
    for (const [, title = ""] of titles.matchAll(/"([^"]+)"/g)) expect(source, file).toContain(title);
  }
  // A test that is named without a title proves nothing.
  const files = [...shown.matchAll(/`(test\/[^`]+)`/g)];
  expect(files.length, "a test without its title").toBe(
    named.filter(([, file = ""]) => file.startsWith("test/")).length,
  );
}
