import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);

/** The generators read the build. */
const pagesOf = async (script: string): Promise<Readonly<Record<string, string>>> => {
  const module: { generate(): Record<string, string> } = await import(new URL(`scripts/${script}`, root).href);
  return module.generate();
};

test.each(["docs-cli.mjs", "docs-configuration.mjs", "docs-doctor.mjs"])(
  "the pages that %s writes are current",
  async (script) => {
    for (const [path, text] of Object.entries(await pagesOf(script))) {
      expect(readFileSync(new URL(path, root), "utf8"), `${path}: run npm run docs`).toBe(text);
    }
  },
);
