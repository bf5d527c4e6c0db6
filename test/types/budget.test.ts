// The instantiations of the compiler for 100 guarded Fastify routes, compared with @fastify/jwt. These counts are the same on
// every machine. `node bench/types.mjs` also measures the time.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
});
afterAll(() => consumer.remove());

const compiler = path.resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
const setup = `import { fastify } from "fastify";
export const app = fastify();
`;
const ours = `${setup}import type { Ampho } from "ampho";
import { authorize, guarded, mount } from "ampho/fastify";
declare const ampho: Ampho;
app.register(mount(ampho));
`;
const theirs = `${setup}import jwt from "@fastify/jwt";
declare module "@fastify/jwt" { interface FastifyJWT { user: { login: string; roles: string[] } } }
app.register(jwt, { secret: "a secret of thirty-two characters" });
`;
const route = (at: number, rest: string) => `app.get<{ Params: { id: string } }>("/r${at}/:id", ${rest});\n`;

/** Returns the instantiations of a file with that head alone, and of the routes after the first one. */
function instantiations(name: string, head: string, rest: string) {
  const count = (routes: number) => {
    const folder = path.join(consumer.folder, `${name}-${routes}`);
    mkdirSync(folder);
    const text = head + Array.from({ length: routes }, (_, at) => route(at, rest)).join("");
    writeFileSync(path.join(folder, "application.ts"), text);
    writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
    const options = ["--module", "nodenext", "--target", "es2022", "--strict", "--skipLibCheck", "--noEmit"];
    const { stdout, status } = spawnSync(
      process.execPath,
      [compiler, "application.ts", ...options, "--types", "node", "--extendedDiagnostics", "--singleThreaded"],
      { cwd: folder, encoding: "utf8" },
    );
    expect(status, stdout).toBe(0);
    return Number(/^Instantiations: +(\d+)/m.exec(stdout)?.[1]);
  };
  return { head: count(0), routes: count(100) - count(1) };
}

it("mounting, hooks and guarded handlers cost less than @fastify/jwt's plugin and hook", () => {
  const jwt = instantiations(
    "jwt",
    theirs,
    `{
  onRequest: async (request, reply) => {
    await request.jwtVerify();
    if (!request.user.roles.includes("editor")) await reply.code(403).send();
  },
}, async (request) => request.user.login`,
  );
  const hook = instantiations(
    "hook",
    ours,
    '{ onRequest: authorize(ampho, { roles: ["editor"] }) }, async (request) => request.auth?.login',
  );
  const handler = instantiations(
    "handler",
    ours,
    'guarded(ampho, { roles: ["editor"] }, async (request) => request.auth.login)',
  );
  for (const { head, routes } of [hook, handler]) {
    expect(head).toBeLessThan(jwt.head / 10);
    expect(routes).toBeLessThan(jwt.routes);
  }
  expect(handler.routes).toBeLessThan(hook.routes);
});
