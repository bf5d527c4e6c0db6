// Editors show a text over every export and every option of createAmpho, and an example over functions, classes and options.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type PublicExport, publicExports } from "../../scripts/declarations.mjs";
import { type Editor, openEditor } from "./editor.js";

const exports = publicExports();
const lacksText = (shown: string) => !/```\n\s*\w/.test(shown);
const lacksDefault = (shown: string) => !/\nDefault: /.test(shown);
const lacks = (shown: string) => !/\*@example\*\s+```\w+\n\s*\S/.test(shown) || lacksText(shown);

let editor: Editor;
beforeAll(async () => {
  editor = await openEditor(import.meta.dirname);
});
afterAll(() => editor.close());

/** The names over which the editor shows no text or no example. The file has each name once, behind a mark. */
async function lacking(name: string, text: string, isLacking = lacks): Promise<readonly string[]> {
  const hover = editor.open(name, text);
  const lines: string[] = [];
  for (const { index, 1: word = "" } of text.matchAll(/\/\*here\*\/(\w+)/g))
    if (isLacking(await hover(index + "/*here*/".length))) lines.push(word);
  return lines;
}

const subpaths = [...new Set(exports.map(({ subpath }) => subpath))];

it.each(subpaths)(
  "an editor shows a text over every export of %s, and an example over every function",
  async (subpath) => {
    const own = exports.filter((each) => each.subpath === subpath);
    const importOf = (some: readonly PublicExport[]) =>
      `import { ${some.map(({ name }) => `/*here*/${name}`).join(", ")} } from "${subpath}";\n`;
    const file = subpath.replaceAll("/", "-");
    const values = own.filter(({ kind }) => kind !== "interface" && kind !== "type");
    expect(await lacking(`${file}.ts`, importOf(own), lacksText)).toEqual([]);
    expect(await lacking(`${file}-values.ts`, importOf(values))).toEqual([]);
    expect(own.length).toBeGreaterThan(3);
  },
);

it("an editor shows a text and an example over every option of createAmpho", async () => {
  const { members } = exports.find(({ name }) => name === "AmphoOptions") as PublicExport;
  const options = members.map((member) => `  /*here*/${member.path}: undefined,`);
  const text = `import { createAmpho } from "ampho";\nawait createAmpho({\n${options.join("\n")}\n});\n`;
  expect(await lacking("options.ts", text)).toEqual([]);
  expect(options.length).toBeGreaterThan(60);
  // The default of a parameter, with its unit. The others are functions and objects.
  const others = [
    "claims",
    "captcha",
    "users",
    "mail",
    "mailText",
    "clock",
    "languages",
    "log",
    "onUserCreated",
    "onUserChanged",
  ];
  expect([...(await lacking("defaults.ts", text, lacksDefault)).filter((name) => !/File$/.test(name))].sort()).toEqual(
    [...others, "onUserRemoved"].sort(),
  );
});

it("an option without a text is found", async () => {
  const text = "interface A {\n  b: number;\n}\nexport const a: A = { /*here*/b: 1 };\n";
  expect(await lacking("none.ts", text)).toEqual(["b"]);
});
