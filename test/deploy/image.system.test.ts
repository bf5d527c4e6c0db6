// deploy/Dockerfile, checked against rules and run without a daemon: its steps in folders, and its command as another user
// on a tree that is read-only.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freePort } from "../world/free-port.js";
import { type PostgresServer, startPostgres } from "../world/postgres.js";
import { all, copyOf, readDockerfile, words } from "./dockerfile.js";

interface LockEntry {
  readonly version: string;
  readonly integrity: string;
}

const root = path.resolve(import.meta.dirname, "../..");
const file = path.join(root, "deploy/Dockerfile");
const stages = readDockerfile(file);
const last = stages.at(-1);

describe("the Dockerfile", () => {
  it("the Dockerfile builds on one image of an exact version, the smallest with its libc", () => {
    const bases = new Set(stages.map(({ base }) => base));
    expect(bases.size).toBe(1);
    expect([...bases][0]).toMatch(/^node:\d+\.\d+\.\d+-\w+-slim$/);
  });

  it("the Dockerfile ends as a numeric user other than root", () => {
    expect(all(last, "USER")).toEqual(["1000:1000"]);
    const behind = last?.instructions.slice(last.instructions.findIndex(({ name }) => name === "USER") + 1);
    expect(behind?.map(({ name }) => name)).toEqual(["EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"]);
  });

  it("the Dockerfile runs node without a shell, for the server and for its health check", () => {
    const [health = ""] = all(last, "HEALTHCHECK");
    for (const rest of [health, ...all(last, "ENTRYPOINT")]) expect(words(rest)[0]).toBe("node");
    expect(words(all(last, "CMD")[0] ?? "")).toContain("serve");
  });

  it("the Dockerfile copies only packages and the program into the image", () => {
    expect(all(last, "RUN")).toEqual([]);
    expect(all(last, "ADD")).toEqual([]);
    const copied = all(last, "COPY").map(copyOf);
    expect(copied.flatMap(({ sources }) => sources)).toEqual([
      "package.json",
      "LICENSE",
      "/packages/node_modules",
      "/build/dist",
    ]);
  });

  it("the Dockerfile copies only files that exist and that the ignore file allows", () => {
    const allowed = readFileSync(`${file}.dockerignore`, "utf8").split("\n");
    expect(allowed.filter((line) => /^[^#!]/.test(line))).toEqual(["*"]);
    for (const stage of stages)
      for (const { from, sources } of all(stage, "COPY").map(copyOf))
        for (const source of from === undefined ? sources : []) {
          expect(existsSync(path.join(root, source)), source).toBe(true);
          expect(allowed).toContain(`!${source.replace("./", "")}`);
        }
  });

  it("the Dockerfile contains no secret, by argument or by environment", () => {
    for (const stage of stages) {
      expect(all(stage, "ARG")).toEqual([]);
      for (const rest of all(stage, "ENV")) expect(rest).not.toMatch(/KEY|PASSWORD|TOKEN|SECRET|URL/i);
    }
  });

  it("the Dockerfile installs every package that the server can need, in the version that is tested here", () => {
    const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    const needed = ["pg", "nodemailer", "oauth4webapi"].map((name) => ` ${name}@${devDependencies[name]}`);
    expect(readFileSync(file, "utf8")).toContain(`${needed.join("")}\n`);
  });
});

describe("the image", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-image-"));
  let database: PostgresServer | undefined;
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await database?.stop();
  });

  /** The folder that stands for a path of a stage. Each stage has a root of its own. */
  const inside = (stage: string | undefined, absolute: string) => path.join(folder, stage ?? "image", absolute);

  function play(): void {
    for (const { name: stage, instructions } of stages) {
      let cwd = "/";
      for (const { name, rest } of instructions) {
        if (name === "WORKDIR") {
          cwd = rest;
          mkdirSync(inside(stage, cwd), { recursive: true });
        } else if (name === "RUN") {
          const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], npm_config_prefer_offline: "true" };
          execFileSync("sh", ["-c", rest], { cwd: inside(stage, cwd), env, stdio: "pipe" });
        } else if (name === "COPY") {
          const { from, sources, target } = copyOf(rest);
          for (const source of sources) {
            const place = from === undefined ? path.join(root, source) : inside(from, source);
            const into = path.join(inside(stage, cwd), target, target.endsWith("/") ? path.basename(source) : "");
            cpSync(place, into, { recursive: true, verbatimSymlinks: true });
          }
        }
      }
    }
  }

  it("the image builds with these steps, is small, and serves PostgreSQL as an unprivileged user on a read-only tree", {
    timeout: 300_000,
  }, async () => {
    play();
    const app = inside(undefined, "/app");
    const kilobytes = Number(execFileSync("du", ["-sk", app], { encoding: "utf8" }).split("\t")[0]);
    expect(kilobytes).toBeLessThan(24_000);
    expect(existsSync(path.join(app, "node_modules/typescript"))).toBe(false);
    const locked = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
    const { packages } = JSON.parse(readFileSync(path.join(app, "node_modules/.package-lock.json"), "utf8"));
    for (const [place, { version, integrity }] of Object.entries<LockEntry>(packages))
      expect(locked[place], place).toMatchObject({ version, integrity });

    database = await startPostgres();
    const own = await database.database();
    await own.empty();
    const isRoot = process.getuid?.() === 0;
    // The folder of the tests is private, so the user of the image needs access.
    chmodSync(folder, 0o755);
    execFileSync("chmod", ["-R", "a-w,a+rX", app]);
    const port = await freePort();
    const as = isRoot ? ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--no-new-privs"] : [];
    // The tree and node have other paths here.
    const here = (word: string) => (word === "node" ? process.execPath : word.replace(/^\/app\//, `${app}/`));
    const command = [...words(all(last, "ENTRYPOINT")[0] ?? ""), ...words(all(last, "CMD")[0] ?? "")].map(here);
    const key = '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}';
    const env = {
      PATH: process.env["PATH"],
      ...Object.fromEntries(all(last, "ENV").map((rest) => rest.split("="))),
      AMPHO_SECURITY_KEY: key,
      AMPHO_DATABASE_URL: own.runtimeUrl,
      AMPHO_PORT: String(port),
    };
    const [first = "", ...rest] = [...as, ...command];
    const child = spawn(first, rest, { cwd: app, env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "close");
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    try {
      await Promise.race([once(child.stdout, "data"), ended.then(() => Promise.reject(new Error(said)))]);
      expect(
        isRoot ? execFileSync("ps", ["-o", "uid=", "-p", String(child.pid)], { encoding: "utf8" }).trim() : "1000",
      ).toBe("1000");
      expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
      // The pages give commands this path, which images of applications have too.
      const page = readFileSync(path.join(root, "docs/operate/signing-keys.md"), "utf8");
      const [, main = ""] = /exec deployment\/ampho -- node (\S+)/.exec(page) ?? [];
      const version = execFileSync(process.execPath, [main, "--version"], { cwd: app, encoding: "utf8" });
      expect(version).toContain(JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).version);
      const health = words(all(last, "HEALTHCHECK")[0] ?? "").map(here);
      const check = (port: string) =>
        execFileSync(health[0] ?? "", health.slice(1), { env: { AMPHO_PORT: port }, stdio: "pipe" });
      check(String(port));
      expect(() => check("1")).toThrow(/Command failed/);
    } finally {
      child.kill("SIGTERM");
    }
    expect((await ended)[0]).toBe(0);
  });
});
