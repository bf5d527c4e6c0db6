// Runs the snippets of docs/client.md unchanged. They import the package by its name.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ann, openWorld } from "./world.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

it("the snippets of docs/client.md run and print the expected lines", async () => {
  const page = readFileSync(`${root}/docs/client.md`, "utf8");
  const snippets = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  expect(snippets).toHaveLength(2);
  const world = await openWorld();
  const code = [`const password = ${JSON.stringify(ann.password)};`, ...snippets].join("\n");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", code.replaceAll("https://app.example", world.url)],
    { cwd: root },
  );
  // There is no /articles on this server.
  expect(stdout.split("\n")).toEqual(["Hello ann", "404", "Good-bye", "invalid_credentials", ""]);
});
