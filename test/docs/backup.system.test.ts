// Runs the commands of "Backup and restore" in docs/operate/incidents.md beside a running server. PostgreSQL is Debian's, because `pg_dump`
// reads no server that is newer than itself.
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, it, vi } from "vitest";
import { requireProgram } from "../deploy/programs.js";
import { binary, execute } from "../world/command.js";
import { installMs } from "../world/debian.js";
import { alice } from "../world/people.js";
import { startPostgresIn } from "../world/postgres.js";
import { bearer, type Grant, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Place, type Served, startServe } from "../world/serve.js";
import { serverFolder } from "../world/server-user.js";
import { readPage, section } from "./evidence.js";

const page = readPage("docs/operate/incidents.md");
const shellBlocks = (text: string) => [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
const backup = section(page, "Backup and restore");
/** The command of a paragraph. */
const spanIn = (paragraph: string, begins: string) => {
  const [, text = ""] = backup.split(`**${paragraph}.**`);
  return new RegExp(`\`(${begins}[^\`]*)\``).exec(text)?.[1] ?? "";
};

/** The programs of the newest installed version. */
function debianPostgres(): string {
  const root = "/usr/lib/postgresql";
  const find = () => {
    try {
      return readdirSync(root)
        .map((version) => path.join(root, version, "bin"))
        .filter((folder) => readdirSync(folder).includes("postgres"))
        .at(-1);
    } catch {
      return undefined;
    }
  };
  // The package also has this program.
  if (find() === undefined) requireProgram("pg_createcluster", "postgresql");
  const found = find();
  if (found === undefined) throw new Error("These tests need PostgreSQL: `apt-get install postgresql`.");
  return found;
}

function shellIn(cwd: string, env: Readonly<Record<string, string>>, programs = "") {
  const bin = path.join(cwd, "bin");
  mkdirSync(bin);
  symlinkSync(binary, path.join(bin, "ampho"));
  mkdirSync(path.join(cwd, "node_modules"));
  symlinkSync(path.resolve(import.meta.dirname, "../.."), path.join(cwd, "node_modules/ampho"));
  const search = [bin, programs, process.env["PATH"]].filter((each) => each !== "").join(":");
  return async (code: string, more: Readonly<Record<string, string>> = {}) => {
    const environment = { ...env, ...more, PATH: search, HOME: cwd };
    const { code: status, stderr } = await execute("bash", ["-euo", "pipefail", "-c", `umask 077\n${code}`], {
      cwd,
      env: environment,
    });
    expect(status, stderr).toBe(0);
    return stderr;
  };
}

const statusOf = async ({ url }: Served, { token }: Grant) =>
  (await fetch(`${url}/session`, { headers: bearer(token) })).status;

/** After `session-end --all`, running processes reject every earlier token, and each user of the backup can log in. */
async function expectRestored(served: Served, place: Place, grants: readonly Grant[]): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`${served.root}/readyz`)).status).toBe(200), { timeout: 60_000 });
  for (const grant of grants) {
    await vi.waitFor(async () => expect(await statusOf(served, grant)).toBe(401), { timeout: 60_000 });
    const renewed = await post(`${served.url}/renew`, { refresh_token: grant.refresh_token });
    expect([renewed.status, (await renewed.json()).error]).toEqual([401, "session_ended"]);
  }
  expect(await statusOf(served, await logIn(served))).toBe(200);
  const { stdout } = await command(place, ["user-list", "--json"]);
  expect(JSON.parse(stdout).map(({ login }: { login: string }) => login)).toEqual([alice.login]);
}

it("the commands back PostgreSQL up and restore it under a running process", {
  timeout: installMs,
}, async () => {
  const programs = debianPostgres();
  const [initdb, postgres] = [path.join(programs, "initdb"), path.join(programs, "postgres")];
  const server = await startPostgresIn(serverFolder("ampho-backup-"), [], [], { initdb, postgres });
  const { cwd } = freshPlace();
  const shell = shellIn(
    cwd,
    { PGHOST: "127.0.0.1", PGPORT: String(server.port), PGUSER: "postgres", PGPASSWORD: "of-the/tests@only" },
    programs,
  );
  const [, , database = "", files = "", schema = ""] = shellBlocks(readPage("docs/operate/fleet.md"));
  await shell(database + files + schema);
  const lines = readFileSync(path.join(cwd, "ampho.env"), "utf8").trim().split("\n");
  const place: Place = { cwd, env: Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2))) };
  await addUser(place);
  const served = await startServe(place);
  const [kept, over] = [await logIn(served), await logIn(served)];

  await shell(spanIn("PostgreSQL", "pg_dump"));
  expect(statSync(path.join(cwd, "ampho.dump")).mode & 0o077).toBe(0);
  await addUser(place, { login: "bob", password: alice.password });
  const later = await logIn(served);
  await fetch(`${served.url}/logout`, { method: "POST", headers: bearer(over.token) });

  const [, restore = "", ...more] = shellBlocks(backup);
  expect(more).toEqual([]);
  await shell(restore, place.env);
  await expectRestored(served, place, [kept, over, later]);
  // The roles have the same permissions as before.
  expect(await command(place, ["doctor"])).toMatchObject({ code: 0 });
  expect((await served.stop("SIGINT")).code).toBe(0);
  await server.stop();
});

it("the command backs SQLite up under a running process, and the copy is restored while none runs", {
  timeout: installMs,
}, async () => {
  requireProgram("sqlite3", "sqlite3");
  const place = freshPlace({ AMPHO_DATABASE_URL: "sqlite:ampho.db" });
  const shell = shellIn(place.cwd, place.env);
  await addUser(place);
  const served = await startServe(place);
  const kept = await logIn(served);
  await shell(spanIn("SQLite", "sqlite3"));
  expect(statSync(path.join(place.cwd, "copy.db")).mode & 0o077).toBe(0);
  await addUser(place, { login: "bob", password: alice.password });
  const later = await logIn(served);
  await served.stop("SIGINT");

  const [restore = ""] = shellBlocks(backup);
  await shell(restore);
  const again = await startServe(place);
  await expectRestored(again, place, [kept, later]);
  expect(await command(place, ["doctor"])).toMatchObject({ code: 0 });
  expect((await again.stop("SIGINT")).code).toBe(0);
});
