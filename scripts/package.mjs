// Builds what is published: the same modules as dist/ of the clone, in few files, with zod inside. Run `npm run build` before it.
//
//     node scripts/package.mjs [FOLDER]    default: package/
//
// Node loads its dist/, with `import` and with `require`, so that a process has one copy of everything. Loaders without ES
// modules (Jest) and compilers before TypeScript 5.8 load its cjs/.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "@typescript/typescript6";
import { transform } from "esbuild";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { sbomOf } from "./sbom.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = path.resolve(process.argv[2] ?? path.join(root, "package"));
const inRoot = (...names) => path.join(root, ...names);
const inPackage = (...names) => path.join(target, ...names);
function write(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

process.umask(0o022);
rmSync(target, { recursive: true, force: true });

const manifest = JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
/** The name of each entry, and its module below src/. */
const entries = Object.fromEntries(
  Object.entries(manifest.exports)
    .filter(([name]) => name !== "./package.json" && !name.startsWith("./browser/"))
    .map(([name, { default: file }]) => [
      name === "." ? "index" : name.slice(2).replaceAll("/", "-"),
      path.relative("dist", file).replace(/\.js$/, ""),
    ]),
);

/** Pages load each as one file. A compiler or a bundler can also `require` them. */
const forBrowsers = { "browser/client": "client/browser", "browser/outside": "client/browser-outside" };

/** The modules that find files beside them. */
const finders = new Set();
/** Every file is in one folder, so a path relative to a module becomes one that is relative to it. */
const flat = {
  name: "flat",
  transform(code, id) {
    if (!id.startsWith(inRoot("src")) || !code.includes("import.meta.url")) return;
    finders.add(id);
    const moved = code.replace(/new URL\("(\.[^"]*)", import\.meta\.url\)/g, (_, to) => {
      const relative = path.relative(inRoot("src"), path.resolve(id, "..", to));
      return `new URL("${relative.startsWith(".") ? relative : `./${relative}`}", import.meta.url)`;
    });
    return moved === code ? undefined : moved;
  },
};
const { zod, ...dependencies } = manifest.dependencies;
const outside = Object.keys({ ...dependencies, ...manifest.peerDependencies });
const isPackage = (id) => id.startsWith("node:") || outside.some((name) => id === name || id.startsWith(`${name}/`));
const inputOf = (names) => Object.fromEntries(names.map(([name, file]) => [name, inRoot("src", `${file}.ts`)]));
const common = {
  // Commands load in parts what the server loads at once.
  onLog: (_level, { code, message }) => {
    if (code !== "INEFFECTIVE_DYNAMIC_IMPORT") throw new Error(message);
  },
  platform: "node",
  external: isPackage,
  plugins: [flat],
  resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
};
const names = { entryFileNames: "[name].js", chunkFileNames: "[name].js" };

/** The exports of `ampho` beside `createAmpho` have files of their own, so a bundle with one of them has nothing else. */
const alone = [
  { name: "to-handler", test: /src\/adapters\/fetch-authorize\.ts$/ },
  { name: "hash-password", test: /src\/passwords\/(?:hash|pool|queue|standalone|thread-rest)\.ts$/ },
];

const modules = await rolldown({
  ...common,
  input: inputOf([...Object.entries(entries), ["command", "cli/main"]]),
  // The groups need it. Nothing must come of it: see below.
  preserveEntrySignatures: "allow-extension",
});
const comments = { annotation: true, jsdoc: false, legal: false };
const written = await modules.write({
  ...names,
  dir: inPackage("dist"),
  format: "esm",
  comments,
  codeSplitting: { includeDependenciesRecursively: false, groups: alone },
});
await modules.close();
for (const { isEntry, name, exports } of written.output) {
  if (!isEntry || entries[name] === undefined) continue;
  const own = Object.keys(await import(inRoot("dist", `${entries[name]}.js`)));
  if (exports.toSorted().join() !== own.toSorted().join()) throw new Error(`${name} exports ${exports}, not ${own}.`);
}
write(inPackage("dist/cli/main.js"), '#!/usr/bin/env node\nimport "../command.js";\n');

const ownUrl =
  'const ownUrl = require("node:url").pathToFileURL(require("node:path").join(__dirname, "../dist/_")).href;';
const library = await rolldown({
  ...common,
  input: inputOf(Object.entries({ ...entries, ...forBrowsers })),
  transform: { define: { "import.meta.url": "ownUrl" } },
});
await library.write({
  ...names,
  dir: inPackage("cjs"),
  format: "cjs",
  // Jest cannot `import()`.
  dynamicImportInCjs: false,
  // CommonJS has no `import.meta.url`. The threads and the manifest are found from dist/.
  intro: ({ moduleIds }) => (moduleIds.some((id) => finders.has(id)) ? ownUrl : ""),
  minify: {
    compress: true,
    mangle: true,
    codegen: { removeWhitespace: true },
  },
});
await library.close();
write(inPackage("cjs/package.json"), '{ "type": "commonjs" }\n');

for (const worker of ["passwords/hash-worker.js", "store/sqlite/worker.js"]) {
  const { code } = await transform(readFileSync(inRoot("dist", worker), "utf8"), {
    minifyWhitespace: true,
    minifySyntax: true,
  });
  write(inPackage("dist", worker), code);
}

const declarations = await rollup({
  input: Object.fromEntries(
    Object.entries({ ...entries, ...forBrowsers }).map(([name, file]) => [name, inRoot("dist", `${file}.d.ts`)]),
  ),
  external: (id) => /^[@a-z]/.test(id),
  plugins: [dts()],
  // Types that only a signature names stay private.
  onwarn: ({ plugin, message }) => {
    if (plugin !== "dts" || !/references private shared type exports/.test(message)) throw new Error(message);
  },
});
const { output } = await declarations.generate({
  entryFileNames: "[name].d.ts",
  chunkFileNames: ({ name }) => `${name.replace(/\.d$/, "")}.d.ts`,
});
await declarations.close();
const printer = ts.createPrinter({ removeComments: true });
for (const { fileName, code } of output) {
  write(inPackage("dist", fileName), code);
  // A compiler that knows `module-sync` reads those of dist/, with the comments.
  write(inPackage("cjs", fileName), printer.printFile(ts.createSourceFile(fileName, code, ts.ScriptTarget.ES2022)));
}
for (const name of ["client.js", "outside.js"]) cpSync(inRoot("dist/browser", name), inPackage("dist/browser", name));

// The dashboard is imported by hand, from the repository.
for (const name of [
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "SECURITY.md",
  "deploy",
  "examples/start",
  "examples/protect-anything",
])
  cpSync(inRoot(name), inPackage(name), { recursive: true, filter: (one) => !one.endsWith("grafana") });
cpSync(inRoot("node_modules/zod/LICENSE"), inPackage("dist/zod-LICENSE"));

const at = (folder, name) => ({ types: `./${folder}/${name}.d.ts`, default: `./${folder}/${name}.js` });
const exportsOf = Object.keys(manifest.exports).map((subpath) => {
  if (subpath === "./package.json") return [subpath, subpath];
  const name = subpath === "." ? "index" : subpath.slice(2).replace(/\.js$/, "");
  const file = name.startsWith("browser/") ? name : name.replaceAll("/", "-");
  const modules = at("dist", file);
  return [subpath, { import: modules, "module-sync": modules, require: at("cjs", file), default: modules }];
});
const published = { ...manifest, exports: Object.fromEntries(exportsOf), dependencies };
for (const name of ["private", "scripts", "devDependencies", "workspaces"]) delete published[name];
write(inPackage("package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
const sbom = sbomOf(JSON.parse(readFileSync(inRoot("package-lock.json"), "utf8")));
write(inPackage("sbom.cdx.json"), `${JSON.stringify(sbom, undefined, 2)}\n`);

// The same source produces the same tarball on every machine, whatever the umask of a shell or of a clone.
for (const name of readdirSync(target, { recursive: true, encoding: "utf8" }))
  chmodSync(inPackage(name), statSync(inPackage(name)).isDirectory() ? 0o755 : 0o644);
chmodSync(inPackage("dist/cli/main.js"), 0o755);
