// The packed tarball installed by each package manager. The command creates a key and a user, and the server accepts her login.
import { beforeAll, describe, expect, it } from "vitest";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { packedWithSqlite, password, serving, shell, write } from "./project.js";

let tarball = "";
beforeAll(async () => {
  tarball = await packedWithSqlite();
});

/** pnpm asks about install scripts: docs/dependencies.md. */
const response = { "pnpm-workspace.yaml": 'allowBuilds:\n  "@photostructure/sqlite": false\n' };
const yarn4 = "npx -y -p @yarnpkg/cli-dist@4.18.1 yarn";
/** `run` precedes the command where there is no `node_modules/.bin`. */
const managers: readonly Manager[] = [
  { name: "npm", command: (file) => `npm install --no-audit --no-fund ${file}` },
  { name: "pnpm", command: (file) => `npx -y -p pnpm@12.21.0 pnpm add ${file}`, files: response },
  { name: "Yarn 1", command: (file) => `npx -y -p yarn@1.22.22 yarn add ${file}` },
  { name: "Yarn 4, Plug'n'Play", command: (file) => `${yarn4} add ampho@file:${file}`, run: `${yarn4} ` },
  {
    name: "Yarn 4, node_modules",
    command: (file) => `${yarn4} add ampho@file:${file}`,
    files: { ".yarnrc.yml": "nodeLinker: node-modules\n" },
  },
  { name: "Bun", command: (file) => `npx -y -p bun@1.4.5 bun add ${file}` },
];
interface Manager {
  readonly name: string;
  readonly command: (file: string) => string;
  readonly files?: Readonly<Record<string, string>>;
  readonly run?: string;
}

describe.each(managers)("$name", ({ command, files = {}, run = "" }) => {
  it("$name installs a working package", async () => {
    const folder = freshFolder();
    write(folder, { "package.json": '{ "name": "project", "version": "1.0.0", "private": true }' });
    write(folder, files);
    // In CI, Yarn 4 would reject the lock file that does not exist yet.
    shell(folder, command(tarball), { YARN_ENABLE_IMMUTABLE_INSTALLS: "false", YARN_ENABLE_TELEMETRY: "false" });
    const ampho = `${run}ampho`;
    const key = shell(folder, `${ampho} sec-gen-key`).stdout;
    expect(JSON.parse(key)).toMatchObject({ kty: "oct", alg: "HS256" });
    const env = { AMPHO_SECURITY_KEY: key.trim(), AMPHO_DATABASE_URL: "sqlite:ampho.db", NODE_ENV: "production" };
    shell(folder, `printf '%s' '${password}' | ${ampho} user-add alice --password-stdin`, env);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    await serving({ folder, command: `exec ${ampho} serve --port ${port}`, env, url }, async () => {
      const body = JSON.stringify({ login: "alice", password });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/api/security/login`, { method: "POST", headers, body });
      expect([response.status, (await response.json()).token_type]).toEqual([200, "Bearer"]);
    });
  });
});
