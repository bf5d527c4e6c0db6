// The code of docs/testing.md and docs/own-users.md compiles, and runs in a project with Ampho installed.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import bcrypt from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { snippets } from "./snippets.js";

const root = path.resolve(import.meta.dirname, "../..");
const environment = { ...process.env, NODE_ENV: "test", AMPHO_DATABASE_URL: "sqlite::memory:" };

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
  write("package.json", '{ "type": "module" }');
});
afterAll(() => consumer.remove());

function write(file: string, text: string): void {
  writeFileSync(path.join(consumer.folder, file), text);
}

function run(program: string, ...given: readonly string[]): string {
  const options = { cwd: consumer.folder, encoding: "utf8", env: environment, stdio: "pipe" } as const;
  try {
    return execFileSync(process.execPath, [path.join(root, "node_modules", program), ...given], options);
  } catch (error) {
    throw new Error(error instanceof Error && "stdout" in error ? String(error.stdout) : "", { cause: error });
  }
}

/** Compiles to JavaScript with the strictest options. */
function compile(...files: readonly string[]): void {
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const compilerOptions = { ...strict, target: "es2022", module: "nodenext", types: ["node"], skipLibCheck: true };
  write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  run("typescript/bin/tsc", "-p", ".");
}

describe("docs/testing.md", () => {
  it("the tests on the page pass", () => {
    const shown = snippets("docs/testing.md", "app.ts", "testing.ts", "app.test.ts");
    for (const [file, text] of Object.entries(shown)) write(file, text);
    compile("app.test.ts");
    expect(run("vitest/vitest.mjs", "run", "--root", ".", "--no-color", "app.test.js")).toMatch(/Tests +2 passed/);
  });
});

describe("docs/own-users.md", () => {
  it("the user table on the page works by login and by id, and updates old hashes", () => {
    const row = { id: 7, email: "ann@example.org", roles: ["editor"], blocked: false };
    const hashed = { ...row, passwordHash: bcrypt.hashSync("an old one", 4) };
    write(
      "table.ts",
      `export interface Row {
        id: number; email: string; roles: string[]; blocked: boolean; passwordHash: string | null;
      }
      export const rows: Row[] = [${JSON.stringify(hashed)}];
      export const table = {
        byEmail: async (text: string) => rows.find(({ email }) => email === text.toLowerCase()),
        byId: async (text: string) => rows.find(({ id }) => String(id) === text),
        async replaceHash(text: string, old: string, hash: string) {
          for (const row of rows) if (String(row.id) === text && row.passwordHash === old) row.passwordHash = hash;
        },
      };`,
    );
    for (const [file, text] of Object.entries(snippets("docs/own-users.md", "own-users.ts"))) write(file, text);
    write(
      "program.ts",
      `import { needsRehash } from "ampho";
      import { ampho } from "./own-users.js";
      import { rows } from "./table.js";
      const logIn = async (login: string, password: string) => {
        const headers = { "Content-Type": "application/json" };
        const body = JSON.stringify({ login, password });
        const url = "http://localhost/api/security/login";
        return (await ampho.fetch(new Request(url, { method: "POST", headers, body }))).status;
      };
      const { token } = await ampho.sessions.create("7");
      const answers = [await logIn("Ann@example.org", "an old one"), await logIn("ann@example.org", "wrong")];
      while (needsRehash(rows[0]?.passwordHash ?? "")) await new Promise((resolve) => setTimeout(resolve, 20));
      answers.push(await logIn("ann@example.org", "an old one"));
      process.stdout.write(JSON.stringify([...answers, ampho.verifySync(token).roles, await ampho.sessions.endForUser("7")]));
      await ampho.close();`,
    );
    compile("program.ts");
    const output = execFileSync(process.execPath, ["program.js"], {
      cwd: consumer.folder,
      encoding: "utf8",
      env: environment,
      stdio: "pipe",
    });
    expect(JSON.parse(output)).toEqual([200, 401, 200, ["editor"], 3]);
  });
});
