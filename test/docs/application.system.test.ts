// Runs the code and the commands of docs/operate/application.md, on a PostgreSQL of its own. The parts that need root, Docker or a
// cluster are compared with the files that they use.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { parameters } from "../../dist/config/parameters.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { requireProgram } from "../deploy/programs.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { freePort } from "../world/free-port.js";
import { startOwnPostgres } from "../world/postgres.js";
import { usePostgres } from "../world/use-postgres.js";
import { readPage, section } from "./evidence.js";
import { environment, root } from "./readme.js";
import { snippets } from "./snippets.js";

const file = "docs/operate/application.md";
const page = readPage(file);
const code = snippets(file, "server.js", "app/readyz/route.js");
const commandsOf = (title: string) =>
  [...section(page, title).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
const manifest = (name: string) =>
  parseAllDocuments(readFileSync(path.join(root, "deploy/kubernetes", name), "utf8")).map((each) => each.toJS());

const server = usePostgres(startOwnPostgres);
let consumer: Consumer;
beforeAll(async () => {
  requireProgram("psql", "postgresql-client");
  requireProgram("openssl", "openssl");
  consumer = await installPacked();
  writeFileSync(path.join(consumer.folder, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(code)) {
    mkdirSync(path.dirname(path.join(consumer.folder, name)), { recursive: true });
    writeFileSync(path.join(consumer.folder, name), text);
  }
}, 300_000);
afterAll(() => consumer?.remove());

it("the commands create the database, and the application serves, is checked and ends without an error", async () => {
  const { folder, ampho } = consumer;
  const [create = "", update = ""] = commandsOf("Create the database and the signing key");
  const pg = { PGHOST: "127.0.0.1", PGPORT: String(server.port), PGUSER: "postgres", PGPASSWORD: "of-the/tests@only" };
  const script = `${create}\n${update}`.replaceAll("npx ampho", `"${process.execPath}" "${ampho}"`);
  execFileSync("sh", ["-ec", script], { cwd: folder, env: { ...environment, ...pg }, stdio: "pipe" });

  const port = String(await freePort());
  const command = `set -a; . ./ampho.env; exec "${process.execPath}" server.js`;
  const env = { ...environment, PORT: port, AMPHO_SECURITY_KEY_FILE: "key.json", AMPHO_SHUTDOWN_DELAY: "0" };
  const child = spawn("sh", ["-ec", command.replace(". ./ampho.env", ". ./ampho.env; AMPHO_SHUTDOWN_DELAY=0")], {
    cwd: folder,
    env,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  const status = (target: string) =>
    fetch(url + target).then(
      (response) => response.status,
      () => 0,
    );
  await expect.poll(() => status("/readyz"), { message: log }).toBe(200);
  expect([await status("/healthz"), await status("/api/orders")]).toEqual([200, 401]);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
}, 120_000);

it("the health route of Next.js returns what the instance states", async () => {
  const { folder } = consumer;
  const create = 'import { createAmpho } from "ampho"; export const ampho = await createAmpho(';
  writeFileSync(path.join(folder, "ampho.mjs"), `${create}{ databaseUrl: "sqlite::memory:", log: () => {} });`);
  const route = path.join(folder, "app/readyz/route.mjs");
  writeFileSync(route, (code["app/readyz/route.js"] ?? "").replace("../../ampho", "../../ampho.mjs"));
  const print = `const { GET } = await import("${pathToFileURL(route)}");
    const response = await GET(); console.log(response.status, await response.text()); process.exit(0);`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", print], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
  });
  expect(output).toContain('200 {"status":"ok"');
});

it("the unit, the image and the pods find the key where the page puts it", () => {
  const unit = readFileSync(path.join(root, "deploy/systemd/ampho.service"), "utf8");
  const [systemd = ""] = commandsOf("Run it with systemd");
  expect(unit).toContain("LoadCredential=key.json:/etc/ampho/key.json");
  expect(unit).toContain("EnvironmentFile=-/etc/ampho/ampho.env");
  expect(systemd).toContain("install -m 600 key.json ampho.env /etc/ampho/");
  for (const [, name = ""] of systemd.matchAll(/^(WorkingDirectory|ExecStart|Description)=./gm))
    expect(unit).toMatch(new RegExp(`^${name}=`, "m"));
  const container = section(page, "Run it in a container");
  expect(container).toContain("AMPHO_SECURITY_KEY_FILE=/etc/ampho/key.json");
  expect(container).toContain("--volume /etc/ampho:/etc/ampho:ro");
});

it("the patches for Kubernetes change the manifests, whose probes ask the routes of the application", () => {
  const [, text = ""] = /^```yaml\n# kustomization.yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const { resources, images, patches } = parse(text);
  const documents = resources.flatMap(manifest);
  for (const { target, patch } of patches) {
    const found = documents.find(
      (each: { readonly kind: string; readonly metadata: { readonly name: string } }) =>
        each.kind === target.kind && each.metadata.name === target.name,
    );
    expect(found, target.name).toBeDefined();
    for (const { op, path: pointer, value } of parse(patch)) {
      expect(op).toBe("add");
      const names = pointer.split("/").slice(1);
      const parent = names.slice(0, -1).reduce((node: Readonly<Record<string, unknown>>, name: string) => {
        expect(node).toHaveProperty(name);
        return node[name];
      }, found);
      expect(Array.isArray(value)).toBe(true);
      expect(parent).toMatchObject({ image: expect.stringContaining(`${images[0].name}:`) });
    }
  }
  const [deployment] = manifest("ampho.yaml");
  const [container] = deployment.spec.template.spec.containers;
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
    expect(code["server.js"]).toContain(`app.get("${container[probe].httpGet.path}"`);
  const names = container.env.map(({ name }: { readonly name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(["AMPHO_SECURITY_KEY_FILE", "AMPHO_DATABASE_URL"]));
});

it("every parameter on the page exists", () => {
  const names = new Set([...page.matchAll(/\bAMPHO_[A-Z_]+/g)].map(([name]) => name));
  expect(names.size).toBeGreaterThan(8);
  for (const name of names) expect(Object.keys(parameters)).toContain(name.replace(/_FILE$/, ""));
});
