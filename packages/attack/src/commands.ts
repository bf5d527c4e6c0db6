// Test users and service accounts by the command `ampho`, as an operator creates them. It runs where the instance is configured.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Failure } from "./failures.js";
import type { ServiceCommands } from "./test-services.js";
import type { UserCommands } from "./test-users.js";

/** A program with its first arguments, or a command for the shell. */
interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly shell: boolean;
}

/**
 * `typed`: a command for the shell, such as `docker exec -i api ampho`. Without it, the `ampho` of the folder or of PATH runs.
 * `role`: a role of every user.
 */
export function createCommands(
  cwd: string,
  typed: string | undefined,
  role: string | undefined,
): UserCommands & { readonly services: ServiceCommands } {
  const program = (typed === undefined ? installedIn(cwd) : undefined) ?? {
    command: typed ?? "ampho",
    args: [],
    shell: true,
  };
  const read = (args: readonly string[], stdin = "") => runOnce(program, args, cwd, stdin);
  const run = async (args: readonly string[], stdin?: string) => void (await read(args, stdin));
  return {
    create(login, password) {
      const args = ["user-add", login, ...(role === undefined ? [] : ["--role", role])];
      return password === undefined ? run(args) : run([...args, "--password-stdin"], password);
    },
    setPolicy: (login, policy) => run(["factor-policy", login, policy, "--reason", "attack-test"]),
    disable: (login) => run(["user-disable", login]),
    remove: (login) => run(["user-delete", login]),
    services: {
      add: (name, scopes) => read(["service-add", name, ...scopes.flatMap((scope) => ["--scope", scope])]),
      createApiKey: (name) => read(["service-api-key", name, "--days", "1"]),
      setPublicKey: (name, jwk) => run(["service-jwk", name, "-"], JSON.stringify(jwk)),
      disable: (name) => run(["service-disable", name]),
      remove: (name) => run(["service-delete", name]),
    },
  };
}

function installedIn(cwd: string): Program | undefined {
  try {
    const manifest = createRequire(path.join(cwd, "from.js")).resolve("ampho/package.json");
    const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly bin: { readonly ampho: string } };
    const file = path.join(path.dirname(manifest), bin.ampho);
    return { command: process.execPath, args: [file], shell: false };
  } catch {
    return undefined;
  }
}

/** Resolves to what the command prints. The arguments have only characters that no shell interprets. */
function runOnce(program: Program, args: readonly string[], cwd: string, stdin: string): Promise<string> {
  const { command, args: first, shell } = program;
  const child = spawn(command, [...first, ...args], {
    cwd,
    shell,
    // A command changes no schema.
    env: { ...process.env, AMPHO_DATABASE_MIGRATE: "off" },
    // Ctrl+C ends the attacks, and not a command that deletes a test user.
    detached: process.platform !== "win32",
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A command that fails can end before it has read its input.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        new Failure(
          `The command \`ampho ${args[0]}\` failed: ${reason}. Use --ampho, or --login and --password-stdin.`,
        ),
      );
    child.on("error", ({ message }) => fail(message));
    child.on("close", (code) => {
      if (code === 0) resolve(stdout.trim());
      else
        fail(
          stderr
            .trim()
            .replace(/^ampho: /, "")
            .replace(/\.$/, "") || `exit code ${code}`,
        );
    });
  });
}
