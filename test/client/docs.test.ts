// Runs the snippets of the page about the client unchanged. They import the package by its name.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ann, openWorld } from "./world.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

const page = readFileSync(`${root}/docs/guides/client.md`, "utf8");
const snippets = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => code);
/** The one for tokens in cookies needs a server of its own. */
const shown = snippets.filter((code) => !code.includes("cookies"));

/** Runs the snippets as one module, and returns the lines that they print. */
async function run(codes: readonly string[]): Promise<readonly string[]> {
  const world = await openWorld();
  const code = [`const password = ${JSON.stringify(ann.password)};`, ...codes].join("\n");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", code.replaceAll("https://app.example", world.url)],
    { cwd: root },
  );
  return stdout.trim().split("\n");
}

it("the snippets of the page about the client run and print the expected lines", async () => {
  expect(shown).toHaveLength(2);
  // There is no /articles on this server.
  expect(await run(shown)).toEqual(["Hello ann", "404", "Good-bye", "invalid_credentials"]);
});
