// Each command of `ampho` that a page shows exists, with its options.
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { readPage } from "./evidence.js";

const root = path.resolve(import.meta.dirname, "../..");
const pages = [
  "README.md",
  ...readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const everywhere = ["--help"];

/** The lines that a reader types: those of shell blocks, and whole code spans in the text. */
function typed(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code.replaceAll("\\\n", " "));
  const spans = [...page.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...blocks.join("\n").split("\n"), ...spans];
}

/** The calls of `ampho` in a line, with their options. */
function callsIn(line: string): readonly (readonly [string, readonly string[]])[] {
  const begun =
    /(?:^|[\s;(/])(?:ampho|main\.js) ((?:sec|user|session|factor|device|throttle|audit|db)-[a-z-]+|serve|doctor)\b([^;|&)<>]*)/g;
  return [...line.replace(/(?:^|\s)#.*$/, "").matchAll(begun)].map(([, name = "", rest = ""]) => [
    name,
    rest.match(/(?<=\s)--[a-z-]+/g) ?? [],
  ]);
}

describe.each(pages)("%s", (name) => {
  const page = readPage(name);

  it("every command and option on the page exists", () => {
    for (const [command, options] of typed(page).flatMap(callsIn)) {
      const row = commands.find((each) => each.name === command);
      expect(row, command).toBeDefined();
      const known = [...everywhere, ...(row?.options ?? []).map((option) => option.name)];
      for (const option of options) expect(known, command).toContain(option);
    }
  });
});

it("the pages have more than sixty calls, and the search finds their options", () => {
  const calls = pages.flatMap((name) => typed(readPage(name)).flatMap(callsIn)).map(([command]) => command);
  expect(calls.length).toBeGreaterThan(60);
  expect(callsIn("(set -a; ampho db-up)")).toEqual([["db-up", []]]);
  expect(callsIn("ampho session-end --login alice   # all --of hers")).toEqual([["session-end", ["--login"]]]);
});
