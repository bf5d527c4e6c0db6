// docs/dependencies.md gives a reason for each dependency of the package, and for no other.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

it("the page gives a reason for every dependency of the package, and for no other", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  const page = readFileSync(path.join(root, "docs/dependencies.md"), "utf8");
  const [table = ""] = page.split("## Know what builds and tests use");
  const argued = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
  expect(argued.sort()).toEqual(Object.keys(manifest["dependencies"] ?? {}).sort());
});

it("dependencies of the package have caret ranges, and development dependencies exact versions", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  for (const [name, range] of Object.entries(manifest["dependencies"] ?? {}))
    expect(range, name).toMatch(/^\^\d+\.\d+\.\d+$/);
  for (const [name, version] of Object.entries(manifest["devDependencies"] ?? {}))
    expect(version, name).toMatch(/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
});
