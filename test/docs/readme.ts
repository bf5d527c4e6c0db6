// The README, as its tests read it.
import { readFileSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "../..");
export const readme = readFileSync(path.join(root, "README.md"), "utf8");

/** The code blocks in one language. */
export function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, code = ""]) => code);
}

/** The environment without the variables of Ampho and of the test runner. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(AMPHO_|npm_|NODE_ENV$|VITEST)/.test(name)),
);

/** The examples that show a feature, and no framework. */
export const isNoFramework = (folder: string): boolean =>
  /^(?:drizzle|everything|full|notes|passkeys|protect-anything|start|verify-(?:go|node|python))$/.test(folder);
