// The systemd unit against the program: the exit codes after which it restarts, and the command that docs/operate/deploying.md
// has an administrator install beside it, run in a folder.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { readPage, section } from "../docs/evidence.js";
import { freePort } from "../world/free-port.js";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist/cli/main.js");
const unit = readFileSync(path.join(root, "deploy/systemd/ampho.service"), "utf8");
const page = section(readPage("docs/operate/deploying.md"), "Run it with systemd");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ampho-unit-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The values of a setting, in the order of the file. */
const settings = (name: string) =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);

function makeKey(file: string): void {
  const { status, stderr } = spawnSync(process.execPath, [program, "sec-gen-key", "-o", file], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

describe("the unit, when the program ends by itself", () => {
  /** Its command in its environment, with `%d` as `credentials` and an empty `%i`, as in ampho.service. */
  function start(credentials: string, changed: NodeJS.ProcessEnv = {}) {
    const [, main = "", ...rest] = settings("ExecStart")[0]?.split(" ") ?? [];
    expect(main).toBe("/opt/ampho/node_modules/ampho/dist/cli/main.js");
    const lines = settings("Environment").map((line) => line.replace("%d", credentials).replace("%i", "").split("="));
    const env = { ...Object.fromEntries(lines.map(([name, ...value]) => [name, value.join("=")])), ...changed };
    return spawnSync(process.execPath, [program, ...rest], { cwd: folder, env, encoding: "utf8" });
  }
  const left = settings("RestartPreventExitStatus").flatMap((line) => line.split(" "));

  it("the unit does not restart a program whose key cannot be used, because another start does not fix that", () => {
    const credentials = path.join(folder, "wrong");
    mkdirSync(credentials);
    writeFileSync(path.join(credentials, "key.json"), '{"not":"a key"}');
    const { status, stderr } = start(credentials);
    expect(stderr).toMatch(/AMPHO_SECURITY_KEY_FILE .*cannot be used/);
    expect(left).toContain(String(status));
  });

  it("the unit restarts the program while the database is unreachable, without a limit", async () => {
    const credentials = path.join(folder, "right");
    mkdirSync(credentials);
    makeKey(path.join(credentials, "key.json"));
    const url = `postgres://ampho:none@127.0.0.1:${await freePort()}/ampho`;
    const { status, stderr } = start(credentials, { AMPHO_DATABASE_URL: url });
    expect(stderr).toMatch(/PostgreSQL is unreachable/);
    expect(status).not.toBe(0);
    expect(left).not.toContain(String(status));
    expect(settings("Restart")).toEqual(["always"]);
    expect(settings("StartLimitIntervalSec")).toEqual(["0"]);
  });
});

describe("the administrator's command", () => {
  const script = /<<'EOF'\n(#!\/bin\/sh[\s\S]*?)^EOF$/m.exec(page)?.[1] ?? "";

  function run(at: string, ...args: readonly string[]) {
    const text = script.replaceAll("/etc/ampho", `${at}/etc`).replaceAll("/opt/ampho/node_modules/.bin", at);
    writeFileSync(path.join(at, "command"), text, { mode: 0o700 });
    const cwd = path.join(at, "cwd");
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}` };
    return spawnSync(path.join(at, "command"), args, { cwd, env, encoding: "utf8", input: "correct-horse-battery" });
  }

  function install(name: string): string {
    const at = path.join(folder, name);
    for (const each of ["etc", "cwd", "state"]) mkdirSync(path.join(at, each), { recursive: true });
    makeKey(path.join(at, "etc/key.json"));
    symlinkSync(program, path.join(at, "ampho"));
    return at;
  }

  it("the administrator's command works on the database of the service from any folder", () => {
    const at = install("file");
    const [, env = ""] = /<<'EOF'\n(AMPHO_DATABASE_URL='sqlite:[\s\S]*?)^EOF$/m.exec(page) ?? [];
    expect(env).toContain("/var/lib/ampho/");
    expect(settings("Environment").join("\n")).toContain(/sqlite:[^']*/.exec(env)?.[0]);
    writeFileSync(path.join(at, "etc/ampho.env"), env.replace("/var/lib/ampho", `${at}/state`));
    const { status, stderr } = run(at, "user-add", "alice", "--password-stdin");
    expect(status, stderr).toBe(0);
    expect(existsSync(path.join(at, "state/ampho.db"))).toBe(true);
    expect(existsSync(path.join(at, "cwd/ampho.db"))).toBe(false);
  });

  it("the administrator's command accepts a URL with several parameters as systemd does", async () => {
    const at = install("url");
    const [, env = ""] = /<<'EOF'\n(AMPHO_DATABASE_URL='postgres:[\s\S]*?)^EOF$/m.exec(page) ?? [];
    const away = `127.0.0.1:${await freePort()}`;
    writeFileSync(path.join(at, "etc/ampho.env"), env.replace("@db/", `@${away}/`).replace("?", "?connect_timeout=4&"));
    const { status, stderr } = run(at, "user-list");
    expect(stderr).toMatch(/PostgreSQL is unreachable/);
    expect(status).toBe(1);
    expect(existsSync(path.join(at, "cwd/ampho.db"))).toBe(false);
  });

  it("the administrator's command does nothing where it does not know the database of the service", () => {
    const at = install("nothing");
    const { status } = run(at, "user-add", "alice", "--password-stdin");
    expect(status).not.toBe(0);
    expect(existsSync(path.join(at, "cwd/ampho.db"))).toBe(false);
  });
});
