// A Worker in workerd, the runtime of Cloudflare Workers, with `nodejs_compat`.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

export interface Worker {
  readonly url: string;
  stop(): void;
}

/** Returns the path of the binary. npm does not install it for every platform. */
function workerd(): string {
  const require = createRequire(createRequire(import.meta.url).resolve("workerd"));
  return require.resolve(
    `@cloudflare/workerd-${process.platform}-${process.arch === "x64" ? "64" : process.arch}/bin/workerd`,
  );
}

/** Starts a Worker from one ES module. `bindings` are texts in its `env`. It can fetch from this machine. */
export async function serveInWorkerd(script: string, bindings: Readonly<Record<string, string>>): Promise<Worker> {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-workerd-"));
  const texts = Object.keys(bindings).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  writeFileSync(path.join(folder, "worker.mjs"), script);
  writeFileSync(
    path.join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
     const config :Workerd.Config = (
       services = [ (name = "main", worker = .main), (name = "net", network = (allow = ["private", "local"])) ],
       sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ]
     );
     const main :Workerd.Worker = (
       modules = [ (name = "worker", esModule = embed "worker.mjs") ],
       bindings = [ ${texts.join(", ")} ],
       globalOutbound = "net",
       compatibilityDate = "2026-01-01",
       compatibilityFlags = ["nodejs_compat"]
     );`,
  );
  const child = spawn(workerd(), ["serve", "config.capnp", "--control-fd=3"], {
    cwd: folder,
    env: bindings,
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  const control = child.stdio[3];
  if (control === null || control === undefined || !("setEncoding" in control)) throw new Error("no control channel");
  for await (const line of control.setEncoding("utf8")) {
    const match = /"port":\s*(\d+)/.exec(String(line));
    if (match !== null) return { url: `http://127.0.0.1:${match[1]}`, stop };
  }
  stop();
  throw new Error("workerd ended before it was ready");
}
