// Runs the snippets of docs/guides/account.md unchanged. They import the package by its name.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readPage } from "../docs/evidence.js";
import { ann, openWorld } from "./world.js";

it("The snippets of docs/guides/account.md run and print the expected lines", async () => {
  const snippets = [...readPage("docs/guides/account.md").matchAll(/^```js\n(.*?)^```$/gms)].map(
    ([, code = ""]) => code,
  );
  expect(snippets).toHaveLength(4);
  const world = await openWorld();
  const prelude = `const askPassword = async () => ${JSON.stringify(ann.password)};`;
  const code = [prelude, ...snippets].join("\n").replaceAll("https://app.example", world.url);
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  expect(stdout.trim().split("\n")).toEqual([
    "ann null true 0 null",
    "account passkeys identities api_keys connections sessions events",
    "undefined",
  ]);
});
