import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { Ampho } from "../../dist/index.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";
import { snippets, textOf } from "./snippets.js";

const root = path.resolve(import.meta.dirname, "../..");

/** The file that every recipe imports. `options` is the source text of the options. */
export const amphoFile = (options = "") => `import { type Ampho, createAmpho } from "ampho";
export const ampho: Ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: () => {}, ${options} });`;

/** These recipes are sections of a page. */
const sections: Readonly<Record<string, string>> = {
  react: "session.md#React",
  vue: "session.md#Vue",
  svelte: "session.md#Svelte",
  "protect-pages": "protect-pages.md#Express, Fastify, Hono, Koa",
  "sign-in-page": "protect-pages.md#Return from the sign-in page",
};
const sourceOf = (page: string) => `docs/guides/recipes/${sections[page] ?? `${page}.md`}`;

export interface Recipes {
  readonly folder: string;
  /** Writes the snippets of a page, which are all of its code blocks, and other files into a folder of the page. */
  write(page: string, shown: readonly string[], others: Readonly<Record<string, string>>): void;
  /** Compiles all files to JavaScript with the strictest options. */
  compile(options?: object): void;
  load<T>(page: string, file: string): Promise<T>;
  read(page: string, file: string): string;
}

/** A folder with the package, for all tests of a file. */
export function useRecipes(): Recipes {
  let consumer: Consumer | undefined;
  const written: string[] = [];
  const folder = () => consumer?.folder ?? "";
  beforeAll(async () => {
    consumer = await installPacked();
    writeFileSync(path.join(folder(), "package.json"), '{ "type": "module" }');
  });
  afterAll(() => consumer?.remove());
  return {
    get folder() {
      return folder();
    },
    write(page, shown, others) {
      const blocks = [...textOf(sourceOf(page)).matchAll(/^```(?:[jt]sx?|sql|vue|svelte)$/gm)];
      if (shown.length > 0) expect(blocks, `the code blocks of ${page}.md`).toHaveLength(shown.length);
      mkdirSync(path.join(folder(), page), { recursive: true });
      const all = { ...snippets(sourceOf(page), ...shown), ...others };
      for (const [name, text] of Object.entries(all)) {
        writeFileSync(path.join(folder(), page, name), text);
        if (/\.tsx?$/.test(name)) written.push(`${page}/${name}`);
      }
    },
    compile(more = {}) {
      const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
      const target = { target: "es2022", module: "nodenext", types: ["node"], rootDir: ".", outDir: "dist" };
      const compilerOptions = { ...strict, ...target, skipLibCheck: true, ...more };
      writeFileSync(path.join(folder(), "tsconfig.json"), JSON.stringify({ compilerOptions, files: written }));
      try {
        const tsc = path.join(root, "node_modules/typescript/bin/tsc");
        execFileSync(process.execPath, [tsc, "-p", "."], { cwd: folder(), encoding: "utf8", stdio: "pipe" });
      } catch (error) {
        throw new Error(error instanceof Error && "stdout" in error ? String(error.stdout) : "", { cause: error });
      }
    },
    // Node itself loads what is in a folder `dist` (vitest.config.ts).
    load: async <T>(page: string, file: string) => (await import(path.join(folder(), "dist", page, file))) as T,
    read: (page, file) => readFileSync(path.join(folder(), page, file), "utf8"),
  };
}

export interface Called {
  readonly status: number;
  readonly json: unknown;
}

/** Calls a route with a token, and reads its JSON if there is some. */
export async function call(url: string, token?: string, method = "GET", body?: unknown): Promise<Called> {
  const headers = {
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "Content-Type": "application/json" }),
  };
  const response = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, json: isJson && text !== "" ? JSON.parse(text) : text };
}

/** Creates a user with a session, and returns the id and the token. */
export async function signedIn(ampho: Ampho, login: string, roles: readonly string[] = []) {
  const { id } = await ampho.users.create({ login, roles });
  const { token = "" } = await ampho.sessions.create(id);
  return { id, token };
}
