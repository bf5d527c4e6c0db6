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
/** Those that the page adds for `ampho/client/full`. */
const ofWays = snippets.filter((code) => /ways|logIn|cookies/.test(code));

/** Runs the snippets as one module, and returns the lines that they print. */
async function run(prelude: string, codes: readonly string[]): Promise<readonly string[]> {
  const world = await openWorld();
  const code = [`const password = ${JSON.stringify(ann.password)};`, prelude, ...codes].join("\n");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", code.replaceAll("https://app.example", world.url)],
    { cwd: root },
  );
  return stdout.trim().split("\n");
}

it("the snippets of the page about the client run and print the expected lines", async () => {
  const codes = snippets.filter((code) => !ofWays.includes(code));
  expect(codes).toHaveLength(2);
  // There is no /articles on this server.
  expect(await run("", codes)).toEqual(["Hello ann", "404", "Good-bye", "invalid_credentials"]);
});

it("the snippets of the page about the client for second factors and cookies run and print the expected lines", async () => {
  expect(ofWays).toHaveLength(3);
  // Each code is accepted once, and that of the next step is accepted too.
  const prelude = `
    import { URI } from "otpauth";
    let app, step = 0;
    const showQrCode = (uri) => void (app = URI.parse(uri));
    const askCode = async () => app.generate({ timestamp: Date.now() + 30_000 * step++ });
  `;
  expect(await run(prelude, ofWays)).toEqual(["8 codes to print and keep", "2fa"]);
});
