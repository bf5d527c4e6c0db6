// Joins the modules that a process loads together, because one file loads in much less time than hundreds. A joined module
// stays as a file that only names the exports of its chunk, so each exists once in a process, whatever imports it.
// Declarations are not changed.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { parseSync } from "oxc-parser";

/** Each chunk joins what this module loads, without the chunks before it. The paths are those of `dist`. */
const chunks = {
  "verify-chunk.js": "verify/verifier.js",
  "management-chunk.js": "compose/management.js",
  "main-chunk.js": "index.js",
};

/** Commands that load nothing of the server. */
const smallCommands = ["cli/commands/signing-keys/signing-keys.js", "cli/commands/init.js"];

/** `entries` are the modules that the package exports. The modules of browsers, adapters and small commands stay apart. */
export async function joinModules(dist, entries) {
  const parsed = new Map();
  const parse = (file) => {
    if (!parsed.has(file)) parsed.set(file, parseSync(file, readFileSync(file, "utf8")).module);
    return parsed.get(file);
  };
  const importsOf = (file) =>
    [...parse(file).staticImports, ...parse(file).staticExports.flatMap((each) => each.entries)]
      .map((each) => each.moduleRequest?.value ?? "")
      .filter((target) => target.startsWith("."))
      .map((target) => path.resolve(file, "..", target));
  const reach = (names) => {
    const found = new Set(names.map((name) => path.join(dist, name)));
    for (const file of found) for (const target of importsOf(file)) found.add(target);
    return found;
  };

  const browser = reach(entries.filter((name) => /^(?:client|browser)\//.test(name)));
  const roots = Object.values(chunks);
  const apart = reach([...entries.filter((name) => !roots.includes(name)), ...smallCommands]);
  /** The chunk of each joined module. */
  const chunkOf = new Map();
  for (const [chunk, root] of Object.entries(chunks)) {
    // Adapters work with the verifier or with the whole instance, so they can load what both need as one file.
    const stays = root === roots[0] ? browser : apart;
    for (const file of reach([root])) if (!stays.has(file) && !chunkOf.has(file)) chunkOf.set(file, chunk);
  }

  const joined = [...chunkOf.keys()];
  const exportsOf = (file) =>
    parse(file).staticExports.flatMap((each) => each.entries.map((entry) => entry.exportName.name));
  /** Two layers can have one name for what they do. A chunk has its second owner under another name. */
  const taken = new Map(Object.keys(chunks).map((chunk) => [chunk, new Map()]));
  for (const file of joined)
    for (const name of exportsOf(file))
      if (!taken.get(chunkOf.get(file)).has(name)) taken.get(chunkOf.get(file)).set(name, file);
  const isOwner = (file, name) => taken.get(chunkOf.get(file)).get(name) === file;
  const spelled = (file, name) => (isOwner(file, name) ? name : `${name}$${joined.indexOf(file)}`);
  /** Imports of other chunks name what a module exports. So it must own all its names, or is imported by its own file. */
  const importOf = (file) =>
    chunkOf.has(file) && exportsOf(file).every((name) => isOwner(file, name))
      ? path.join(dist, chunkOf.get(file))
      : file;

  for (const chunk of Object.keys(chunks)) {
    const files = joined.filter((file) => chunkOf.get(file) === chunk);
    const lines = files.map((file) => {
      const names = exportsOf(file).map((name) => `${name} as ${spelled(file, name)}`);
      return `export { ${names.join(", ")} } from ${JSON.stringify(file)};`;
    });
    await build({
      stdin: { contents: lines.join("\n"), resolveDir: dist },
      // The chunk names its modules relative to this folder.
      absWorkingDir: dist,
      outfile: path.join(dist, chunk),
      bundle: true,
      packages: "external",
      format: "esm",
      platform: "node",
      target: "es2022",
      plugins: [{ name: "chunk", setup: (setup) => joinOnly(setup, dist, new Set(files), importOf) }],
    });
  }
  for (const [file, chunk] of chunkOf) {
    const from = asImport(path.dirname(file), path.join(dist, chunk));
    const names = exportsOf(file).map((name) => `${spelled(file, name)} as ${name}`);
    writeFileSync(file, `export { ${names.join(", ")} } from "${from}";\n`);
  }
}

function asImport(folder, file) {
  const relative = path.relative(folder, file);
  return relative.startsWith(".") ? relative : `./${relative}`;
}

/** Relative paths in `new URL("…", import.meta.url)`. */
const ownFile = /new URL\("(\.[^"]*)", import\.meta\.url\)/g;

/** Modules of other chunks, and modules that are in none, are imported. */
function joinOnly(setup, dist, files, importOf) {
  setup.onResolve({ filter: /^\./ }, ({ path: target, resolveDir, kind }) => {
    const file = path.resolve(resolveDir, target);
    if (files.has(file) && kind !== "dynamic-import") return { path: file };
    return { path: asImport(dist, kind === "dynamic-import" ? file : importOf(file)), external: true };
  });
  setup.onLoad({ filter: /\.js$/ }, ({ path: file }) => ({
    contents: readFileSync(file, "utf8").replace(
      ownFile,
      (_, target) => `new URL("${asImport(dist, path.resolve(file, "..", target))}", import.meta.url)`,
    ),
  }));
}
