// The oldest supported compiler, and the last one that was written in TypeScript.
import path from "node:path";
import { beforeAll } from "vitest";
import { consumersCompile } from "../types/consumers.js";
import { mistakesRead } from "../types/mistakes-read.js";
import { freshFolder } from "../world/folder.js";
import { shell } from "./project.js";

for (const version of ["5.4.5", "5.9.3"]) {
  let folder = "";
  beforeAll(() => {
    folder = freshFolder();
    shell(folder, `npm install --no-audit --no-fund --prefix . typescript@${version}`);
  });
  const compiler = () => path.join(folder, "node_modules/typescript/bin/tsc");
  consumersCompile(`TypeScript ${version}`, compiler, { requiresModules: version !== "5.4.5" });
  mistakesRead(`TypeScript ${version}`, compiler);
}
