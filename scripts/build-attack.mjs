// Compiles packages/attack/ into an empty folder. `npm pack` of that package runs this script too.
import { chmodSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "./child-process.mjs";

process.umask(0o022);
const root = fileURLToPath(new URL("..", import.meta.url));
const dist = path.join(root, "packages/attack/dist");
rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "packages/attack"], {
  cwd: root,
  stdio: "inherit",
});
chmodSync(path.join(dist, "main.js"), 0o755);
