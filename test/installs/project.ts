// A new project with the packed tarball and other packages in it, installed as its user would.
import type { SpawnSyncReturns } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";
import { startGroup } from "../world/process-group.js";
import { packed } from "../world/use-shared.js";
import { pause } from "../world/wait.js";

const root = path.resolve(import.meta.dirname, "../..");
export const password = "violet kettle harbour morning";

/** A copy of the example `name`, as it is in the repository. */
export function copyExample(name: string): string {
  const folder = freshFolder();
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", `examples/${name}`], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of files.trim().split("\n")) {
    const target = path.join(folder, path.relative(`examples/${name}`, file));
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(path.join(root, file), target);
  }
  return folder;
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

/** Runs a command of the project in a shell, on that version of Node or on the present one. */
export function shell(folder: string, command: string, env: NodeJS.ProcessEnv = {}, node?: string) {
  const [program, ...args] = onNode(command, node);
  const result = spawnSync(program, args, { cwd: folder, env: environment(folder, env), encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} ended with ${result.status}:\n${said(result)}`);
  return result;
}

const said = ({ stdout, stderr }: SpawnSyncReturns<string>) => `${stdout}\n${stderr}`.slice(-8000);

function onNode(command: string, node: string | undefined): readonly [string, ...string[]] {
  return node === undefined ? ["sh", "-c", command] : ["npx", "-y", "-p", `node@${node}`, "-c", command];
}

/** Passes on only what finds programs and the certificates for downloads, nothing else of the environment of the tests. */
function environment(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env;
  return { HOME, NODE_EXTRA_CA_CERTS, PATH: `${path.join(folder, "node_modules/.bin")}:${PATH}`, CI: "1", ...env };
}

/** Runs a server while `use` runs, and ends it with all of its processes. */
export async function serving<T>(
  start: { folder: string; command: string; env: NodeJS.ProcessEnv; node?: string | undefined; url: string },
  use: () => Promise<T>,
): Promise<T> {
  const [program, ...args] = onNode(start.command, start.node);
  const { child, end } = startGroup(program, args, {
    cwd: start.folder,
    env: environment(start.folder, start.env),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    for (let tries = 0; child.exitCode === null && tries < 300; tries++) {
      if (await responds(start.url)) return await use();
      await pause(200);
    }
    throw new Error(`${start.command} does not respond`);
  } catch (error) {
    throw new Error(`the server printed:\n${output.slice(-6000)}`, { cause: error });
  } finally {
    end();
    await ended;
  }
}

const responds = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );

/** The tarball, and the package for SQLite, which Node 20 does not have itself. */
export const packedWithSqlite = async (): Promise<string> => `${await packed()} @photostructure/sqlite@1`;
