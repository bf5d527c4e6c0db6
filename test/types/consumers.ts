// What consumers compile with one compiler: a whole application and its declarations, by every way of finding modules.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compile, type Project } from "./compile.js";

const source = (name: string) => readFileSync(path.join(import.meta.dirname, "consumer", name), "utf8");
const application = { "application.ts": source("application.ts") };
const nest = { "nest.ts": source("legacy/nest.ts") };

const wrong = { ...application, "wrong.ts": source("wrong.ts") };

const nodenext = { module: "nodenext", moduleResolution: "nodenext" };
const bundler = { module: "esnext", moduleResolution: "bundler" };
const legacy = { experimentalDecorators: true, emitDecoratorMetadata: true };
// Old applications find CommonJS by `require`; the methods of a class are then decorated in the old way as often as not.
const ways: readonly (Omit<Project, "compiler" | "folder" | "files"> & { readonly name: string })[] = [
  { name: "ES modules, nodenext", type: "module", compilerOptions: nodenext },
  { name: "ES modules, bundler", type: "module", compilerOptions: bundler },
  { name: "CommonJS, nodenext", type: "commonjs", compilerOptions: nodenext },
];

/** Without `skipLibCheck`: our own declarations are checked too. What other packages have wrong in theirs is not ours. */
const ours = ({ file }: { readonly file: string }) => !file.includes("node_modules/") || file.includes("/ampho/");

/**
 * `requiresModules`: whether the compiler knows that Node gives ES modules to `require` (TypeScript 5.8). One that does not lets no
 * CommonJS file use Nest 12, which is nothing else.
 */
export function consumersCompile(name: string, compilerOf: () => string, { requiresModules = true } = {}): void {
  describe(name, () => {
    let consumer: Consumer;
    beforeAll(async () => {
      consumer = await installPacked();
    });
    afterAll(() => consumer.remove());

    const errors = (project: Omit<Project, "compiler" | "folder">) =>
      compile({ compiler: compilerOf(), folder: consumer.folder, ...project }).filter(ours);

    it.each(ways)(
      "$name: an application and its declarations, with decorators of both kinds",
      ({ type, compilerOptions }) => {
        const options = { ...compilerOptions, declaration: true, exactOptionalPropertyTypes: true };
        expect(errors({ type, files: application, compilerOptions: options })).toEqual([]);
        const old = { ...options, ...legacy };
        const files = type === "module" || requiresModules ? { ...application, ...nest } : application;
        expect(errors({ type, files, compilerOptions: old })).toEqual([]);
      },
    );

    it("declares nothing as `any`: a wrong member is an error wherever it is", () => {
      const found = errors({ type: "module", files: wrong, compilerOptions: nodenext });
      const lines = wrong["wrong.ts"].split("\n").flatMap((line, at) => (line.includes(".nonsense") ? [at + 1] : []));
      expect(found.map(({ file, line }) => `${file}:${line}`)).toEqual(lines.map((line) => `wrong.ts:${line}`));
    });
  });
}
