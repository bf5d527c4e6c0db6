// Every TypeScript snippet of docs/guides/frameworks.md compiles against the packed tarball.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";
import { hosts } from "../installs/hosts.js";
import { isNoFramework } from "./readme.js";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/guides/frameworks.md"), "utf8");
const all = [...page.matchAll(/^```[jt]s\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => ({
  file,
  text,
}));
/** The forms of `ampho.ts`: also the one of hosts whose build loads it, and the one for pages. */
const instances = (text: string) => [
  text,
  all.find(({ file }) => file === "ampho.js")?.text,
  text.replace("createAmpho()", "createAmpho({ cookies: true })"),
];
const snippets = all.filter(({ file }) => file.endsWith(".ts"));
const examples = readdirSync(path.join(root, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !isNoFramework(entry.name))
  .map(({ name }) => name);

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
  for (const { file, text } of snippets) {
    const target = path.join(consumer.folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  writeFileSync(path.join(consumer.folder, "package.json"), '{ "type": "module" }');
});
afterAll(() => consumer.remove());

/** Next.js bundles, and its bundler finds `ampho.ts` by no name that ends in `.js`. */
const bundled = ({ text }: { readonly text: string }) => /from "\.[^"]*\/ampho"/.test(text);

function compile(compilerOptions: object, chosen: typeof snippets): string {
  const options = {
    target: "es2022",
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    ...compilerOptions,
  };
  const config = { compilerOptions: options, files: chosen.map(({ file }) => file) };
  writeFileSync(path.join(consumer.folder, "tsconfig.json"), JSON.stringify(config));
  try {
    return execFileSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", consumer.folder], {
      encoding: "utf8",
    });
  } catch (error) {
    return error instanceof Error && "stdout" in error ? String(error.stdout) : String(error);
  }
}

describe("docs/guides/frameworks.md", () => {
  it("every TypeScript snippet names its file", () => {
    expect(snippets.length).toBe(page.match(/^```ts$/gm)?.length);
    expect(new Set(snippets.map(({ file }) => file)).size).toBe(snippets.length);
  });

  it.each(["nodenext", "bundler"])("the snippets compile with module resolution %s", (moduleResolution) => {
    const module = moduleResolution === "nodenext" ? "nodenext" : "esnext";
    const shared = { module, moduleResolution, types: ["node"], skipLibCheck: true, experimentalDecorators: true };
    const chosen = moduleResolution === "nodenext" ? snippets.filter((one) => !bundled(one)) : snippets;
    expect(compile(shared, chosen)).toBe("");
  });

  it("the table of the page links every example", () => {
    for (const name of examples) expect(page).toContain(`](../../examples/${name}/`);
  });

  it.each(examples)("the page shows the code of examples/%s", (name) => {
    const folder = path.join(root, "examples", name);
    const shown = all.filter(({ file }) => existsSync(path.join(folder, file)));
    for (const { file, text } of shown)
      expect(file === "ampho.ts" ? instances(text) : [text]).toContain(readFileSync(path.join(folder, file), "utf8"));
    if (hosts.some((host) => host.folder === name)) expect(shown.length).toBeGreaterThan(1);
  });
});
