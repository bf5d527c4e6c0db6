// `import "ampho"` loads a few files, because hundreds need twice the processor time (scripts/chunks.mjs).
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const dist = path.join(root, "dist");

/** The files that load with a module of `dist/`. */
function loadedWith(module: string): readonly string[] {
  const files = new Set([path.join(dist, module)]);
  for (const file of files)
    for (const [, target = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export) [^;]*?from "(\.[^"]+)";$/gm))
      files.add(path.resolve(file, "..", target));
  return [...files].map((file) => path.relative(dist, file));
}

it.each([
  ["index.js", 50, ["main-chunk.js", "management-chunk.js", "verify-chunk.js"]],
  ["verify/verifier.js", 15, ["verify-chunk.js"]],
  ["cli/commands/users.js", 40, ["management-chunk.js", "verify-chunk.js"]],
  ["client/client.js", 15, []],
] as const)("%s loads at most %i files", (module, most, chunks) => {
  const loaded = loadedWith(module);
  expect(loaded.length).toBeLessThanOrEqual(most);
  expect(loaded.filter((name) => name.endsWith("-chunk.js")).sort()).toEqual(chunks);
});

it("each module is in one chunk or in its own file, and not in both", () => {
  const chunks = readdirSync(dist).filter((name) => name.endsWith("-chunk.js"));
  const joined = chunks.flatMap((chunk) =>
    [...readFileSync(path.join(dist, chunk), "utf8").matchAll(/^\/\/ (\S+\.js)$/gm)].map(([, name = ""]) => name),
  );
  // esbuild names a module again where its code continues.
  const modules = [...new Set(joined)];
  expect(modules.length).toBeGreaterThan(250);
  for (const name of modules)
    expect(readFileSync(path.join(dist, name), "utf8"), name).toMatch(
      /^export \{.*\} from "[./]+-?[\w/-]*-chunk\.js";\n$/,
    );
});

it("a chunk, a module of it and the package have the same class", async () => {
  const [{ AmphoError }, chunk, index] = await Promise.all([
    import("../../dist/errors.js"),
    import("../../dist/verify/verifier.js"),
    import("../../dist/index.js"),
  ]);
  expect(chunk.AmphoError).toBe(AmphoError);
  expect(index.AmphoError).toBe(AmphoError);
});
