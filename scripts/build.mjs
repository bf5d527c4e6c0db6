// Compiles src/ into dist/, which is emptied first. It has a file for each module, as the tests import them. The published package
// has fewer files (package.mjs).
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { execFileSync } from "./child-process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = path.join(root, "dist");
rmSync(dist, { recursive: true, force: true });

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"], {
  cwd: root,
  stdio: "inherit",
});
chmodSync(path.join(dist, "cli/main.js"), 0o755);
const { writeOptionTypes } = await import("./option-types.mjs");
writeOptionTypes(path.join(dist, "config/parameters.d.ts"));

// A thread starts in less processor time from one file than from all of its modules.
await build({
  entryPoints: ["passwords/hash-worker.js", "store/sqlite/worker.js"].map((name) => path.join(dist, name)),
  outbase: dist,
  outdir: dist,
  allowOverwrite: true,
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "es2022",
});

// Pages without a bundler load one file, and their servers publish a folder that contains no other code.
const forBrowsers = { client: "browser", outside: "browser-outside" };
await build({
  entryPoints: Object.entries(forBrowsers).map(([out, name]) => ({ out, in: path.join(dist, `client/${name}.js`) })),
  outdir: path.join(dist, "browser"),
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
});

for (const [out, name] of Object.entries(forBrowsers))
  writeFileSync(path.join(dist, `browser/${out}.d.ts`), `export * from "../client/${name}.js";\n`);

// The image for production is built without the packages.
if (existsSync(path.join(root, "packages"))) await import("./build-attack.mjs");

const { exports, bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const modules = [...Object.values(exports).map((each) => each.default), bin.ampho].filter((name) => name !== undefined);
const { joinModules } = await import("./chunks.mjs");
await joinModules(
  dist,
  modules.map((name) => path.relative(dist, path.join(root, name))),
);
