// Imports run one way between the rooms of src/, type imports included, and there is no cycle.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const src = path.resolve(import.meta.dirname, "../../src");

/** The table "Rooms" of ARCHITECTURE.md: a room, and the rooms that it can import. A file at the top of src/ is a room of its own. */
const allowed: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [
    ...readFileSync(path.join(src, "../ARCHITECTURE.md"), "utf8").matchAll(
      /^\| `([a-z.-]+?)\/?` \|[^|]*\| (.*?) \|$/gm,
    ),
  ].map(([, room = "", imports = ""]) => [
    room,
    imports.split(/[ ,`/]+/).filter((name) => name !== "" && name !== "nothing"),
  ]),
);

const roomOf = (file: string): string => path.relative(src, file).split(path.sep)[0] ?? "";

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => path.join(src, name));

const importPattern = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|new URL\(\s*)"(\.[^"]+\.js)"/g;

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(importPattern)].map(([, target = ""]) =>
    path.resolve(path.dirname(file), target.replace(/\.js$/, ".ts")),
  );
}

describe("the imports of src/", () => {
  it("run one way between rooms", () => {
    const wrong: string[] = [];
    for (const file of files)
      for (const target of importsOf(file)) {
        const [from, to] = [roomOf(file), roomOf(target)];
        const rules = allowed[from];
        if (rules === undefined) wrong.push(`${from} is no known room`);
        else if (from !== to && !rules.includes(to))
          wrong.push(`${path.relative(src, file)} imports ${path.relative(src, target)}`);
      }
    expect(wrong).toEqual([]);
  });

  it("have no cycle", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...trail.slice(trail.indexOf(file)), file].map((name) => path.relative(src, name)).join(" -> "));
        return;
      }
      state.set(file, "open");
      for (const target of importsOf(file)) if (target.endsWith(".ts")) visit(target, [...trail, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("name only files that exist", () => {
    const known = new Set(files);
    const missing = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.endsWith(".ts") && !known.has(target))
        .map((target) => `${path.relative(src, file)}: ${path.relative(src, target)}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("the rooms of src/", () => {
  const read = (file: string): string => readFileSync(file, "utf8");

  it("leave the clock to one place", () => {
    const readers = files.filter((file) => /\bDate\.now\(|new Date\(\)/.test(read(file)));
    expect(
      readers
        .map((file) => path.relative(src, file))
        .filter((file) => !/^(?:client|cli|doctor|telemetry|store\/(?:postgres|sqlite)|http\/server)\//.test(file)),
    ).toEqual(["clock.ts"]);
  });

  it("await nothing at the top level and export no default", () => {
    for (const file of files) expect(read(file), file).not.toMatch(/^(await |export default )/m);
  });
});
