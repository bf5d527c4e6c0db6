// Editors show a text and an example over every export and over every option of createAmpho.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type PublicExport, publicExports } from "../../scripts/declarations.mjs";
import { type Editor, openEditor } from "./editor.js";

const exports = publicExports();
const lacks = (shown: string) => !/\*@example\*\s+```\w+\n\s*\S/.test(shown) || !/```\n\s*\w/.test(shown);

let editor: Editor;
beforeAll(async () => {
  editor = await openEditor(import.meta.dirname);
});
afterAll(() => editor.close());

/** The names over which the editor shows no text or no example. The file has each name once, behind a mark. */
async function lacking(name: string, text: string): Promise<readonly string[]> {
  const hover = editor.open(name, text);
  const lines: string[] = [];
  for (const { index, 1: word = "" } of text.matchAll(/\/\*here\*\/(\w+)/g))
    if (lacks(await hover(index + "/*here*/".length))) lines.push(word);
  return lines;
}

const subpaths = [...new Set(exports.map(({ subpath }) => subpath))];

it.each(subpaths)("an editor shows a text and an example over every export of %s", async (subpath) => {
  const names = exports.filter((each) => each.subpath === subpath).map(({ name }) => name);
  const imports = names.map((name) => `/*here*/${name}`).join(", ");
  expect(await lacking(`${subpath.replaceAll("/", "-")}.ts`, `import { ${imports} } from "${subpath}";\n`)).toEqual([]);
  expect(names.length).toBeGreaterThan(3);
});

it("an editor shows a text and an example over every option of createAmpho", async () => {
  const { members } = exports.find(({ name }) => name === "AmphoOptions") as PublicExport;
  const options = members.map((member) => `  /*here*/${member.path}: undefined,`);
  const text = `import { createAmpho } from "ampho";\nawait createAmpho({\n${options.join("\n")}\n});\n`;
  expect(await lacking("options.ts", text)).toEqual([]);
  expect(options.length).toBeGreaterThan(65);
});

it("an option without a text is found", async () => {
  const text = "interface A {\n  b: number;\n}\nexport const a: A = { /*here*/b: 1 };\n";
  expect(await lacking("none.ts", text)).toEqual(["b"]);
});
