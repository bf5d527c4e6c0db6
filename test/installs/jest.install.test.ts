// One Jest project in CommonJS: no configuration, no flags, on every Node.
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { freshFolder } from "../world/folder.js";
import { packedWithSqlite, shell, write } from "./project.js";

let folder = "";
beforeAll(async () => {
  folder = freshFolder();
  const test = readFileSync(path.join(import.meta.dirname, "jest/application.test.js"), "utf8");
  write(folder, { "package.json": '{ "name": "project", "private": true }', "application.test.js": test });
  shell(folder, `npm install --no-audit --no-fund jest@30.5.2 express@5.3.0 pg@8.23.1 ${await packedWithSqlite()}`);
});

it.each(["20.19", "22", "24", "26"])("a Jest project passes its tests on Node %s", (node) => {
  const { stderr } = shell(folder, "node node_modules/jest/bin/jest.js", {}, node);
  expect(stderr).toMatch(/Tests: +4 passed, 4 total/);
});
