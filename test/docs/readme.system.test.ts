// The two commands of the README, in a copy of the repository as a container has it. It is in a folder of its user alone, with
// an empty HOME and a TMPDIR. The commands install everything, so they take a while.
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { startGroup } from "../world/process-group.js";
import { pause } from "../world/wait.js";
import { blocks, environment, root } from "./readme.js";

/** The cache of npm is not below the empty HOME, so that the packages are downloaded only once. */
const cache = () => execFileSync("npm", ["config", "get", "cache"], { encoding: "utf8" }).trim();

it("the two commands lead from a copy of the repository to a login and to tests that succeed", {
  timeout: 900_000,
}, async () => {
  const [, use = ""] = blocks("sh");
  const place = freshFolder();
  // As /root.
  chmodSync(place, 0o700);
  const [folder, home, temporary] = ["ampho", "home", "tmp"].map((name) => path.join(place, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [folder, home, temporary]) mkdirSync(each);
  const env = { ...environment, HOME: home, TMPDIR: temporary, npm_config_cache: cache() };
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of files.split("\n").filter((name) => name !== "" && existsSync(path.join(root, name)))) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: folder, encoding: "utf8" });
  git("init", "--quiet");
  git("add", "--all");
  const port = await freePort();
  const { child: started, end } = startGroup("npm", ["start"], {
    cwd: folder,
    env: { ...env, AMPHO_PORT: String(port) },
  });
  try {
    let output = "";
    started.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    let url = "";
    started.stdout.on("data", (chunk: Buffer) => {
      url += chunk.toString();
    });
    while (!url.includes(`http://127.0.0.1:${port}`)) {
      if (started.exitCode !== null) throw new Error(`npm start ended with ${started.exitCode}: ${output}`);
      await pause(100);
    }
    const [login = "", session = ""] = output.split("\n").filter((line) => line.startsWith("  curl "));
    const pasted = use.replace("127.0.0.1:3000", `127.0.0.1:${port}`).replace(/^npm test.*$/m, "");
    const grants = [pasted, login].map(
      (line) =>
        JSON.parse(execFileSync("sh", ["-c", line], { cwd: folder, encoding: "utf8" })) as Record<string, unknown>,
    );
    const [grant = {}] = grants;
    for (const each of grants)
      for (const member of ["starts", "expires", "ttl", "leeway"])
        expect(Number.isInteger(each[member]), member).toBe(true);
    const seen = execFileSync("sh", ["-c", session], {
      encoding: "utf8",
      env: { ...environment, TOKEN: String(grant["token"]) },
    });
    expect(JSON.parse(seen)).toMatchObject({ login: "alice", roles: ["reader"] });
  } finally {
    end();
  }
  // A file that needs PostgreSQL, and one that starts processes.
  const tests = ["test/gate/renewal-limits.test.ts", "test/cli/throttle.test.ts"];
  const tested = execFileSync("npm", ["test", "--", ...tests], {
    cwd: folder,
    env,
    encoding: "utf8",
    timeout: 600_000,
  });
  expect(tested).toMatch(/Test Files .*2 passed/);
  expect(git("status", "--porcelain").replaceAll(/^A .*\n/gm, "")).toBe("");
});
