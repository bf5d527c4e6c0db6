// Consumers compile a whole application and its declarations with one compiler, by every way of module resolution.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compile, compileMs, type Project } from "./compile.js";

const source = (name: string) => readFileSync(path.join(import.meta.dirname, "consumer", name), "utf8");
const application = { "application.ts": source("application.ts") };
const nest = { "nest.ts": source("legacy/nest.ts") };

const withoutDom = {
  "without-dom.ts": `import { createClient } from "ampho/client";
import { createClient as createFullClient } from "ampho/client/full";
import { createVerifier } from "ampho/verify";
export const waysClient = createFullClient({ baseUrl: "https://app.example", cookies: true });
export const client = createClient({ baseUrl: "https://app.example" });
export const verifier = createVerifier({ jwksUrl: "https://app.example/jwks.json" });
`,
};
/** Two modules of one program, of which each loads Ampho in its own way. */
const onExpress = `import { createAmpho } from "ampho";
import { authorize } from "ampho/express";
import express = require("express");
export async function start() {
  const ampho = await createAmpho();
  express().get("/", authorize(ampho), (request, response) => {
    const login: string | undefined = request.auth?.login;
    response.json({ login });
  });
}
`;
const both = {
  "module.mts": onExpress.replace(/express = require\((.*)\)/, "express from $1"),
  "common.cts": onExpress,
};
const wrong = { ...application, "wrong.ts": source("wrong.ts") };

const nodenext = { module: "nodenext", moduleResolution: "nodenext" };
const bundler = { module: "esnext", moduleResolution: "bundler" };
const legacy = { experimentalDecorators: true, emitDecoratorMetadata: true };
// Old applications load CommonJS with `require`, and often decorate methods in the legacy way.
const ways: readonly (Omit<Project, "compiler" | "folder" | "files"> & { readonly name: string })[] = [
  { name: "ES modules, nodenext", type: "module", compilerOptions: nodenext },
  { name: "ES modules, bundler", type: "module", compilerOptions: bundler },
  { name: "CommonJS, nodenext", type: "commonjs", compilerOptions: nodenext },
];

/** Without `skipLibCheck` the compiler also checks declarations. Errors in those of other packages do not count. */
const ours = ({ file }: { readonly file: string }) => !file.includes("node_modules/") || file.includes("/ampho/");

/**
 * `requiresModules` is true if the compiler knows that Node can `require` ES modules (TypeScript 5.8). An older one rejects
 * every CommonJS file that uses Nest 12, which has ES modules only.
 */
export function consumersCompile(name: string, compilerOf: () => string, { requiresModules = true } = {}): void {
  describe(name, { timeout: compileMs }, () => {
    let consumer: Consumer;
    beforeAll(async () => {
      consumer = await installPacked();
    });
    afterAll(() => consumer.remove());

    const errors = (project: Omit<Project, "compiler" | "folder">) =>
      compile({ compiler: compilerOf(), folder: consumer.folder, ...project }).filter(ours);

    it.each(ways)(
      "$name compiles an application with decorators of both kinds and emits its declarations",
      ({ type, compilerOptions }) => {
        const options = { ...compilerOptions, declaration: true, exactOptionalPropertyTypes: true };
        expect(errors({ type, files: application, compilerOptions: options })).toEqual([]);
        const old = { ...options, ...legacy };
        const files = type === "module" || requiresModules ? { ...application, ...nest } : application;
        expect(errors({ type, files, compilerOptions: old })).toEqual([]);
      },
    );

    it("ampho/client and ampho/verify compile without the DOM library, with their declarations checked", () => {
      const compilerOptions = { ...nodenext, lib: ["es2022"], skipLibCheck: false };
      expect(errors({ type: "module", files: withoutDom, compilerOptions })).toEqual([]);
    });

    it("ES modules and CommonJS of one program use ampho/express, with its declarations checked", () => {
      const compilerOptions = { ...nodenext, skipLibCheck: false, esModuleInterop: true };
      expect(errors({ type: "module", files: both, compilerOptions })).toEqual([]);
    });

    it("no declaration is `any`, so that a wrong member is an error everywhere", () => {
      const found = errors({ type: "module", files: wrong, compilerOptions: nodenext });
      const lines = wrong["wrong.ts"].split("\n").flatMap((line, at) => (line.includes(".nonsense") ? [at + 1] : []));
      expect(found.map(({ file, line }) => `${file}:${line}`)).toEqual(lines.map((line) => `wrong.ts:${line}`));
    });
  });
}
