// "Four processes on PostgreSQL, from nothing" of docs/operating.md, followed to the letter: its blocks are one script, in which
// only the packages come from here and the ports are free ones.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireProgram } from "../deploy/programs.js";
import { freePort, type OwnServer, startOwnPostgres } from "../store/postgres-server.js";
import { readPage, section } from "./evidence.js";

const root = path.resolve(import.meta.dirname, "../..");
const page = section(readPage("docs/operating.md"), "Four processes on PostgreSQL, from nothing");
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
const programs = { psql: "postgresql-client", curl: "curl", openssl: "openssl" };

let folder = "";
let server: OwnServer;
beforeAll(async () => {
  for (const [program, debianPackage] of Object.entries(programs)) requireProgram(program, debianPackage);
  folder = mkdtempSync(path.join(tmpdir(), "ampho-from-nothing-"));
  server = await startOwnPostgres();
}, 300_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** As `npm install ampho pg` leaves them. */
function link(): void {
  mkdirSync(path.join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  symlinkSync(path.join(root, "node_modules/pg"), path.join(folder, "node_modules/pg"));
  symlinkSync("../ampho/dist/cli/main.js", path.join(folder, "node_modules/.bin/ampho"));
}

describe("four processes on PostgreSQL, from nothing", () => {
  it("have the roles of deploy/postgres/roles.sql", () => {
    const sql = /<<'SQL'\n([\s\S]*?)^SQL$/m.exec(blocks.join(""))?.[1];
    const file = readFileSync(path.join(root, "deploy/postgres/roles.sql"), "utf8").replace(/^--.*\n/gm, "");
    expect(sql).toBe(file);
  });

  it("come up by these commands alone, are one service, and end", { timeout: 120_000 }, async () => {
    link();
    const installing = "npm init --yes\nnpm install ampho pg\n";
    let script = blocks.join("");
    expect(script).toContain(installing);
    script = script.replace(installing, "");
    for (const port of ["3001", "3002", "3003", "3004"]) script = script.replaceAll(port, String(await freePort()));
    const ending = "\necho; echo jobs: $(jobs -p | wc -l)\nkill $(jobs -p); wait\necho ended\n";
    const env = {
      PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}`,
      HOME: folder,
      PGHOST: "127.0.0.1",
      PGPORT: String(server.port),
      PGUSER: "postgres",
      PGPASSWORD: "of-the/tests@only",
    };
    const child = spawn("bash", ["-euo", "pipefail", "-c", script + ending], { cwd: folder, env, detached: true });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    try {
      const [code] = await once(child, "close");
      expect(code, stderr).toBe(0);
    } finally {
      // Whatever it has left of its processes.
      if (child.pid !== undefined) endGroup(child.pid);
    }
    expect(stdout.match(/\{"status":"ok"/g)).toHaveLength(4);
    expect(stdout).toContain('"login":"alice"');
    expect(stdout).toContain('"error":"invalid_token"');
    expect(stdout).toMatch(/jobs: 4\nended\n$/);
    for (const file of ["owner.env", "ampho.env", "key.json"])
      expect(statSync(path.join(folder, file)).mode & 0o077, file).toBe(0);
  });
});

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended by themselves.
  }
}
