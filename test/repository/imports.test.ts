// Imports run one way between the rooms of src/, type imports included, and there is no cycle.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const src = path.resolve(import.meta.dirname, "../../src");

const architecture = readFileSync(path.join(src, "../ARCHITECTURE.md"), "utf8");

/** The rows of the table of rooms. A file at the top of src/ is a room of its own. */
const rows = [...architecture.matchAll(/^\| `([a-z.-]+?)\/?` *\|[^|]*\| (.*?) *\|$/gm)].map(
  ([, room = "", imports = ""]) => ({ room, imports }),
);
const rooms = rows.map(({ room }) => room);

const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/`([a-z.-]+?)\/?`/g)].map(([, name = ""]) => name);

/** A room, and the rooms that it can import. */
const allowed: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  rows.map(({ room, imports }, at) => {
    const named = namesIn(imports);
    if (!imports.startsWith("every room above")) return [room, named];
    return [room, rooms.slice(0, at).filter((above) => !named.includes(above))];
  }),
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

describe("the table of rooms", () => {
  it("every room imports only rooms above it", () => {
    expect(rooms.length).toBeGreaterThan(20);
    for (const [at, room] of rooms.entries())
      for (const name of allowed[room] ?? []) expect(rooms.slice(0, at), `${room} imports ${name}`).toContain(name);
  });

  it("every folder and file at the top of src/ has a row", () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual([...rooms].sort());
  });
});

describe("the imports of src/", () => {
  it("every import stays in its room or leads to a room of its row", () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => roomOf(target) !== roomOf(file) && !allowed[roomOf(file)]?.includes(roomOf(target)))
        .map((target) => `${path.relative(src, file)} imports ${path.relative(src, target)}`),
    );
    expect(wrong).toEqual([]);
  });

  it("every room that a row names is imported", () => {
    const unused = rows.flatMap(({ room, imports }) => {
      const imported = new Set(
        files
          .filter((file) => roomOf(file) === room)
          .flatMap(importsOf)
          .map(roomOf),
      );
      const named = imports.startsWith("every room above") ? [] : namesIn(imports);
      return named.filter((name) => !imported.has(name)).map((name) => `${room} does not import ${name}`);
    });
    expect(unused).toEqual([]);
  });

  it.each([
    ["flows", "Find a flow"],
    ["store/sql", "Find a statement"],
  ])("every folder of %s/ imports only itself and the folders above it in ARCHITECTURE.md", (room, heading) => {
    const [, table = ""] = new RegExp(`## ${heading}\\n([^]*?)\\n## `).exec(architecture) ?? [];
    const folders = [...table.matchAll(/^\| `([a-z]+)\/`/gm)].map(([, name = ""]) => name);
    const top = path.join(src, room);
    const rankOf = (file: string) => folders.indexOf(path.relative(top, file).split(path.sep)[0] ?? "");
    const upwards = files
      .filter((file) => path.dirname(path.dirname(file)) === top)
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => target.startsWith(`${top}${path.sep}`) && rankOf(target) > rankOf(file))
          .map((target) => `${path.relative(src, file)} imports ${path.relative(src, target)}`),
      );
    expect([...folders].sort()).toEqual(
      readdirSync(top)
        .filter((name) => !name.endsWith(".ts"))
        .sort(),
    );
    expect(upwards).toEqual([]);
  });

  it("the imports have no cycle", () => {
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

  it("every import names a file that exists", () => {
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

  it("only clock.ts, the client and the times of log lines read the clock", () => {
    const readers = files.filter((file) => /\bDate\.now\(|new Date\(\)/.test(read(file)));
    expect(
      readers
        .map((file) => path.relative(src, file))
        .filter((file) => !/^(?:client|cli\/commands\/serve|http\/server)\//.test(file)),
    ).toEqual(["clock.ts"]);
  });

  it("no file awaits at its top level or has a default export", () => {
    for (const file of files) expect(read(file), file).not.toMatch(/^(await |export default )/m);
  });
});
