import { mkdtempSync, rmSync } from "node:fs";
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
const users = async () =>
  JSON.parse((await ampho(["user-list", "--json"], { cwd, env: { ...env, AMPHO_SECURITY_KEY: "" } })).stdout);

test("the terminal of these tests echoes what is typed", async () => {
  const { shown } = await onTerminal(["sh", "-c", "printf 'Name: '; read name"], [["Name: ", "harbour\n"]], { cwd });
  expect(shown).toContain("harbour");
});

describe("a password that is asked for on a terminal", () => {
  test("a typed password is not echoed, and the user is created", async () => {
    const { shown, code } = await addUser([question, `${secret}\r`], [again, `${secret}\r`]);
    expect(shown.replaceAll("\r", "")).toBe([question, again, ...migrated, 'User "alice" created.', ""].join("\n"));
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
    expect(await users()).toEqual([]);
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
    expect(await users()).toEqual([]);
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

describe("ampho init on a terminal", () => {
  const loginQuestion = "Login of the first user (empty for none): ";
  const init = (...typed: (readonly [string, string])[]) =>
    onTerminal([process.execPath, binary, "init"], typed, { cwd, env: { AMPHO_DATABASE_URL: "sqlite:ampho.db" } });

  test("init echoes the login, not the password, and asks again after a rejected password", async () => {
    const { shown, code } = await init(
      [loginQuestion, "alice\r"],
      ["Password: ", "brief\r"],
      [again, "brief\r"],
      [loginQuestion, "alize\x7f\x7fce\r"],
      ["Password: ", `${secret}\r`],
      [again, `${secret}\r`],
    );
    expect(shown).toContain(`${loginQuestion}alice`);
    expect(shown).not.toContain("brief");
    expect(shown).not.toContain("violet");
    expect(shown).toContain('User "alice" created.');
    expect(code).toBe(0);
    expect(await users()).toMatchObject([{ login: "alice" }]);
    const second = await init();
    expect(second.code).toBe(0);
    expect(second.shown).not.toContain(loginQuestion);
  });

  test("an empty login creates no user", async () => {
    const { shown, code } = await init([loginQuestion, "\r"]);
    expect(code).toBe(0);
    expect(shown).toContain("ampho user-add LOGIN");
    expect(await users()).toEqual([]);
  });
});
