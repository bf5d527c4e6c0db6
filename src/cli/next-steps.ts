// The next step after `ampho init` for the framework in package.json: lines of code, or a page for several files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readRegularFile } from "../config/files.js";

export interface NextStep {
  readonly framework: string;
  /** A project with one of these dependencies uses the framework. */
  readonly packages: readonly string[];
  readonly code: readonly string[];
  /** A page below `docs/` of the package. */
  readonly page: string;
}

const step = (framework: string, packages: readonly string[], page: string, code: readonly string[] = []): NextStep => {
  return { framework, packages, code, page };
};
const frameworks = "guides/frameworks.md";
const chapter = (framework: string, packages: readonly string[], heading: string) =>
  step(framework, packages, `${frameworks}#${heading}`);
const middleware = (framework: string, page: string, ...rest: readonly string[]) => {
  const name = framework.toLowerCase();
  const imports = ['import { createAmpho } from "ampho";', `import { authorize, mount } from "ampho/${name}";`];
  return step(framework, [name], page, [...imports, "const ampho = await createAmpho();", ...rest]);
};

/** The first row with a dependency of the project counts, so frameworks that use another one come before it. */
const frameworkSteps: readonly NextStep[] = [
  step("Next.js", ["next"], "getting-started.md#nextjs"),
  chapter("Nuxt", ["nuxt"], "h3-nitro-nuxt"),
  chapter("SvelteKit", ["@sveltejs/kit"], "sveltekit"),
  chapter("Astro", ["astro"], "astro"),
  chapter("React Router", ["@react-router/dev", "@react-router/node"], "react-router-remix"),
  chapter("Remix", ["@remix-run/dev", "@remix-run/node"], "react-router-remix"),
  chapter("Nitro", ["nitro", "nitropack"], "h3-nitro-nuxt"),
  chapter("Nest", ["@nestjs/core"], "nest"),
  middleware(
    "Express",
    "getting-started.md#express",
    "app.use(mount(ampho));",
    'app.get("/hello", authorize(ampho), (request, response) => response.json({ login: request.auth.login }));',
  ),
  middleware(
    "Fastify",
    `${frameworks}#fastify`,
    "app.register(mount(ampho));",
    'app.get("/hello", { onRequest: authorize(ampho) }, async (request) => ({ login: request.auth.login }));',
  ),
  middleware(
    "Hono",
    "getting-started.md#hono",
    "app.use(mount(ampho));",
    'app.get("/hello", authorize(ampho), (c) => c.json({ login: c.get("auth").login }));',
  ),
  middleware(
    "Koa",
    `${frameworks}#koa`,
    "app.use(mount(ampho));",
    "app.use(authorize(ampho));",
    "app.use((ctx) => (ctx.body = { login: ctx.state.auth.login }));",
  ),
  step("h3", ["h3"], `${frameworks}#h3-nitro-nuxt`, [
    'import { createAmpho } from "ampho";',
    "const ampho = await createAmpho();",
    'app.all("/api/security/**", (event) => ampho.fetch(event.req, { address: event.req.ip }));',
    'app.get("/hello", ampho.authorize((event, auth) => Response.json({ login: auth.login })));',
  ]),
];

const nodeHttp = step("node:http", [], `${frameworks}#nodehttp`, [
  'import { createServer } from "node:http";',
  'import { createAmpho } from "ampho";',
  'import { guarded, mount } from "ampho/node";',
  "const ampho = await createAmpho();",
  "const rest = mount(ampho);",
  "const hello = guarded(ampho, (request, response) => response.end(request.auth.login));",
  'createServer((request, response) => (request.url === "/hello" ? hello : rest)(request, response)).listen(3000);',
]);

export const nextSteps: readonly NextStep[] = [...frameworkSteps, nodeHttp];

/** Returns the step for the project in this folder, and whether it still has to install Ampho. */
export function nextStepOf(cwd: string): { readonly step: NextStep; readonly installs: boolean } {
  const dependencies = dependenciesOf(cwd);
  const found =
    frameworkSteps.find(({ packages }) => packages.some((name) => dependencies.has(name))) ??
    subpathStep(JSON.parse(readFileSync(ownManifest, "utf8")) as Manifest, dependencies);
  return { step: found ?? nodeHttp, installs: found !== undefined && !dependencies.has("ampho") };
}

const ownManifest = new URL("../../package.json", import.meta.url);

interface Manifest {
  readonly exports: object;
  readonly peerDependencies: object;
}

/** A framework with a subpath of its name needs no row. Its chapter in the guide has the same name. */
export function subpathStep(
  { exports, peerDependencies }: Manifest,
  dependencies: ReadonlySet<string>,
): NextStep | undefined {
  const name = Object.keys(peerDependencies).find((peer) => `./${peer}` in exports && dependencies.has(peer));
  return name === undefined ? undefined : chapter(name, [name], name);
}

interface Project {
  readonly type?: string;
  readonly dependencies?: object;
  readonly devDependencies?: object;
}

/** npm reports a broken package.json. Here it only hides the framework. */
function projectOf(cwd: string): Project {
  const read = readRegularFile(join(cwd, "package.json"));
  try {
    return ("text" in read && (JSON.parse(read.text) as Project | null)) || {};
  } catch {
    return {};
  }
}

/** Checks that Node takes a file with the ending `.js` in this folder for an ES module without a warning. */
export const isModule = (cwd: string): boolean => projectOf(cwd).type === "module";

function dependenciesOf(cwd: string): ReadonlySet<string> {
  const { dependencies, devDependencies } = projectOf(cwd);
  return new Set(Object.keys({ ...dependencies, ...devDependencies }));
}
