// Runs the commands of the README in a fresh copy, and its snippets in a project with Ampho installed.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-readme-"));
  folders.push(folder);
  return folder;
}

function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, code = ""]) => code);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The environment without the variables of Ampho and of the test runner. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(AMPHO_|npm_|NODE_ENV$|VITEST)/.test(name)),
);

/** A project with Ampho installed. */
function project(): string {
  const folder = scratch();
  mkdirSync(path.join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  symlinkSync("../ampho/dist/cli/main.js", path.join(folder, "node_modules/.bin/ampho"));
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return folder;
}

const password = "violet kettle harbour morning";

describe("the README", () => {
  it("the README has fewer than a hundred lines", () => {
    expect(readme.split("\n").length).toBeLessThan(100);
  });

  it("the README links every example and the section of its framework", () => {
    const rows = [...readme.matchAll(/\[[^\]]+\]\(docs\/frameworks\.md#([^)]+)\): \[example\]\(examples\/([^)/]+)\)/g)];
    const folders = readdirSync(path.join(root, "examples"), { withFileTypes: true }).filter((one) =>
      one.isDirectory(),
    );
    const names = folders.map(({ name }) => name).filter((name) => name !== "full");
    expect(rows.map(([, , example]) => example).sort()).toEqual(names.sort());
    const page = readFileSync(path.join(root, "docs/frameworks.md"), "utf8");
    for (const [, heading, example] of rows)
      expect(page, example).toMatch(new RegExp(`\\(#${heading}\\).*\\.\\./examples/${example}/`));
  });

  it("the first command leads from a copy of the repository to a login", { timeout: 240_000 }, async () => {
    expect(blocks("sh")[0]).toBe("npm start\n");
    const folder = scratch();
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

  it("the commands and the first snippet lead from an installed package to a guarded server", async () => {
    const folder = project();
    const [, , install = ""] = blocks("sh");
    const [, ...commands] = install.trim().split("\n");
    // The package is already installed. The password comes from stdin, because there is no terminal.
    const script = commands.join("\n").replace(/user-add alice.*/, "user-add alice --password-stdin");
    const port = await freePort();
    const server = blocks("js")[0] ?? "";
    writeFileSync(path.join(folder, "server.mjs"), server.replace("listen(3000)", `listen(${port}, "127.0.0.1")`));
    const shell = spawn("sh", ["-ec", `${script}\nexec node server.mjs`], {
      cwd: folder,
      env: environment,
      stdio: ["pipe", "ignore", "pipe"],
    });
    let errors = "";
    shell.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    try {
      shell.stdin.end(password);
      const base = `http://127.0.0.1:${port}`;
      const reach = async (): Promise<Response> => {
        for (;;) {
          if (shell.exitCode !== null) throw new Error(`it ended with ${shell.exitCode}: ${errors}`);
          try {
            return await fetch(`${base}/hello`);
          } catch {
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
      };
      expect((await reach()).status).toBe(401);
      const login = await fetch(`${base}/api/security/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ login: "alice", password }),
      });
      const { token } = (await login.json()) as { token: string };
      const hello = await fetch(`${base}/hello`, { headers: { Authorization: `Bearer ${token}` } });
      expect(await hello.text()).toBe("Hello alice\n");
    } finally {
      shell.kill("SIGKILL");
    }
  });

  it("the wrapper and the decorators of the README compile and guard", () => {
    const folder = project();
    const [code = ""] = blocks("ts");
    const tail = `
import { toHandler } from "ampho";
const user = await ampho.users.create({ login: "alice", password: ${JSON.stringify(password)} });
const { token } = await ampho.sessions.create(user.id);
const request = (bearer?: string): Request =>
  new Request("http://localhost/", bearer === undefined ? {} : { headers: { Authorization: \`Bearer \${bearer}\` } });
const articles = new Articles();
const responses = [
  await GET(request(token)),
  await GET(request()),
  await toHandler(articles, "list")(request(token)),
  await toHandler(articles, "publish")(request(token)),
];
console.log(JSON.stringify(responses.map((response) => response.status)));
await ampho.close();
`;
    writeFileSync(path.join(folder, "app.ts"), code + tail);
    symlinkSync(path.join(root, "node_modules/@types"), path.join(folder, "node_modules/@types"));
    const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--skipLibCheck"];
    execFileSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), ...options, "app.ts"], {
      cwd: folder,
    });
    const output = execFileSync(process.execPath, ["app.js"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...environment, AMPHO_DATABASE_URL: "sqlite::memory:" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(JSON.parse(output)).toEqual([200, 401, 200, 403]);
  });
});
