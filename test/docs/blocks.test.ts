// Each block of commands of the documents is run by a test, or has a reason why not. `pasted.system.test.ts` pastes them.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { readConfiguration } from "../../dist/config/configuration.js";
import { withEnvFile } from "../../dist/config/env-file.js";
import { freshFolder } from "../world/folder.js";
import { freshPlace } from "../world/serve.js";
import { type Block, blocksOf, cannotRun, elsewhere, isFor, pages, pasted } from "./blocks.js";
import { root } from "./readme.js";

const all = pages.flatMap((page) => blocksOf(page));
const lines = (code: string) =>
  code
    .replaceAll("\\\n", " ")
    .replaceAll(/<<'?(\w+)'?\n[\s\S]*?^\1$/gm, "")
    .trim()
    .split("\n");

it("each block of commands is pasted, run by another test, or has the reason why it cannot run", () => {
  const tables = [elsewhere, cannotRun, pasted];
  const rowsOf = (block: Block) => tables.flatMap((table) => table.filter((row) => isFor(row, block)));
  const wrong = all.filter((block) => rowsOf(block).length !== 1);
  expect(wrong.map((block) => `${block.page}:${block.line} ${block.first}: ${rowsOf(block).length} rows`)).toEqual([]);
  for (const row of tables.flat()) {
    for (const begin of row.begins ?? [""]) {
      const found = all.some((block) => isFor({ page: row.page, begins: [begin] }, block));
      expect(found, `${row.page} has a block that begins with ${begin}`).toBe(true);
    }
  }
});

it("a test that runs the blocks of a page names the page", () => {
  for (const { page, test } of elsewhere) {
    const file = path.join(root, test);
    expect(existsSync(file), test).toBe(true);
    const text = readFileSync(file, "utf8");
    const [name = ""] = /[\w-]+(?=(?:\/README)?\.md$)/.exec(page) ?? [];
    expect(text, `${test} names ${page}`).toContain(name);
  }
});

// A terminal gives the next pasted line to a command that asks. So the login of the first user was `mkdir public`.
it("a command that asks is the last one of its block", () => {
  const asks = /(?:\bampho|main\.js) (?:user-add|user-password)\b(?!.*--password-stdin)/;
  const asking = all.map((block) => ({ block, at: lines(block.code).findIndex((line) => asks.test(line)) }));
  expect(asking.filter(({ at }) => at >= 0).length).toBeGreaterThan(10);
  for (const { block, at } of asking)
    if (at >= 0) expect(lines(block.code).length - 1, `${block.page}:${block.line}`).toBe(at);
});

// Outside of single quotes, an interactive shell replaces `!` and what follows by an earlier line.
it("no block has a text that an interactive shell takes for an earlier line", () => {
  const unquoted = (code: string) =>
    code.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (text) => (text.startsWith('"') ? text : ""));
  for (const { page, line, code } of all)
    expect(unquoted(lines(code).join("\n")), `${page}:${line}`).not.toMatch(/![^\s=(]/);
});

it("each block of settings is a file .env that starts Ampho", () => {
  const key = freshPlace().env["AMPHO_SECURITY_KEY"] ?? "";
  const settings = pages.flatMap((page) => blocksOf(page, "ini")).filter(({ code }) => code.startsWith("AMPHO_"));
  expect(settings.length).toBeGreaterThan(4);
  for (const { page, line, code } of settings) {
    const cwd = freshFolder();
    writeFileSync(path.join(cwd, ".env"), code);
    writeFileSync(path.join(cwd, "ampho-key.json"), key);
    const own = code.includes("AMPHO_SECURITY_KEY_FILE") ? {} : { AMPHO_SECURITY_KEY: key };
    const env = { ...own, ...(!code.includes("AMPHO_DATABASE_URL") && { AMPHO_DATABASE_URL: "sqlite::memory:" }) };
    const { warnings } = readConfiguration(withEnvFile({ env, user: "me", host: "here", cwd }));
    expect(warnings, `${page}:${line}`).toEqual([]);
  }
});

it("each command of Ampho in a block has the arguments that it needs", () => {
  const calls = all.flatMap(({ page, line, code }) =>
    lines(code).flatMap((typed) =>
      [...typed.replace(/\s#.*$/, "").matchAll(/(?:\bampho|main\.js) ([a-z]+-[a-z-]+)\b([^;|&)<>]*)/g)].map(
        ([, name = "", rest = ""]) => ({ where: `${page}:${line}`, name, rest }),
      ),
    ),
  );
  expect(calls.length).toBeGreaterThan(60);
  for (const { where, name, rest } of calls) {
    const row = commands.find((each) => each.name === name);
    if (row === undefined) continue;
    const valued = row.options.flatMap<string>(({ name, short = name, value }) => (value ? [name, short] : []));
    const words = rest.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
    const given = words.filter((word, at) => !word.startsWith("-") && !valued.includes(words[at - 1] ?? ""));
    const needed = row.arguments.filter(({ optional }) => optional !== true);
    expect(given.length, `${where} ${name}${rest}`).toBeGreaterThanOrEqual(needed.length);
    expect(given.length, `${where} ${name}${rest}`).toBeLessThanOrEqual(row.arguments.length);
  }
});
