// An application whose bundler includes Ampho. The files of Ampho's threads are then missing, and the error explains the fix.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const index = JSON.stringify(path.join(root, "dist/index.js"));
const source = `import { createAmpho } from ${index};
createAmpho({ databaseUrl: "sqlite::memory:" }).then(() => console.log("made"), (e) => console.log(e.name, e.message));`;
const required = "import { createRequire as byFile } from 'node:module'; const require = byFile(import.meta.url);";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ampho-bundled-"));
  writeFileSync(path.join(folder, "package.json"), '{ "name": "application", "version": "9.9.9" }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  { format: "esm", name: "esm/application.mjs", banner: { js: required } },
  { format: "cjs", name: "cjs/application.cjs", banner: {} },
] as const)("a bundle of the format $format", ({ format, name, banner }) => {
  it("createAmpho in a bundle rejects and names the setting that fixes it", async () => {
    const outfile = path.join(folder, name);
    await build({
      stdin: { contents: source, resolveDir: root },
      outfile,
      format,
      banner,
      bundle: true,
      platform: "node",
      loader: { ".node": "copy" },
      external: ["pg", "@photostructure/sqlite", "@opentelemetry/api"],
      logLevel: "silent",
    });
    const { stdout } = spawnSync(process.execPath, [outfile], { encoding: "utf8" });
    expect(stdout).toMatch(/^ConfigurationError ampho was bundled .*--external:ampho/);
  });
});
