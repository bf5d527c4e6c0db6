// Follows docs/getting-started.md, which begins with an empty folder, on a machine on which npm has downloaded nothing yet.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { packedWithSqlite } from "../installs/project.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { environment, root } from "./readme.js";
import {
  password,
  type RunningServer,
  readStartPage,
  type StartPage,
  startPages,
  startServer,
  usePage,
  withPort,
  writeFiles,
} from "./start.js";

/**
 * The commands with the packed tarball in place of the published package, and with the versions of the example. Otherwise
 * the test would fail with the next release of a framework.
 */
async function pinned(prepare: string, { example }: StartPage): Promise<string> {
  const { dependencies } = JSON.parse(readFileSync(path.join(root, "examples", example, "package.json"), "utf8"));
  const tarball = await packedWithSqlite();
  return prepare.replace(/^npm install (.*)$/gm, (_, names: string) => {
    const packages = names.split(" ").map((name) => (name === "ampho" ? tarball : `${name}@${dependencies[name]}`));
    return `npm install ${packages.join(" ")}`;
  });
}

/** The user and system time of the children of a shell, from what its `times` prints last. */
function childSeconds(output: string): number {
  const [, ...parts] = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(output) ?? [];
  const [userMinutes = Number.NaN, user = 0, systemMinutes = 0, system = 0] = parts.map(Number);
  return (userMinutes + systemMinutes) * 60 + user + system;
}

describe.each(startPages)("$framework", (page) => {
  let preparedSeconds = Number.NaN;
  let folder = "";
  let server: RunningServer;

  usePage(page, async () => {
    const parent = freshFolder();
    const cache = path.join(parent, "npm-cache");
    const port = await freePort();
    const env = { ...environment, npm_config_cache: cache, NEXT_TELEMETRY_DISABLED: "1" };
    const { prepare, start } = readStartPage(page);
    const startedMs = performance.now();
    const { stdout, stderr, status } = spawnSync(
      "sh",
      ["-ec", `${withPort(await pinned(prepare, page), port)}\ntimes`],
      {
        cwd: parent,
        env,
        encoding: "utf8",
      },
    );
    expect(status, `${stdout}\n${stderr}`).toBe(0);
    preparedSeconds = childSeconds(stdout);
    console.log(`${page.framework}: ${Math.round((performance.now() - startedMs) / 1000)} s to install and prepare`);
    folder = path.join(parent, "shop");
    writeFiles(folder, page, port);
    server = startServer(withPort(start, port), folder, env);
    const ampho = (...args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync("npx", ["ampho", ...args], {
        cwd: folder,
        env,
        encoding: "utf8",
        input: password,
      });
      expect(status, `${stdout}\n${stderr}`).toBe(0);
      return stdout + stderr;
    };
    return { url: `http://localhost:${port}`, server, ampho };
  });

  if (page.example === "next")
    it("the application is built for production with the .env of ampho init", () => {
      const env = { ...environment, NEXT_TELEMETRY_DISABLED: "1" };
      const { stdout, stderr, status } = spawnSync("npx", ["next", "build"], { cwd: folder, env, encoding: "utf8" });
      expect(status, `${stdout}\n${stderr}`).toBe(0);
    });

  // The time of the processors, because the wall clock depends on the network and on what else this machine does.
  it("the way from the empty folder to the protected page takes less than three minutes of machine time", () => {
    const seconds = preparedSeconds + server.seconds();
    console.log(`${page.framework}: ${Math.round(seconds)} s of processor time`);
    expect(seconds).toBeLessThan(180);
  });
});
