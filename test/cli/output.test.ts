import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { displayWidth } from "../../dist/cli/table.js";
import { ampho, binary, execute } from "../world/command.js";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-output-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const shell = (line: string) =>
  execute("sh", ["-c", line.replaceAll("ampho", `"${process.execPath}" "${binary}"`)], { cwd });

describe("help", () => {
  test("lists every command", async () => {
    const { code, stdout, stderr } = await ampho(["--help"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, summary } of commands)
      expect(stdout.replace(/\s+/g, " ")).toMatch(new RegExp(`${name} .*${summary}`));
  });

  test("is on stderr with exit code 2 when nothing was asked", async () => {
    const { code, stdout, stderr } = await ampho([], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: ampho");
  });

  test.each(commands.map(({ name }) => name))("of %s says what may be typed, in 80 columns", async (name) => {
    const { code, stdout, stderr } = await ampho([name, "--help"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const command = commands.find((one) => one.name === name);
    for (const option of command?.options ?? []) expect(stdout).toContain(option.name);
    for (const line of stdout.split("\n")) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  });

  test("of the server lists the parameters", async () => {
    expect((await ampho(["serve", "--help"], { cwd })).stdout).toContain("AMPHO_SECURITY_TOKEN_TTL (900 seconds)");
  });
});

test("the version is that of the package", async () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect((await ampho(["--version"], { cwd })).stdout.trim()).toBe(JSON.parse(text).version);
});

test("a binary that is not there, or may not be loaded, is a failure that says what to do", async () => {
  const { stderr, code } = await execute(process.execPath, ["--no-addons", binary, "user-list"], { cwd });
  expect({ stderr, code }).toEqual({ stderr: expect.stringContaining("@node-rs/argon2 has no binary here"), code: 1 });
});

describe("stdout", () => {
  test("that is closed early is no matter", async () => {
    expect(await shell("(ampho --help; ampho sec-gen-key; echo $? >&2) | true")).toMatchObject({ stderr: "0\n" });
  });

  test("that takes no more is a failure with one line", async () => {
    const { stderr, code } = await shell("ampho sec-gen-key > /dev/full");
    expect({ stderr, code }).toEqual({ stderr: "ampho: the output cannot be written (ENOSPC)\n", code: 1 });
  });
});

describe("stdin", () => {
  test("is not read further than makes sense", async () => {
    const { stderr, code } = await shell("head -c 10000000 /dev/zero | ampho user-add alice --password-stdin");
    expect({ stderr, code }).toEqual({ stderr: "ampho: more than 4098 bytes came on stdin\n", code: 1 });
  });

  test("may have a byte order mark before a key, as a key file may", async () => {
    const { stderr, code, stdout } = await shell(
      "(printf '\\357\\273\\277'; ampho sec-gen-key --alg ES256) | ampho sec-rotate-key",
    );
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(JSON.parse(stdout).keys).toHaveLength(2);
  });

  test("has to be UTF-8", async () => {
    const { stderr, code } = await shell("printf '\\377\\376' | ampho user-add alice --password-stdin");
    expect({ stderr, code }).toEqual({ stderr: "ampho: what came on stdin is not UTF-8\n", code: 1 });
  });
});

test("a working directory that is gone is a failure with one line", async () => {
  const { stdout, stderr, code } = await shell('mkdir gone && cd gone && rmdir "$PWD" && ampho user-list');
  expect({ stdout, stderr, code }).toEqual({
    stdout: "",
    stderr: "ampho: the working directory cannot be used: there is no such file or folder\n",
    code: 1,
  });
});

test("making a key loads no store, no password hashing and no HTTP", () => {
  const seen = new Set<string>();
  const visit = (module: URL) => {
    if (seen.has(module.href)) return;
    seen.add(module.href);
    const text = readFileSync(module, "utf8");
    for (const [, path = ""] of text.matchAll(/^(?:import|export) (?:.* from )?"(\.[^"]*)";$/gm))
      visit(new URL(path, module));
    for (const [, name = ""] of text.matchAll(/^import .* from "([^.][^"]*)";$/gm)) seen.add(name);
  };
  visit(new URL("../../dist/cli/main.js", import.meta.url));
  visit(new URL("../../dist/cli/commands/sec-gen-key.js", import.meta.url));
  const loaded = [...seen];
  expect(loaded.some((one) => one.endsWith("/crypto/jwk-generate.js"))).toBe(true);
  expect(loaded.filter((one) => /sqlite|argon2|zxcvbn|zod|password|\/http\/|ampho\.js|node:http/.test(one))).toEqual(
    [],
  );
});
