// Runs the commands of the README in a fresh copy, and its snippets in a project with Ampho installed.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { clientBytesMax } from "../client/bundle.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { blocks, environment, isNoFramework, readme, root } from "./readme.js";

/** A project with Ampho installed. */
function project(): string {
  const folder = freshFolder();
  mkdirSync(path.join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  symlinkSync("../ampho/dist/cli/main.js", path.join(folder, "node_modules/.bin/ampho"));
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return folder;
}

const password = "violet kettle harbour morning";

describe("the README", () => {
  it("the README shows the way to sign in within its first sixty lines, and has fewer than 150", () => {
    const lines = readme.split("\n");
    expect(lines.findIndex((line) => line.includes("to sign in"))).toBeLessThan(60);
    expect(lines.length).toBeLessThan(150);
  });

  it("the README begins with a clone, which needs no package", () => {
    expect(readme.match(/^## .*$/m)?.[0]).toBe("## Try it now");
    const [start = "", use = ""] = blocks("sh");
    expect(start).toMatch(/^npm start +#/);
    expect(use).toMatch(/^curl [\s\S]*\nnpm test +#/);
    expect(readme.indexOf("npm run pack")).toBeGreaterThan(readme.indexOf(use));
  });

  it("no tutorial has an option in code, where the commands would not find it", () => {
    const pages = ["README.md", "docs/getting-started.md", "docs/start/password.md", "docs/operate/application.md"];
    for (const page of pages) {
      const text = readFileSync(path.join(root, page), "utf8");
      const opened = text.match(/(?<=await )createAmpho\(.*|(?<== )lazyAmpho\(.*/g) ?? [];
      expect(opened.length, page).toBeGreaterThan(0);
      for (const call of opened) expect(call, page).toMatch(/^(createAmpho|lazyAmpho)\((config)?\)/);
    }
  });

  it("the badges of the README state facts of the package", () => {
    const text = (name: string) => readFileSync(path.join(root, `docs/pictures/badge-${name}.svg`), "utf8");
    const pack = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      readonly license: string;
      readonly dependencies: Readonly<Record<string, string>>;
      readonly exports: Readonly<Record<string, { readonly types?: string }>>;
    };
    expect(text("licence")).toContain(`<title>licence: ${pack.license}</title>`);
    // zod is inside the package.
    const installed = Object.keys(pack.dependencies).length - 1;
    expect(text("dependencies")).toContain(`<title>dependencies: ${installed}</title>`);
    expect(text("client")).toContain(`<title>browser client: under ${clientBytesMax / 1000} kB</title>`);
    expect(readme).toContain(`[![browser client: under ${clientBytesMax / 1000} kB]`);
    const guide = readFileSync(path.join(root, "docs/guides/client.md"), "utf8");
    expect(guide).toContain(`less than ${clientBytesMax / 1000} kB`);
    expect(text("types")).toContain("<title>types: included</title>");
    for (const [name, row] of Object.entries(pack.exports))
      if (name !== "./package.json") expect(row.types, name).toMatch(/\.d\.ts$/);
  });

  it("the README links every example and the section of its framework", () => {
    const rows = [
      ...readme.matchAll(/\[[^\]]+\]\(docs\/guides\/frameworks\.md#([^)]+)\): \[example\]\(examples\/([^)/]+)\)/g),
    ];
    const folders = readdirSync(path.join(root, "examples"), { withFileTypes: true }).filter((one) =>
      one.isDirectory(),
    );
    const names = folders.map(({ name }) => name).filter((name) => !isNoFramework(name));
    expect(rows.map(([, , example]) => example).sort()).toEqual(names.sort());
    const page = readFileSync(path.join(root, "docs/guides/frameworks.md"), "utf8");
    for (const [, heading, example] of rows)
      expect(page, example).toMatch(new RegExp(`\\(#${heading}\\).*\\.\\./\\.\\./examples/${example}/`));
  });

  it("the commands and the first snippets lead from an installed package to a server with pages", async () => {
    const folder = project();
    expect(blocks("sh").at(-1)).toMatch(/^npx ampho init/m);
    const [config = "", server = ""] = blocks("js");
    const port = await freePort();
    writeFileSync(path.join(folder, "ampho.config.js"), config);
    writeFileSync(path.join(folder, "server.js"), server.replace("listen(3000)", `listen(${port}, "127.0.0.1")`));
    const start = "npx ampho init && exec node --env-file=.env server.js";
    const shell = spawn("sh", ["-ec", start], { cwd: folder, env: environment, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    shell.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    try {
      const url = `http://127.0.0.1:${port}`;
      const get = (where: string, accept: string) =>
        fetch(url + where, { headers: { accept }, redirect: "manual" }).catch(() => undefined);
      await expect.poll(async () => (await get("/", "*/*"))?.status, { message: errors }).toBe(401);
      const page = await get("/", "text/html");
      expect(page?.status).toBe(303);
      const target = page?.headers.get("location") ?? "";
      expect(target).toMatch(/^\/account\/sign-in/);
      expect(await (await get(target, "text/html"))?.text()).toContain('name="password"');
      expect((await get("/account/register", "text/html"))?.status).toBe(200);
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
const { token } = await ampho.sessions.create(user.id, { authTime: Math.floor(Date.now() / 1000) });
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
