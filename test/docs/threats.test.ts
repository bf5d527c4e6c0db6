// Each promise of docs/threats.md names a test that exists.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/threats.md"), "utf8");
const promises = [...page.matchAll(/^\| (?!promise|---)(.+?) \| (.+) \|$/gm)].map(([, promise = "", shown = ""]) => ({
  promise,
  shown,
}));

it("promises a good deal", () => {
  expect(promises.length).toBeGreaterThan(30);
});

it.each(promises)("$promise", ({ shown }) => {
  const named = [...shown.matchAll(/`(test\/[^`]+)`((?:,? ?"[^"]+")+)/g)];
  expect(named.length).toBeGreaterThan(0);
  for (const [, file = "", titles = ""] of named) {
    expect(existsSync(path.join(root, file)), file).toBe(true);
    const source = readFileSync(path.join(root, file), "utf8");
    for (const [, title = ""] of titles.matchAll(/"([^"]+)"/g)) expect(source, file).toContain(title);
  }
});
