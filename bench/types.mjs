// Measures the cost of the types for an application of 100 guarded Fastify routes: with Ampho's guard, with @fastify/jwt, with
// better-auth's session, and without a guard. Counts are exact. Times are medians of rounds that take turns.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { machine, median, print } from "./measure.mjs";

const bench = fileURLToPath(new URL(".", import.meta.url));
const root = path.join(bench, "..");
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const numbers = (length) => Array.from({ length }, (_, index) => index);

const applications = {
  "no guard": {
    head: `import { fastify } from "fastify";
const app = fastify();`,
    route: (index) =>
      `app.get<{ Params: { id: string } }>("/r${index}/:id", async (request) => ({ id: request.params.id }));`,
  },
  Ampho: {
    head: `import { fastify } from "fastify";
import { createAmpho } from "ampho";
import { guarded, mount } from "ampho/fastify";
const ampho = await createAmpho();
const app = fastify();
app.register(mount(ampho));`,
    route: (index) =>
      `app.get<{ Params: { id: string } }>("/r${index}/:id", guarded(ampho, { roles: ["editor"] }, async (request) => ({ id: request.params.id, login: request.auth.login })));`,
  },
  "Ampho, as a hook": {
    head: `import { fastify } from "fastify";
import { createAmpho } from "ampho";
import { authorize, mount } from "ampho/fastify";
const ampho = await createAmpho();
const app = fastify();
app.register(mount(ampho));`,
    route: (index) =>
      `app.get<{ Params: { id: string } }>("/r${index}/:id", { onRequest: authorize(ampho, { roles: ["editor"] }) }, async (request) => ({ id: request.params.id, login: request.auth?.login }));`,
  },
  "@fastify/jwt": {
    head: `import { fastify } from "fastify";
import jwt from "@fastify/jwt";
declare module "@fastify/jwt" { interface FastifyJWT { user: { login: string; roles: string[] } } }
const app = fastify();
app.register(jwt, { secret: "a secret of thirty-two characters" });`,
    route: (index) =>
      `app.get<{ Params: { id: string } }>("/r${index}/:id", { onRequest: async (request, reply) => { await request.jwtVerify(); if (!request.user.roles.includes("editor")) await reply.code(403).send(); } }, async (request) => ({ id: request.params.id, login: request.user.login }));`,
  },
  "better-auth": {
    head: `import { fastify } from "fastify";
import { betterAuth } from "better-auth";
import { fromNodeHeaders } from "better-auth/node";
const auth = betterAuth({ emailAndPassword: { enabled: true } });
const app = fastify();`,
    route: (index) =>
      `app.get<{ Params: { id: string } }>("/r${index}/:id", async (request, reply) => { const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) }); if (session === null) return reply.code(401).send(); return { id: request.params.id, email: session.user.email }; });`,
  },
};

const folder = mkdtempSync(path.join(bench, ".types-"));
try {
  const write = (name, { head, route }, routes) => {
    const project = path.join(folder, `${name}-${routes}`);
    mkdirSync(project);
    const lines = [head, ...numbers(routes).map(route), "export { app };"];
    writeFileSync(path.join(project, "application.ts"), lines.join("\n"));
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      live: true,
      skipLibCheck: true,
      noEmit: true,
      types: ["node"],
      typeRoots: [path.join(root, "node_modules/@types")],
      // All of them use one copy of Fastify, and Ampho is the build.
      paths: {
        ampho: [path.join(root, "dist/index.d.ts")],
        "ampho/*": [path.join(root, "dist/adapters/*.d.ts")],
        fastify: [path.join(bench, "node_modules/fastify/fastify.d.ts")],
      },
    };
    writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["application.ts"] }));
    return project;
  };
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  const compile = (project) => {
    const args = [compiler, "-p", project, "--extendedDiagnostics", "--singleThreaded"];
    const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`it does not compile:\n${stdout.slice(0, 3000)}`);
    const value = (label) => Number(new RegExp(`^${label}: +([\\d.]+)`, "m").exec(stdout)?.[1]);
    return { instantiations: value("Instantiations"), types: value("Types"), seconds: value("Check time") };
  };
  const projects = Object.entries(applications).map(([name, application], at) => {
    const first = compile(write(at, application, 1)).instantiations;
    return { name, project: write(at, application, 100), first, seconds: [] };
  });
  for (let round = 0; round < rounds; round++)
    for (const one of projects) {
      one.counts = compile(one.project);
      one.seconds.push(one.counts.seconds);
    }

  const [bare, ours] = projects;
  console.log(`${machine()}, ${rounds} rounds, 100 routes\n`);
  const row = ({ name, counts, first, seconds }) => {
    const checked = median(seconds);
    const above = counts.instantiations - bare.counts.instantiations;
    const share = above / (ours.counts.instantiations - bare.counts.instantiations);
    return [
      name,
      counts.instantiations,
      ((counts.instantiations - first) / 99).toFixed(0),
      counts.types,
      checked.toFixed(3),
      (checked / median(ours.seconds)).toFixed(2),
      name === bare.name ? "" : share.toFixed(2),
    ];
  };
  const head = [
    "application",
    "instantiations",
    "of them a route",
    "types",
    "check s",
    "check ÷ Ampho's",
    "instantiations above none ÷ Ampho's",
  ];
  print([head, ...projects.map(row)]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
