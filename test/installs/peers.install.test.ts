// The oldest version of each framework that package.json promises, under the framework's own example.
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { expectGuardedRoutes } from "../examples/exercise.js";
import { freePort } from "../world/free-port.js";
import { copyExample, packedWithSqlite, password, serving, shell } from "./project.js";

let tarball = "";
beforeAll(async () => {
  tarball = await packedWithSqlite();
});

const nest = (version: string) => ["core", "common", "platform-express"].map((name) => `@nestjs/${name}@${version}`);
const oldest = [
  { example: "express", packages: ["express@4.0.0"] },
  { example: "fastify", packages: ["fastify@5.0.0"] },
  { example: "hono", packages: ["hono@4.6.0", "@hono/node-server@1.13.0"] },
  { example: "koa", packages: ["koa@2.0.0", "@koa/router@8.0.0"] },
  { example: "nest", packages: [...nest("10.0.0"), "reflect-metadata@0.1.13"] },
  { example: "nest", packages: nest("11.0.0") },
];

it.each(oldest)("examples/$example works with $packages.0", async ({ example, packages }) => {
  const folder = copyExample(example);
  const all = [...packages, tarball].join(" ");
  shell(folder, `npm install --no-audit --no-fund ${all}`);
  const key = shell(folder, "ampho sec-gen-key").stdout.trim();
  const port = await freePort();
  const env = { AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: `sqlite:${folder}/ampho.db`, PORT: String(port) };
  shell(folder, `printf '%s' '${password}' | ampho user-add alice --password-stdin`, env);
  const url = `http://127.0.0.1:${port}`;
  await serving({ folder, command: "exec npm start", env, url }, () => expectGuardedRoutes(url, password));
});

it("these versions are the oldest that package.json allows", () => {
  const { peerDependencies } = JSON.parse(
    readFileSync(path.join(import.meta.dirname, "../../package.json"), "utf8"),
  ) as { readonly peerDependencies: Readonly<Record<string, string>> };
  for (const name of ["express", "fastify", "hono", "koa", "@nestjs/core"]) {
    const [major = "", minor = "0"] = (/\d[\d.]*/.exec(peerDependencies[name] ?? "")?.[0] ?? "").split(".");
    const found = oldest.flatMap(({ packages }) => packages).find((one) => one.startsWith(`${name}@`));
    expect(found).toMatch(new RegExp(`@${major}\\.${minor === "0" ? "" : minor}`));
  }
});
