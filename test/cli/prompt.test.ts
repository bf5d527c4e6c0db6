import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { known } from "../../dist/store/migrations/known.js";
import { ampho, binary } from "../world/command.js";
import { onTerminal } from "./pseudo-terminal.js";

const secret = "violet kettle harbour morning";
const question = "Password (empty for none): ";
const again = "Repeat the password: ";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-prompt-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const env = {
  AMPHO_DATABASE_URL: "sqlite:ampho.db",
  AMPHO_SECURITY_KEY: '{"kty":"oct","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}',
};
const migrated = known.map(({ version, name }) => `ampho: applied migration ${version} (${name})`);
const addUser = (...typed: (readonly [string, string])[]) =>
  onTerminal([process.execPath, binary, "user-add", "alice"], typed, { cwd, env });
const hasDatabase = () => existsSync(join(cwd, "ampho.db"));
const users = async () =>
  JSON.parse((await ampho(["user-list", "--json"], { cwd, env: { ...env, AMPHO_SECURITY_KEY: "" } })).stdout);

test("the terminal of these tests echoes what is typed", async () => {
  const { shown } = await onTerminal(["sh", "-c", "printf 'Name: '; read name"], [["Name: ", "harbour\n"]], { cwd });
  expect(shown).toContain("harbour");
});

describe("a password that is asked for on a terminal", () => {
  test("a typed password is not echoed, and the user is created", async () => {
    const { shown, code } = await addUser([question, `${secret}\r`], [again, `${secret}\r`]);
    const named = `ampho: The database is ${join(cwd, "ampho.db")}.`;
    expect(shown.replaceAll("\r", "")).toBe(
      [question, again, named, ...migrated, 'User "alice" created.', ""].join("\n"),
    );
    expect(code).toBe(0);
    expect(await users()).toHaveLength(1);
  });

  test("a password can be corrected while it is typed", async () => {
    const mistyped = `x\x15${secret}z\x7f\x1b[D\x1b[3~\r`;
    expect(await addUser([question, mistyped], [again, `${secret}\r`])).toMatchObject({ code: 0 });
  });

  test("a password can be pasted with its repetition", async () => {
    expect(await addUser([question, `${secret}\r\n${secret}\r\n`])).toMatchObject({ code: 0 });
  });

  test("a repetition that differs creates no user", async () => {
    const { shown, code } = await addUser([question, `${secret}\r`], [again, "violet\r"]);
    expect(shown).toContain("ampho: The two passwords differ.");
    expect(shown).not.toContain("violet");
    expect(code).toBe(1);
    expect(hasDatabase()).toBe(false);
  });

  test("an empty password creates a user without a password", async () => {
    const { shown, code } = await addUser([question, "\r"]);
    expect(shown).toContain('User "alice" created without a password.');
    expect(shown).not.toContain(again);
    expect(code).toBe(0);
  });

  test.each([
    ["Ctrl+C", "\x03"],
    ["Ctrl+D", "\x04"],
  ])("%s interrupts the prompt, and no user is created", async (_, key) => {
    const { shown, code } = await addUser([question, key]);
    expect(shown).toContain("ampho: Interrupted.");
    expect(code).toBe(1);
    expect(hasDatabase()).toBe(false);
  });
});

describe("colours", () => {
  const wrong = (more = {}) => onTerminal([process.execPath, binary, "frobnicate"], [], { cwd, env: more });

  test("messages on a terminal have colours", async () => {
    expect((await wrong()).shown).toContain("\u001b[31mampho: There is no command frobnicate");
  });

  test("messages have no colours with NO_COLOR", async () => {
    expect((await wrong({ NO_COLOR: "1" })).shown).not.toContain("\u001b");
  });

  test("messages in a pipe have no colours", async () => {
    expect((await ampho(["frobnicate"], { cwd })).stderr).not.toContain("\u001b");
  });
});

test("--password-stdin on a terminal does not echo the password", async () => {
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

test("a line that is pasted after `ampho init` goes to the shell", async () => {
  const pasted = `'${process.execPath}' '${binary}' init\necho COOKIES=true >> .env\nexit\n`;
  const { shown, code } = await onTerminal(["sh"], [["ready> ", pasted]], { cwd, env: { PS1: "ready> " } });
  expect([shown, code]).toEqual([expect.stringContaining("ampho user-add LOGIN"), 0]);
  expect(readFileSync(join(cwd, ".env"), "utf8")).toBe("AMPHO_SECURITY_KEY_FILE=ampho-key.json\nCOOKIES=true\n");
});
