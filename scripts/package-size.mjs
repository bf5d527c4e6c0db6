// The weights of the package, of its bundles and of the documents: rows for bench/package.mjs.
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The files below a folder, without links. */
export const filesIn = (folder, suffix = "") =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.join(entry.parentPath, entry.name));

export const megabytesOf = (files) => files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6;

/** The kilobytes of a module that a bundler makes of an export, or of all of an entry. */
async function bundledKb(module, name) {
  const { outputFiles } = await build({
    stdin: {
      contents: `export ${name === undefined ? "*" : `{ ${name} }`} from ${JSON.stringify(module)};`,
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
  return outputFiles[0].contents.byteLength / 1000;
}

/** `folder` is what scripts/package.mjs has made. Each row: what, its value, the goal, and what holds until it is reached. */
export async function sizeRows(folder) {
  const { parameterNames } = await import("../dist/config/parameters.js");
  const files = filesIn(folder);
  const named = async (name, goal) => ({
    what: `\`${name}\` of ampho, bundled, kB`,
    value: await bundledKb(path.join(folder, "dist/index.js"), name),
    goal,
  });
  const words = filesIn(path.join(root, "docs"), ".md").map((file) => readFileSync(file, "utf8").split(/\s+/).length);
  return [
    { what: "files", value: files.length, goal: 250 },
    { what: "unpacked, MB", value: megabytesOf(files), goal: 3.5, holds: 3.7 },
    {
      what: "`ampho/verify`, bundled, kB",
      value: await bundledKb(path.join(folder, "dist/verify.js")),
      goal: 48,
      holds: 55,
    },
    await named("toHandler", 10),
    await named("hashPassword", 10),
    await named("AmphoError", 1),
    { what: "parameters", value: parameterNames.length, goal: 50, holds: 53 },
    { what: "words of docs/", value: words.reduce((sum, count) => sum + count, 0), goal: 125_000 },
  ];
}
