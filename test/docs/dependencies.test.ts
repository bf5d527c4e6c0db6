// docs/dependencies.md says why for each dependency of the package, and for no other.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

it("every dependency of the package is argued for, and nothing else", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  const page = readFileSync(path.join(root, "docs/dependencies.md"), "utf8");
  const [table = ""] = page.split("## Know what builds and tests use");
  const argued = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
  const { dependencies = {}, optionalDependencies = {} } = manifest;
  expect(argued.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(optionalDependencies)].sort());
});

it("what the package depends on is given as a caret range, what builds and tests it exactly", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  for (const [name, range] of Object.entries({ ...manifest["dependencies"], ...manifest["optionalDependencies"] }))
    expect(range, name).toMatch(/^\^\d+\.\d+\.\d+$/);
  for (const [name, version] of Object.entries(manifest["devDependencies"] ?? {}))
    expect(version, name).toMatch(/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
});
