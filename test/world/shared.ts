// The packed package, one PostgreSQL server and the free ports, which all files of one run share. The process of Vitest
// creates each of them when the first file asks for it.
import { execFile } from "node:child_process";
import { accessSync, chmodSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { reservePort } from "./ports.js";
import { type OwnServer, startOwnPostgres } from "./postgres.js";

const variable = "SHARED_IN_THIS_RUN";
const root = path.resolve(import.meta.dirname, "../..");

let server: Server;
let folder: string;
let tarball: Promise<string> | undefined;
let postgres: Promise<OwnServer> | undefined;

async function pack(): Promise<string> {
  const into = mkdtempSync(path.join(folder, "packed-"));
  const source = path.join(into, "package");
  await promisify(execFile)(process.execPath, ["scripts/package.mjs", source], { cwd: root });
  await promisify(execFile)("npm", ["pack", "--pack-destination", into, source], { cwd: into });
  const name = readdirSync(into).find((each) => each.endsWith(".tgz"));
  if (name === undefined) throw new Error("npm pack created no tarball");
  return path.join(into, name);
}

/** By the path that a test process requests. */
const makers: Readonly<Record<string, () => Promise<string>>> = {
  "/tarball": () => {
    tarball ??= pack();
    return tarball;
  },
  "/postgres": async () => {
    // Three workers have a few pools and processes each.
    postgres ??= startOwnPostgres("max_connections=400");
    return (await postgres).url;
  },
  "/port": async () => String(await reservePort()),
};

const inMemory = "/dev/shm";
const roomBytes = 6 * 2 ** 30;

/**
 * The folder of all temporary files of the run. A disk that stalls for seconds is no fault of what is tested, so it is in
 * memory where that has room. No test ends the power, and a kill loses nothing there.
 */
function temporaryFolder(): string {
  try {
    accessSync(inMemory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize >= roomBytes ? inMemory : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Vitest calls it before the run, and `teardown` after it. */
export async function setup(project: TestProject): Promise<void> {
  folder = mkdtempSync(path.join(temporaryFolder(), "ampho-tests-"));
  // Servers that run as another user find their own folders in it.
  chmodSync(folder, 0o711);
  process.env["TMPDIR"] = folder;
  server = createServer((request, response) => {
    const make = makers[request.url ?? ""] ?? (() => Promise.reject(new Error("not found")));
    // A worker that a command has blocked for long would send its next request into a connection that ends.
    response.setHeader("Connection", "close");
    make().then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.env[variable] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Between two runs of the watch mode the package is built again.
  project.onTestsRerun(async () => {
    tarball = undefined;
  });
}

export async function teardown(): Promise<void> {
  server.closeAllConnections();
  server.close();
  await (await postgres)?.stop();
  rmSync(folder, { recursive: true, force: true });
}
