// Compiles src/ into empty folders, so that no file of an earlier build is packed. The ES modules go to dist/. The library
// also goes to cjs/ as CommonJS, for loaders without ES modules (Jest) and for compilers before TypeScript 5.8. Node never loads cjs/.
// Its `import` and `require` both load the ES modules, so that a process has one copy of everything.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { execFileSync } from "./child-process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = path.join(root, "dist");
const cjs = path.join(root, "cjs");
for (const folder of [dist, cjs]) rmSync(folder, { recursive: true, force: true });

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

/** Folders that only the commands and browsers use. */
const left = ["browser", "cli", "doctor"];
const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
  (name) => /\.[jt]s$/.test(name) && !left.includes(name.split(path.sep)[0]),
);
// Replaces `import.meta.url`, which CommonJS does not have.
const banner = 'const ownUrl = require("node:url").pathToFileURL(__filename).href;';
for (const name of files) {
  const target = path.join(cjs, name);
  mkdirSync(path.dirname(target), { recursive: true });
  if (name.endsWith(".d.ts")) {
    cpSync(path.join(dist, name), target);
    continue;
  }
  const text = readFileSync(path.join(dist, name), "utf8");
  const options = { format: "cjs", platform: "node", target: "es2022", supported: { "dynamic-import": false } };
  const where = text.includes("import.meta.url") ? { banner, define: { "import.meta.url": "ownUrl" } } : {};
  const { code, warnings } = await transform(text, { ...options, ...where });
  if (warnings.length > 0) throw new Error(`${name}: ${warnings[0].text}`);
  writeFileSync(target, code);
}
writeFileSync(path.join(cjs, "package.json"), '{ "type": "commonjs" }\n');

const { exports, bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const modules = [...Object.values(exports).map((each) => each.default?.default), bin.ampho].filter(
  (name) => name !== undefined,
);
const { joinModules } = await import("./chunks.mjs");
await joinModules(
  dist,
  modules.map((name) => path.relative(dist, path.join(root, name))),
);
