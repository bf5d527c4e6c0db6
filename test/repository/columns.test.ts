// Lines of src/ have at most 120 columns. The formatter keeps code within them, except for texts, which it never breaks.
import { readdirSync, readFileSync } from "node:fs";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";
import { wrapComments } from "../../scripts/wrap-comments.mjs";

const columns = 120;

const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

/** The lines that are too long without their texts, each with its number. */
function longLines(name: string, source: string): readonly string[] {
  const cut: [number, number][] = [];
  const { program } = parseSync(name, source);
  new Visitor({
    Literal: ({ start, end }) => void cut.push([start, end]),
    TemplateElement: ({ start, end }) => void cut.push([start, end]),
  }).visit(program);
  let at = 0;
  return source.split("\n").flatMap((line, index) => {
    const [from, to] = [at, at + line.length];
    at = to + 1;
    const texts = cut.reduce((sum, [start, end]) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)), 0);
    return line.length - texts > columns ? [`${name}:${index + 1}`] : [];
  });
}

test("a line of code or of a comment has at most 120 columns", () => {
  const sources = files.map((name) => [name, readFileSync(`src/${name}`, "utf8")]);
  expect(sources.flatMap(([name = "", source = ""]) => longLines(name, source))).toEqual([]);
});

test("a comment that is too long is wrapped, and its example and its marks stay", () => {
  const words = Array(30).fill("word").join(" ");
  expect(
    wrapComments(`  // ${words}`)
      .split("\n")
      .map((line) => line.length),
  ).toEqual([119, 39]);
  expect(wrapComments(`/** ${words} */`).split("\n").at(0)).toBe("/**");
  const example = `/**\n * Short.\n * @example\n * ${words}\n */`;
  expect(wrapComments(example)).toBe(example);
});
