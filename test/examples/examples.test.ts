// Starts every example from the packed tarball, and uses it as a reader would.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { hosts } from "../installs/hosts.js";
import { expectGuardedRoutes } from "./exercise.js";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, start } from "./running.js";

const root = path.resolve(import.meta.dirname, "../..");
// These examples have tests of their own, most of them in `npm run test:all`, because they install packages.
const services = ["verify-go", "verify-node", "verify-python"];
const elsewhere = new Set([
  "drizzle",
  "everything",
  "full",
  "notes",
  "passkeys",
  "protect-anything",
  "start",
  "workers",
  ...services,
  ...hosts.map(({ folder }) => folder),
]);
const all = readdirSync(path.join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
const examples = all.map(({ name }) => name).filter((name) => !elsewhere.has(name));
const password = "violet kettle harbour morning";

const filesOf = (name: string): readonly string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: path.join(root, "examples", name),
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file !== "");

let consumer: Consumer;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  consumer = await installPacked(examples);
  env = prepare(consumer, password);
});
afterAll(() => consumer.remove());

const large = [
  "drizzle",
  "everything",
  "full",
  "notes",
  "passkeys",
  "protect-anything",
  "start",
  "verify-go",
  "verify-python",
];

it.each(all.map(({ name }) => name).filter((name) => !large.includes(name)))("examples/%s fits on a screen", (name) => {
  const folder = path.join(root, "examples", name);
  const code = filesOf(name).filter((file) => /\.([cm]?[jt]sx?|vue)$/.test(file));
  const lines = code.map((file) => readFileSync(path.join(folder, file), "utf8").trimEnd().split("\n").length);
  // Next.js has a file for each page, and the example has every way to sign in and a server action.
  expect(lines.reduce((sum, one) => sum + one)).toBeLessThan(name === "next" ? 105 : 66);
});

it.each(all.map(({ name }) => name).filter((name) => name !== "start"))(
  "examples/%s lets no other page show its pages in a frame",
  (name) => {
    const texts = filesOf(name).map((file) => [file, readFileSync(path.join(root, "examples", name, file), "utf8")]);
    const hasPages = texts.some(
      ([file = "", text = ""]) => /\.(html|vue|astro|svelte|[jt]sx)$/.test(file) && /<|"html"/.test(text),
    );
    const forbids = texts.some(([, text = ""]) => text.includes("frame-ancestors 'none'"));
    expect(forbids).toBe(hasPages);
  },
);

describe.each(examples)("examples/%s", (name) => {
  it("the example starts, accepts and rejects the right users, and stops", async () => {
    const folder = path.join(consumer.folder, name);
    const { scripts } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    if (scripts.build !== undefined) {
      const compiler = path.join(root, "node_modules/typescript/bin/tsc");
      execFileSync(process.execPath, [compiler, "-p", folder], { stdio: "inherit" });
    }
    const running = await start(folder, env, scripts.build === undefined ? "server.js" : "build/server.js");
    await expectGuardedRoutes(running.url, password);
    const { code, stderr } = await running.stop();
    expect([code === 0 || code === null, stderr]).toEqual([true, ""]);
  });
});
