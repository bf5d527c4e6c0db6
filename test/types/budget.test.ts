// The instantiations of the compiler for 100 guarded Fastify routes, compared with @fastify/jwt. These counts are the same on
// every machine. `node bench/types.mjs` also measures the time.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compileMs } from "./compile.js";

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

/** Returns the instantiations of a file with this head and this number of routes. */
function instantiations(name: string, head: string, routes = 0, rest = ""): number {
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
}

/** The first route also pays for what all routes share, so it does not count. */
const costOfRoutes = (name: string, head: string, rest: string) =>
  instantiations(name, head, 100, rest) - instantiations(name, head, 1, rest);

const jwtRoute = `{
  onRequest: async (request, reply) => {
    await request.jwtVerify();
    if (!request.user.roles.includes("editor")) await reply.code(403).send();
  },
}, async (request) => request.user.login`;
const hookRoute = '{ onRequest: authorize(ampho, { roles: ["editor"] }) }, async (request) => request.auth?.login';
const handlerRoute = 'guarded(ampho, { roles: ["editor"] }, async (request) => request.auth.login)';

it("mounting, hooks and guarded handlers cost less than @fastify/jwt's plugin and hook", { timeout: compileMs }, () => {
  expect(instantiations("ours", ours)).toBeLessThan(instantiations("theirs", theirs) / 10);
  const hook = costOfRoutes("hook", ours, hookRoute);
  expect(hook).toBeLessThan(costOfRoutes("jwt", theirs, jwtRoute));
  expect(costOfRoutes("handler", ours, handlerRoute)).toBeLessThan(hook);
});
