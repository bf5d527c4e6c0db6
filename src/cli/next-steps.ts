// The next step after `ampho init` for the framework in package.json: lines of code, or a page where several files are needed.
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

const frameworks = "guides/frameworks.md";
const chapter = (framework: string, packages: readonly string[], heading: string): NextStep => ({
  framework,
  packages,
  code: [],
  page: `${frameworks}#${heading}`,
});
const middleware = (name: string, ...rest: readonly string[]): readonly string[] => [
  'import { createAmpho } from "ampho";',
  `import { authorize, mount } from "ampho/${name}";`,
  "const ampho = await createAmpho();",
  ...rest,
];

/** The first row with a dependency of the project counts, so frameworks that are built on another one come before it. */
const frameworkSteps: readonly NextStep[] = [
  { framework: "Next.js", packages: ["next"], code: [], page: "start/nextjs.md" },
  chapter("Nuxt", ["nuxt"], "h3-nitro-nuxt"),
  chapter("SvelteKit", ["@sveltejs/kit"], "sveltekit"),
  chapter("Astro", ["astro"], "astro"),
  chapter("React Router", ["@react-router/dev", "@react-router/node"], "react-router-remix"),
  chapter("Remix", ["@remix-run/dev", "@remix-run/node"], "react-router-remix"),
  chapter("Nitro", ["nitro", "nitropack"], "h3-nitro-nuxt"),
  chapter("Nest", ["@nestjs/core"], "nest"),
  {
    framework: "Express",
    packages: ["express"],
    code: middleware(
      "express",
      "app.use(mount(ampho));",
      'app.get("/hello", authorize(ampho), (request, response) => response.json({ login: request.auth.login }));',
    ),
    page: "getting-started.md",
  },
  {
    framework: "Fastify",
    packages: ["fastify"],
    code: middleware(
      "fastify",
      "app.register(mount(ampho));",
      'app.get("/hello", { onRequest: authorize(ampho) }, async (request) => ({ login: request.auth.login }));',
    ),
    page: `${frameworks}#fastify`,
  },
  {
    framework: "Hono",
    packages: ["hono"],
    code: middleware(
      "hono",
      "app.use(mount(ampho));",
      'app.get("/hello", authorize(ampho), (c) => c.json({ login: c.get("auth").login }));',
    ),
    page: "start/hono.md",
  },
  {
    framework: "Koa",
    packages: ["koa"],
    code: middleware(
      "koa",
      "app.use(mount(ampho));",
      "app.use(authorize(ampho));",
      "app.use((ctx) => (ctx.body = { login: ctx.state.auth.login }));",
    ),
    page: `${frameworks}#koa`,
  },
  {
    framework: "h3",
    packages: ["h3"],
    code: [
      'import { createAmpho } from "ampho";',
      "const ampho = await createAmpho();",
      'app.all("/api/security/**", (event) => ampho.fetch(event.req, { address: event.req.ip }));',
      'app.get("/hello", ampho.authorize((event, auth) => Response.json({ login: auth.login })));',
    ],
    page: `${frameworks}#h3-nitro-nuxt`,
  },
];

const nodeHttp: NextStep = {
  framework: "node:http",
  packages: [],
  code: [
    'import { createServer } from "node:http";',
    'import { createAmpho } from "ampho";',
    'import { guarded, mount } from "ampho/node";',
    "const ampho = await createAmpho();",
    "const rest = mount(ampho);",
    "const hello = guarded(ampho, (request, response) => response.end(request.auth.login));",
    'createServer((request, response) => (request.url === "/hello" ? hello : rest)(request, response)).listen(3000);',
  ],
  page: `${frameworks}#nodehttp`,
};

export const nextSteps: readonly NextStep[] = [...frameworkSteps, nodeHttp];

/** Returns the step for the project in this folder, and whether it still has to install Ampho. */
export function nextStepOf(cwd: string): { readonly step: NextStep; readonly installs: boolean } {
  const dependencies = dependenciesOf(cwd);
  const step =
    frameworkSteps.find(({ packages }) => packages.some((name) => dependencies.has(name))) ??
    subpathStep(JSON.parse(readFileSync(ownManifest, "utf8")) as Manifest, dependencies);
  return { step: step ?? nodeHttp, installs: step !== undefined && !dependencies.has("ampho") };
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

function dependenciesOf(cwd: string): ReadonlySet<string> {
  const read = readRegularFile(join(cwd, "package.json"));
  if (!("text" in read)) return new Set();
  try {
    const project = JSON.parse(read.text) as { dependencies?: object; devDependencies?: object } | null;
    return new Set(Object.keys({ ...project?.dependencies, ...project?.devDependencies }));
  } catch {
    // npm reports a broken package.json. Here it only hides the framework.
    return new Set();
  }
}
