// The static checks: types, lint, format, dependency rules, unused code, packaging. The first one that fails exits with 1.
import { fileURLToPath } from "node:url";
import { spawnSync } from "./child-process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const repositoryTests = ["test/repository/imports.test.ts", "test/repository/language.system.test.ts"];
const steps = [
  ["build", ["npm", "run", "--silent", "build"]],
  ["types", ["npx", "--no-install", "tsc", "-p", "tsconfig.test.json", "--noEmit"]],
  ["types with legacy decorators", ["npx", "--no-install", "tsc", "-p", "test/adapters/nest", "--noEmit"]],
  ["lint and format", ["npx", "--no-install", "biome", "ci", "--error-on-warnings", "."]],
  ["lint with types", ["npx", "--no-install", "oxlint", "--type-aware", "--deny-warnings", "src", "packages", "test"]],
  ["rooms and language", ["npx", "--no-install", "vitest", "run", "--reporter=dot", ...repositoryTests]],
  ["unused code", ["npx", "--no-install", "knip"]],
  ["package", ["node", "scripts/package.mjs"]],
  ["files of the package", ["npx", "--no-install", "publint", "--strict", "package"]],
  ["package ampho-attack", ["npx", "--no-install", "publint", "--strict", "packages/attack"]],
  ["types of the package", ["npx", "--no-install", "attw", "--pack", "package", "--profile", "node16", "--quiet"]],
];

for (const [name, [command, ...args]] of steps) {
  process.stderr.write(`check: ${name}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", timeout: 600_000 });
  if (status !== 0) {
    process.stderr.write(`check: ${name} failed\n`);
    process.exit(1);
  }
}
