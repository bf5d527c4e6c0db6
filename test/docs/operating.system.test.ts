// Runs docs/operate/fleet.md. Its blocks are one script. Only three things are changed:
// the packages come from this repository, the ports are free ones, and Prometheus reads more often.
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireProgram } from "../deploy/programs.js";
import { freePort } from "../world/free-port.js";
import { startOwnPostgres } from "../world/postgres.js";
import { startGroup } from "../world/process-group.js";
import { usePostgres } from "../world/use-postgres.js";
import { readPage } from "./evidence.js";

const root = path.resolve(import.meta.dirname, "../..");
const page = readPage("docs/operate/fleet.md");
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
const programs = {
  psql: "postgresql-client",
  curl: "curl",
  openssl: "openssl",
  nginx: "nginx",
  prometheus: "prometheus",
  promtool: "prometheus",
};

let folder = "";
const server = usePostgres(startOwnPostgres);
beforeAll(async () => {
  for (const [program, debianPackage] of Object.entries(programs)) requireProgram(program, debianPackage);
  folder = mkdtempSync(path.join(tmpdir(), "ampho-from-nothing-"));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Links the packages that `npm install ampho pg` would install. */
function link(): void {
  mkdirSync(path.join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  symlinkSync(path.join(root, "node_modules/pg"), path.join(folder, "node_modules/pg"));
  symlinkSync("../ampho/dist/cli/main.js", path.join(folder, "node_modules/.bin/ampho"));
}

describe("four processes on PostgreSQL, from nothing", () => {
  it("docs/operate/postgresql.md shows the roles of deploy/postgres/roles.sql", () => {
    const [, sql = ""] = /^```sql\n(create role[\s\S]*?)^```$/m.exec(readPage("docs/operate/postgresql.md")) ?? [];
    const file = readFileSync(path.join(root, "deploy/postgres/roles.sql"), "utf8").replace(/^--.*\n/gm, "");
    expect(sql).toBe(file.replace(/:'\w+'/g, "'…'").replace("\\connect", "\\c"));
  });

  it("the commands start four processes that are one service, rotate the key, restart and end", {
    timeout: 120_000,
  }, async () => {
    link();
    const [prerequisites = "", ...rest] = blocks;
    // The programs above are what this block installs.
    expect(prerequisites).toMatch(/^sudo apt-get install postgresql nginx prometheus curl openssl\n/);
    const installing = "npm init --yes\nnpm install --ignore-scripts ampho pg\n";
    let script = rest.join("");
    const change = (from: string, to: string) => {
      expect(script).toContain(from);
      script = script.replaceAll(from, to);
    };
    change(installing, "");
    change("scrape_interval: 15s", "scrape_interval: 1s");
    const ports = new Map<string, string>();
    for (const port of ["3001", "3002", "3003", "3004", "8443", "9099"]) ports.set(port, String(await freePort()));
    for (const [port, free] of ports) change(port, free);
    const upstreams = [...ports].map(([port, free]) => `-e s/127.0.0.1:${port}/127.0.0.1:${free}/`).join(" ");
    change("  node_modules/ampho/deploy/nginx/ampho.conf", `  ${upstreams} node_modules/ampho/deploy/nginx/ampho.conf`);
    const ending = "\necho; echo jobs: $(jobs -p | wc -l)\nkill $(jobs -p); wait\necho ended\n";
    const env = {
      PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}`,
      HOME: folder,
      PGHOST: "127.0.0.1",
      PGPORT: String(server.port),
      PGUSER: "postgres",
      PGPASSWORD: "of-the/tests@only",
    };
    const { child, end } = startGroup("bash", ["-euo", "pipefail", "-c", script + ending], { cwd: folder, env });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // Not "close", because processes that a failure leaves running keep its output open.
    const [code] = await once(child, "exit").finally(end);
    expect(code, stderr).toBe(0);
    // Four start, then the balancer, then four restart.
    expect(stdout.match(/\{"status":"ok"/g)).toHaveLength(9);
    expect(stdout).toContain('"login":"alice"');
    expect(stdout).toContain('"error":"invalid_token"');
    expect(stdout).toContain('"refresh_token":');
    expect(stderr).toContain("Nothing is wrong.");
    expect(stdout).toContain("SUCCESS: 1 rule files found");
    expect(stdout.match(/serve-\d+\.log:1\n/g)).toHaveLength(4);
    expect(stderr).toMatch(/is next\. It verifies and does not sign yet/);
    expect(stdout).toMatch(/jobs: 6\nended\n$/);
    for (const file of ["owner.env", "ampho.env", "key.json", "metrics-token", "tls.key"])
      expect(statSync(path.join(folder, file)).mode & 0o077, file).toBe(0);
  });
});
