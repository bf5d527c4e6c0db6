// A name that src/ exports has one meaning. So a search for it, and the import that an editor adds, find the right one.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const src = path.resolve(import.meta.dirname, "../../src");
const declaration =
  /^export (?:declare )?(?:async )?(?<kind>class|const|enum|function\*?|interface|let|type) (?<name>\w+)(?<rest>.*)/gm;

/** `listing` returns a command. */
const isArrow = /(?:^ =|> =) (?:(?:async )?(?:<|\()|listing\()/;

/** An operation has one verb from the command or the endpoint to its statements. An operator has flows of the same names. */
const layers = [
  "cli/commands/",
  "http/rest/routes/",
  "flows/(?!manage/)|users/",
  "flows/manage/",
  "store/sql/|store/migrations/",
];

const allowed: Readonly<Record<string, string>> = {
  createClient:
    "An application replaces the import of `ampho/client` by that of `ampho/client/full`, and changes nothing else.",
  login: "One is the schema of the member, and the other is the flow.",
  renew: "The adapters' middleware has the name of the endpoint and the flow that it uses.",
  randomId: "The client runs in browsers, so it cannot import node:crypto.",
};

it("no exported name is declared twice with two meanings", () => {
  const found = new Map<string, { readonly file: string; readonly isFunction: boolean }[]>();
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts")))
    for (const { groups } of readFileSync(path.join(src, file), "utf8").matchAll(declaration)) {
      const { kind = "", name = "", rest = "" } = groups ?? {};
      found.set(name, [
        ...(found.get(name) ?? []),
        { file, isFunction: kind.startsWith("function") || isArrow.test(rest) },
      ]);
    }
  const inLayers = (file: string) => layers.filter((layer) => new RegExp(`^(?:${layer})`).test(file));
  const twice = [...found].filter(([name, declared]) => {
    const files = [...new Set(declared.map(({ file }) => file))];
    const isSurface = files.every((file) => file.startsWith("adapters/"));
    const used = files.flatMap(inLayers);
    const isOneVerb =
      declared.every(({ isFunction }) => isFunction) &&
      used.length === files.length &&
      new Set(used).size === files.length;
    return files.length > 1 && !isSurface && !isOneVerb && !Object.hasOwn(allowed, name);
  });
  expect(twice.map(([name, declared]) => [name, declared.map(({ file }) => file)])).toEqual([]);
  expect(Object.keys(allowed).filter((name) => (found.get(name) ?? []).length < 2)).toEqual([]);
});
