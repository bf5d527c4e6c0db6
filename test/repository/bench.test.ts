// Benchmarks run by hand. So this test finds the names that they import and the build no longer has.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";

const bench = path.resolve(import.meta.dirname, "../../bench");
const scripts = ["", "servers"].flatMap((folder) =>
  readdirSync(path.join(bench, folder))
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => path.join(bench, folder, name)),
);

it("the build has every name that a benchmark imports", async () => {
  const missing: string[] = [];
  let imports = 0;
  for (const script of scripts)
    for (const [, names = "", from = ""] of readFileSync(script, "utf8").matchAll(
      /import \{([^}]*)\} from "(\.{1,2}\/[^"]*dist\/[^"]*)"/g,
    )) {
      const module: object = await import(pathToFileURL(path.resolve(path.dirname(script), from)).href);
      imports += 1;
      for (const name of names.split(",").map((each) => each.trim().split(" as ")[0] ?? ""))
        if (name !== "" && !(name in module)) missing.push(`${path.basename(script)}: ${name} of ${from}`);
    }
  expect(missing).toEqual([]);
  expect(imports).toBeGreaterThan(20);
});
