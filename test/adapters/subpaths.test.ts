// The code and the types of a subpath depend on its own framework only.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { nextSteps, subpathStep } from "../../dist/cli/next-steps.js";

const manifest = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../package.json"), "utf8"));
const guide = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/frameworks.md"), "utf8");
const dist = path.resolve(import.meta.dirname, "../../dist/adapters");

/** Packages that a file imports, directly or through other files of Ampho. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/(?:\bfrom |\bimport |\bimport\()"([^"]+)"/g)) {
    if (name.startsWith("node:")) continue;
    if (!name.startsWith(".")) packages.add(name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    else {
      const target = path.resolve(path.dirname(file), name);
      const next = file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target;
      for (const found of packagesOf(next, seen)) packages.add(found);
    }
  }
  return packages;
}

const adapters = [
  { name: "node", code: [], types: [] },
  { name: "express", code: [], types: ["express"] },
  { name: "fastify", code: [], types: ["fastify"] },
  { name: "hono", code: ["hono"], types: ["hono"] },
  { name: "koa", code: [], types: ["koa"] },
  { name: "nest", code: ["@nestjs/common", "@nestjs/core"], types: ["@nestjs/common", "@nestjs/core"] },
];

it("no declaration names a generic Buffer, which older types of Node do not know", () => {
  const all = path.dirname(dist);
  const declarations = readdirSync(all, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.d\.c?ts$/.test(name),
  );
  expect(declarations.length).toBeGreaterThan(100);
  const texts = declarations.map((name) => [name, readFileSync(path.join(all, name), "utf8")] as const);
  expect(texts.filter(([, text]) => /\b(?:Buffer|Uint8Array)</.test(text)).map(([name]) => name)).toEqual([]);
});

it("every adapter of package.json is in this list", () => {
  const files = [...JSON.stringify(manifest.exports).matchAll(/\/dist\/adapters\/([\w-]+)\.js/g)].map(
    ([, name]) => name,
  );
  expect([...new Set(files)].sort()).toEqual(adapters.map(({ name }) => name).sort());
});

it("`ampho init` names the chapter of a framework that has a subpath and no lines of code", () => {
  const { exports, peerDependencies } = manifest;
  const known = { exports: { ...exports, "./elysia": {} }, peerDependencies: { ...peerDependencies, elysia: ">=1" } };
  expect(subpathStep(known, new Set(["pg", "elysia"]))?.page).toBe("guides/frameworks.md#elysia");
  expect(subpathStep(manifest, new Set(["pg", "elysia"]))).toBeUndefined();
});

// The tests of Nest are in a folder of its own.
it.each(adapters.filter(({ name }) => name !== "nest"))(
  "the tests over all adapters run over ampho/$name",
  ({ name }) => {
    for (const shared of ["renew", "types", "uncalled"])
      expect(readFileSync(path.join(import.meta.dirname, `${shared}.test.ts`), "utf8")).toContain(
        `/adapters/${name}.js"`,
      );
  },
);

describe.each(adapters)("ampho/$name", ({ name, code, types }) => {
  it("the subpath has a chapter in the guide, a step of `ampho init`, and a test file with the shared suite", () => {
    expect(guide.toLowerCase()).toMatch(new RegExp(`^## (?:${name}|${name}:http)$`, "m"));
    const packages = [...nextSteps.flatMap((step) => step.packages), ...Object.keys(manifest.peerDependencies)];
    expect(types.length === 0 || types.some((type) => packages.includes(type))).toBe(true);
    const files = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" });
    const own = files.filter((file) => new RegExp(`(?:^|/)${name}(?:-suite)?\\.test\\.ts$`).test(file));
    const texts = own.map((file) => readFileSync(path.join(import.meta.dirname, file), "utf8"));
    expect(texts.some((text) => text.includes("describeHost("))).toBe(true);
  });

  it("the subpath imports no other framework", () => {
    expect([...packagesOf(path.join(dist, `${name}.js`))].sort()).toEqual(code);
  });

  it("the types of the subpath import no other framework", () => {
    expect([...packagesOf(path.join(dist, `${name}.d.ts`))].sort()).toEqual(types);
  });

  it("the subpath loads by require", () => {
    const exported = createRequire(import.meta.url)(path.join(dist, `${name}.js`));
    const names = name === "hono" ? ["authorize", "mount"] : ["authorize", "guarded", "mount"];
    for (const one of names) expect(typeof exported[one]).toBe("function");
  });
});
