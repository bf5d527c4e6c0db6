// Roles that an application declares (`Register`): the compiler knows them wherever roles are written.
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compile } from "./compile.js";

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
});
afterAll(() => consumer.remove());

const setup = `import { type Ampho, type Auth, createAmpho, defineConfig, type Duration } from "ampho";
import { authorize, guarded } from "ampho/express";
import { createVerifier } from "ampho/verify";
declare module "ampho" {
  interface Register {
    role: "admin" | "editor";
  }
}
declare const ampho: Ampho;
declare const auth: Auth;
const verifier = createVerifier({ jwksUrl: "https://example.org/" });
`;
const right = `createAmpho({ scopes: { "*": ["read"], editor: ["write"] }, factors: { "*": "optional", admin: "phr" } });
defineConfig({ scopes: { editor: ["write"] } });
authorize(ampho, { roles: ["admin", "editor"] });
guarded(ampho, { roles: ["editor"] }, (request) => request.auth.roles.includes("admin"));
verifier.authorize({ roles: ["admin"] }, () => new Response());
ampho.users.create({ login: "ann", roles: ["admin"] });
ampho.users.setRoles("ann", ["editor"]);
ampho.authenticate(new Request("https://shop.example/"), { roles: ["admin"] });
export const isAdmin = auth.roles.includes("admin");
export const durations: Duration[] = [900, "900", "15m", "1h30m", "2d", "1d2h3m4s", "10m5s"];
`;
const wrong = [
  `createAmpho({ scopes: { "*": ["read"], edtior: ["write"] } });`,
  `createAmpho({ factors: { admin: "phr", amdin: "phr" } });`,
  `createAmpho({ factors: { admin: "requierd" } });`,
  `defineConfig({ scopes: { edtior: ["write"] } });`,
  `authorize(ampho, { roles: ["amdin"] });`,
  `guarded(ampho, { roles: ["amdin"] }, () => "");`,
  `verifier.authorize({ roles: ["amdin"] }, () => new Response());`,
  `ampho.users.create({ login: "ann", roles: ["amdin"] });`,
  `ampho.users.setRoles("ann", ["amdin"]);`,
  `ampho.authenticate(new Request("https://shop.example/"), { roles: ["amdin"] });`,
  `export const typo = auth.roles.includes("amdin");`,
  `export const duration: Duration = "15 minutes";`,
  `export const inWrongOrder: Duration = "30m1h";`,
  `export const empty: Duration = "";`,
];

it("the compiler accepts declared roles and finds each other one, and so it does with durations", () => {
  const lines = (text: string) => text.split("\n").length - 1;
  const diagnostics = compile({
    compiler: path.resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc"),
    folder: consumer.folder,
    type: "module",
    files: { "roles.ts": `${setup}${right}${wrong.join("\n")}\n` },
    compilerOptions: { module: "nodenext", skipLibCheck: true },
  });
  const first = lines(setup) + lines(right) + 1;
  expect([...new Set(diagnostics.map(({ line }) => line))]).toEqual(wrong.map((_, index) => first + index));
});
