// The claims of a page in docs/, and their evidence. asvs.md and rfc8725.md have this form:
//   - **6.2.1** A claim.
//     - A note.
//     - `docs/operate/signing-keys.md` "words of a page", or the number of a promise: [T-38](security/threats.md#passwords)
// The tests are in test/evidence.txt alone.
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

/** The tests of test/evidence.txt by the number of a promise, or of a requirement such as `ASVS 6.2.1`. */
export const tests: ReadonlyMap<string, readonly string[]> = testsOf(readPage("test/evidence.txt"));

function testsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    if (/^(?:T-\d+|ASVS [\d.]+|RFC 8725 [\d.]+[a-z]?)$/.test(line) && !found.has(line)) {
      current = [];
      found.set(line, current);
    } else if (current !== undefined && /^ {2}\S+ ".+"$/.test(line)) {
      current.push(line.trim().replace(/^\S+/, "`$&`"));
    } else throw new Error(`test/evidence.txt has the line "${line}".`);
  }
  return found;
}

const evidence = /^`((?:test|docs)\/[^`]+)` "(.+)"$/;
/** The numbers of promises, which have tests of their own, such as `[T-38](threats.md#passwords)`. */
const numbers = /^(?:\[T-\d+\]\((?:security\/)?threats\.md#[a-z-]+\)(?:, |$))+$/;

/** The anchor of the chapter of docs/security/threats.md that has a promise. */
function anchorOfPromise(number: string): string | undefined {
  const chapter = readPage("docs/security/threats.md")
    .split(/^## /m)
    .find((each) => each.includes(`\n- **${number} `));
  return chapter
    ?.split("\n", 1)[0]
    ?.toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}

export function namesEvidence(items: readonly string[]): boolean {
  return items.some((item) => evidence.test(item) || numbers.test(item));
}

/** At least one item names a file and words in it, and every named file has its words. */
export function expectEvidence(items: readonly string[]): void {
  expect(namesEvidence(items), "the claim names no test").toBe(true);
  for (const item of items) {
    for (const [, number = "", anchor = ""] of item.matchAll(/\[(T-\d+)\]\([^)]*#([^)]*)\)/g)) {
      expect(anchorOfPromise(number)).toBe(anchor);
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
