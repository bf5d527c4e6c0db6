// The first command of the README, in a copy of the repository. It installs everything, so it takes a while.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { blocks, environment, root } from "./readme.js";

it("the first command leads from a copy of the repository to a login", { timeout: 240_000 }, async () => {
  expect(blocks("sh")).toContain("npm start\n");
  const folder = freshFolder();
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of files.split("\n").filter((name) => /^(src|scripts|package|tsconfig)/.test(name))) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  const port = await freePort();
  const started = spawn("npm", ["start"], {
    cwd: folder,
    env: { ...environment, AMPHO_PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
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
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const [login = "", session = ""] = output.split("\n").filter((line) => line.startsWith("  curl "));
    const granted = execFileSync("sh", ["-c", login], { encoding: "utf8" });
    const grant = JSON.parse(granted) as Record<string, unknown>;
    for (const member of ["starts", "expires", "ttl", "leeway"])
      expect(Number.isInteger(grant[member]), member).toBe(true);
    const seen = execFileSync("sh", ["-c", session], {
      encoding: "utf8",
      env: { ...environment, TOKEN: String(grant["token"]) },
    });
    expect(JSON.parse(seen)).toMatchObject({ login: "alice", roles: ["reader"] });
  } finally {
    if (started.pid !== undefined) process.kill(-started.pid, "SIGKILL");
  }
});
