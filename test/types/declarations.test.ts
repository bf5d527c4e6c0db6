// The declarations contain no `any`, and Node has one copy of each module.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const declarations = (folder: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, { readonly types: string }>>>>;
};
const subpaths = Object.keys(exports).filter((name) => !name.endsWith(".json"));

it("the word any is in no declaration", () => {
  const names = declarations("dist");
  expect(names.length).toBeGreaterThan(100);
  for (const name of names) {
    const text = readFileSync(path.join(root, "dist", name), "utf8");
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"/gm, "");
    expect(code, name).not.toMatch(/\bany\b/);
  }
});

it.each(subpaths)(
  "Node gives the same module %s to import and to require, so that nothing is there twice",
  async (subpath) => {
    const name = path.posix.join("ampho", subpath);
    const required = createRequire(import.meta.url)(name);
    const imported: object = await import(name);
    expect(
      Object.keys(required)
        .filter((key) => key !== "__esModule")
        .sort(),
    ).toEqual(Object.keys(imported).sort());
    expect(createRequire(import.meta.url).resolve(name)).toContain(`${path.sep}dist${path.sep}`);
  },
);
