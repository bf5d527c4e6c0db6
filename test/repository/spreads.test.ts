// No literal is spread into another one. `...{ a, b }` adds nothing to `a, b` but keeps the formatter from breaking a line.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((file) => /\.[cm]?[jt]sx?$/.test(file) && !file.startsWith("test/vectors/"));

interface Node {
  readonly type: string;
  readonly start: number;
  readonly argument?: Node;
  readonly expression?: Node;
  readonly typeAnnotation?: Node;
}

/** The literal without `as const`, `satisfies` and parentheses around it. */
const bare = (node: Node): Node => (node.expression === undefined ? node : bare(node.expression));

/** The lines at which a literal is spread into a literal of its kind, or into the arguments of a call. */
function tricksOf(name: string, source: string): readonly number[] {
  const starts: number[] = [];
  const look = (list: readonly (Node | null)[], literal: string) => {
    for (const node of list)
      if (node?.type === "SpreadElement" && node.argument !== undefined && bare(node.argument).type === literal)
        starts.push(node.start);
  };
  new Visitor({
    ObjectExpression: ({ properties }) => look(properties as readonly Node[], "ObjectExpression"),
    ArrayExpression: ({ elements }) => look(elements as readonly (Node | null)[], "ArrayExpression"),
    CallExpression: ({ arguments: list }) => look(list as readonly Node[], "ArrayExpression"),
    NewExpression: ({ arguments: list }) => look(list as readonly Node[], "ArrayExpression"),
    TSRestType: ({ start, typeAnnotation }) => {
      if (typeAnnotation.type === "TSTupleType") starts.push(start);
    },
  }).visit(parseSync(name, source).program);
  return starts.map((start) => source.slice(0, start).split("\n").length);
}

test("no literal is spread into another literal", () => {
  expect(files.length).toBeGreaterThan(1000);
  const places = files.flatMap((file) =>
    tricksOf(file, readFileSync(path.join(root, file), "utf8")).map((line) => `${file}:${line}`),
  );
  expect(places).toEqual([]);
});

test("a spread of a literal is found in each form, and a spread of a value is not", () => {
  const tricks = [
    "const a = {\n...{ b },\nc };",
    'const a = [\n...(["b"] as const)];',
    "f(\n...[1, 2]);",
    "new F(\n...([1] satisfies number[]));",
    "type A = [string,\n...[number]];",
  ];
  expect(tricks.map((source) => tricksOf("a.ts", source))).toEqual(tricks.map(() => [2]));
  const values = ["const a = { ...(b && { c }) };", "f(...[1].map(g));", "const a = [...(b ? [1] : [])];"];
  expect(values.flatMap((source) => tricksOf("a.ts", source))).toEqual([]);
});
