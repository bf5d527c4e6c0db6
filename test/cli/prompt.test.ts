import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ampho, binary } from "../world/command.js";
import { onTerminal } from "./pseudo-terminal.js";

const secret = "violet kettle harbour morning";
const question = "Password (empty for none): ";
const again = "The same again: ";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-prompt-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const env = { AMPHO_SECURITY_KEY: '{"kty":"oct","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}' };
const addUser = (...typed: (readonly [string, string])[]) =>
  onTerminal([process.execPath, binary, "user-add", "alice"], typed, { cwd, env });
const users = async () => JSON.parse((await ampho(["user-list", "--json"], { cwd, env })).stdout);

test("the terminal of these tests echoes what is typed", async () => {
  const { shown } = await onTerminal(["sh", "-c", "printf 'Name: '; read name"], [["Name: ", "harbour\n"]], { cwd });
  expect(shown).toContain("harbour");
});

describe("a password that is asked for on a terminal", () => {
  test("is not echoed, and makes the user", async () => {
    const { shown, code } = await addUser([question, `${secret}\r`], [again, `${secret}\r`]);
    expect(shown.replaceAll("\r", "")).toBe(
      `${question}\n${again}\nampho: applied migration 1 (first)\nThe user is made.\n`,
    );
    expect(code).toBe(0);
    expect(await users()).toHaveLength(1);
  });

  test("may be corrected while it is typed", async () => {
    const mistyped = `x\x15${secret}z\x7f\x1b[D\x1b[3~\r`;
    expect(await addUser([question, mistyped], [again, `${secret}\r`])).toMatchObject({ code: 0 });
  });

  test("may be pasted with its repetition", async () => {
    expect(await addUser([question, `${secret}\r\n${secret}\r\n`])).toMatchObject({ code: 0 });
  });

  test("has to be typed twice alike", async () => {
    const { shown, code } = await addUser([question, `${secret}\r`], [again, "violet\r"]);
    expect(shown).toContain("ampho: the two passwords differ");
    expect(shown).not.toContain("violet");
    expect(code).toBe(1);
    expect(await users()).toEqual([]);
  });

  test("may be left out", async () => {
    const { shown, code } = await addUser([question, "\r"]);
    expect(shown).toContain("The user is made, without a password.");
    expect(shown).not.toContain(again);
    expect(code).toBe(0);
  });

  test.each([
    ["Ctrl+C", "\x03"],
    ["Ctrl+D", "\x04"],
  ])("is broken off by %s, and nothing is made", async (_, key) => {
    const { shown, code } = await addUser([question, key]);
    expect(shown).toContain("ampho: broken off");
    expect(code).toBe(1);
    expect(await users()).toEqual([]);
  });
});

describe("colours", () => {
  const wrong = (more = {}) => onTerminal([process.execPath, binary, "frobnicate"], [], { cwd, env: more });

  test("are on a terminal", async () => {
    expect((await wrong()).shown).toContain("\u001b[31mampho: there is no command frobnicate");
  });

  test("are never with NO_COLOR", async () => {
    expect((await wrong({ NO_COLOR: "1" })).shown).not.toContain("\u001b");
  });

  test("are nowhere else", async () => {
    expect((await ampho(["frobnicate"], { cwd })).stderr).not.toContain("\u001b");
  });
});

test("--password-stdin on a terminal does not echo either", async () => {
  const { shown, code } = await onTerminal(
    [process.execPath, binary, "user-add", "alice", "--password-stdin"],
    [
      ["Password: ", `${secret}\r`],
      [again, `${secret}\r`],
    ],
    { cwd, env },
  );
  expect(shown).not.toContain("violet");
  expect(code).toBe(0);
});
