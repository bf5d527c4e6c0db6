import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { displayWidth } from "../../dist/cli/terminal/table.js";
import { ampho, binary, execute } from "../world/command.js";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-output-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const shell = (line: string) =>
  execute("sh", ["-c", line.replaceAll("ampho", `"${process.execPath}" "${binary}"`)], { cwd });

describe("help", () => {
  test("--help lists every command", async () => {
    const { code, stdout, stderr } = await ampho(["--help"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, summary } of commands)
      expect(stdout.replace(/\s+/g, " ")).toMatch(new RegExp(`${name} .*${summary}`));
  });

  test("the help is on stderr with exit code 2 if there is no command", async () => {
    const { code, stdout, stderr } = await ampho([], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: ampho");
  });

  test.each(commands.map(({ name }) => name))("the help of %s shows its arguments in 80 columns", async (name) => {
    const { code, stdout, stderr } = await ampho([name, "--help"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const command = commands.find((one) => one.name === name);
    for (const option of command?.options ?? []) expect(stdout).toContain(option.name);
    for (const line of stdout.split("\n")) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  });

  test("the help of serve lists the parameters", async () => {
    expect((await ampho(["serve", "--help"], { cwd })).stdout).toMatch(
      /AMPHO_SECURITY_TOKEN_TTL\n +The lifetime of an access token\. Default: 900 \(15m\)\.\n/,
    );
  });
});

test("--version prints the version of the package", async () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect((await ampho(["--version"], { cwd })).stdout.trim()).toBe(JSON.parse(text).version);
});

test("a server whose binary cannot be loaded does not start, and the message shows what to do", async () => {
  const line = ["--no-addons", binary, "serve", "--port", "0"];
  const { stderr, code } = await execute(process.execPath, line, { cwd });
  expect({ stderr, code }).toEqual({ stderr: expect.stringContaining("@node-rs/argon2 has no binary here"), code: 1 });
});

describe("stdout", () => {
  test("a reader that closes stdout early causes no failure", async () => {
    expect(await shell("(ampho --help; ampho sec-gen-key; echo $? >&2) | true")).toMatchObject({ stderr: "0\n" });
  });

  test("a full disk behind stdout is a failure with one line", async () => {
    const { stderr, code } = await shell("ampho sec-gen-key > /dev/full");
    expect({ stderr, code }).toEqual({ stderr: "ampho: The output cannot be written (ENOSPC).\n", code: 1 });
  });
});

describe("stdin", () => {
  test("a command reads only as much of stdin as it can use", async () => {
    const { stderr, code } = await shell("head -c 10000000 /dev/zero | ampho user-add alice --password-stdin");
    expect({ stderr, code }).toEqual({ stderr: "ampho: The input on stdin is longer than 4098 bytes.\n", code: 1 });
  });

  test("a key on stdin can begin with a byte order mark, as a key file can", async () => {
    const { stderr, code, stdout } = await shell(
      "(printf '\\357\\273\\277'; ampho sec-gen-key --alg ES256) | ampho sec-rotate-key",
    );
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(JSON.parse(stdout).keys).toHaveLength(2);
  });

  test("a command rejects input that is not UTF-8", async () => {
    const { stderr, code } = await shell("printf '\\377\\376' | ampho user-add alice --password-stdin");
    expect({ stderr, code }).toEqual({ stderr: "ampho: The input on stdin is not UTF-8.\n", code: 1 });
  });
});

test("a deleted working directory is a failure with one line", async () => {
  const { stdout, stderr, code } = await shell('mkdir gone && cd gone && rmdir "$PWD" && ampho user-list');
  expect({ stdout, stderr, code }).toEqual({
    stdout: "",
    stderr: "ampho: The working directory cannot be used (there is no such file or folder).\n",
    code: 1,
  });
});

test("sec-gen-key loads no database, no password hashing and no server", () => {
  const seen = new Set<string>();
  const visit = (module: URL) => {
    if (seen.has(module.href)) return;
    seen.add(module.href);
    const text = readFileSync(module, "utf8");
    for (const [, path = ""] of text.matchAll(/^(?:import|export) (?:.* from )?"(\.[^"]*)";$/gm))
      visit(new URL(path, module));
    for (const [, name = ""] of text.matchAll(/^import .* from "([^.][^"]*)";$/gm)) seen.add(name);
    // A chunk names the modules that are joined in it.
    for (const [, name = ""] of text.matchAll(/^\/\/ (\S+\.js)$/gm)) seen.add(`/${name}`);
  };
  visit(new URL("../../dist/cli/main.js", import.meta.url));
  visit(new URL("../../dist/cli/commands/signing-keys/signing-keys.js", import.meta.url));
  const loaded = [...seen];
  expect(loaded.some((one) => one.endsWith("/signing-keys/generate.js"))).toBe(true);
  expect(
    loaded.filter((one) =>
      /sqlite|argon2|zxcvbn|zod|password|\/http\/(?!rest\/re(?:quest|sponses)\/)|ampho\.js|(?:main|management)-chunk|node:http/.test(
        one,
      ),
    ),
  ).toEqual([]);
});
