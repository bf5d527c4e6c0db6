import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ampho, execute } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { alice } from "../world/people.js";
import { freshPlace, type Place, startServe } from "../world/serve.js";

const key = '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}';
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A project that has installed Ampho, with its file of options. */
function project(text: string, name = "ampho.config.js"): Place {
  const { cwd } = freshPlace();
  mkdirSync(path.join(cwd, "node_modules"));
  symlinkSync(root, path.join(cwd, "node_modules/ampho"));
  writeFileSync(path.join(cwd, "package.json"), '{"type":"module"}');
  writeFileSync(path.join(cwd, name), text);
  return { cwd, env: { AMPHO_SECURITY_KEY: key } };
}

const define = (options: string) => `import { defineConfig } from "ampho";\nexport default defineConfig(${options});\n`;
const addAlice = (place: Place) =>
  ampho(["user-add", alice.login, "--password-stdin"], { ...place, stdin: alice.password });

describe("a file of options", () => {
  test("a command takes the scopes, the keys and the roles that code has set", async () => {
    const place = project(define('{ scopes: { editor: ["articles:write"] } }'));
    const env = { ...place.env, AMPHO_SECURITY_API_KEYS: "5" };
    expect(await addAlice({ ...place, env })).toMatchObject({ code: 0 });
    const changed = await ampho(["user-roles", "alice", "--add", "editor"], { ...place, env });
    expect(changed).toMatchObject({ code: 0, stdout: "editor\n" });
  });

  test("the link of a recovery leads to the pages that code has switched on", async () => {
    const place = project(define("{ pages: true }"));
    await addAlice(place);
    const { stdout } = await ampho(["user-recover", "alice", "--print", "--reason", "lost"], place);
    expect(stdout).toMatch(/^http:\/\/localhost:3000\/account\/link#ampho=/);
  });

  test("the doctor knows the pages and the mails of the application", async () => {
    const options = '{ pages: true, registration: "open", mail: async () => {} }';
    const { stdout } = await ampho(["doctor", "--json"], project(define(options)));
    expect(stdout).not.toContain("It needs mails");
    expect(stdout).not.toContain("AMPHO_APP_URL responds with 401");
  });

  test("options take priority over the environment, as in createAmpho", async () => {
    const place = project(define('{ databaseUrl: "sqlite:options.db" }'));
    await addAlice(place);
    expect(existsSync(path.join(place.cwd, "options.db"))).toBe(true);
    expect(existsSync(path.join(place.cwd, "ampho.db"))).toBe(false);
  });

  test("the file reads the environment that .env sets, as the application does", async () => {
    const place = project(define("{ databaseUrl: process.env.OWN_DATABASE }"));
    writeFileSync(path.join(place.cwd, ".env"), "OWN_DATABASE=sqlite:own.db\n");
    await addAlice(place);
    expect(existsSync(path.join(place.cwd, "own.db"))).toBe(true);
  });

  test("a command that changes something names the file and the database", async () => {
    const place = project(define("{}"));
    const { stderr } = await addAlice(place);
    expect(stderr).toContain(`ampho: The options are from ${path.join(place.cwd, "ampho.config.js")}.`);
    expect(stderr).toContain(`ampho: The database is ${path.join(place.cwd, "ampho.db")}.`);
    expect(await ampho(["user-list"], place)).toMatchObject({ code: 0, stderr: "" });
  });

  test("commands find users in the table of the application", async () => {
    const users = `{
      find: async (login) => (login === "alice" ? { id: "u1", login, roles: [] } : undefined),
      findById: async (id) => (id === "u1" ? { id, login: "alice", roles: [] } : undefined),
      verify: async () => false,
    }`;
    const place = project(define(`{ users: ${users} }`));
    expect(await ampho(["db-up"], place)).toMatchObject({ code: 0 });
    expect(await ampho(["factor-policy", "u1", "required"], place)).toMatchObject({ code: 0 });
    const { code, stderr } = await addAlice(place);
    expect([code, stderr]).toEqual([1, expect.stringContaining("application")]);
  });

  test("the server of `serve` has the claims and the hooks of the file", async () => {
    const place = project(
      define(`{
        claims: async () => ({ tenant: "acme" }),
        onUserCreated: ({ login }) => process.stderr.write(JSON.stringify({ hook: login }) + "\\n"),
      }`),
    );
    const served = await startServe(place);
    await addAlice(place);
    const response = await fetch(`${served.url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(alice),
    });
    const { token } = (await response.json()) as { token: string };
    expect(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).toContain('"tenant":"acme"');
    await expect.poll(served.stderr).toContain('{"hook":"alice"}');
    expect(await served.stop()).toMatchObject({ code: 0 });
  });

  test("a pool or a timer that the file leaves open does not keep a command alive", async () => {
    const place = project(`setInterval(() => {}, 1000);\n${define("{}")}`);
    expect(await addAlice(place)).toMatchObject({ code: 0 });
  });

  test("an application creates its instance from the same file", async () => {
    const place = project(define('{ scopes: { editor: ["a"] }, databaseUrl: "sqlite:shared.db" }'));
    await addAlice(place);
    const text = `
      import { createAmpho } from "ampho";
      import config from "./ampho.config.js";
      const ampho = await createAmpho(config);
      console.log(ampho.scopes.join(), (await ampho.users.find("alice")).login);
      await ampho.close();
    `;
    writeFileSync(path.join(place.cwd, "app.js"), text);
    expect(await execute(process.execPath, ["app.js"], place)).toMatchObject({ stdout: "a alice\n" });
  });
});

describe("a file of options that cannot be used", () => {
  const failing = async (place: Place, more: Record<string, string> = {}) => {
    const { code, stderr } = await ampho(["session-list", "alice"], { ...place, env: { ...place.env, ...more } });
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
    return stderr;
  };

  test.each([
    ["throws", 'throw new Error("no settings");\n', "ampho.config.js cannot be loaded (line 1): no settings"],
    [
      "has a syntax error",
      "\nexport default {,};\n",
      "ampho.config.js cannot be loaded: Unexpected token ','. Run `node ampho.config.js` to see the line.",
    ],
    ["has no default export", "export const a = 1;\n", "ampho.config.js has no default export."],
    ["exports a function", "export default () => ({});\n", "must be an object with options."],
    ["exports a promise", "export default Promise.resolve({});\n", "must be an object with options."],
    [
      "has an unknown option",
      "export default { cookie: true };\n",
      "cookie (ampho.config.js) is not a known option. The nearest is cookies.",
    ],
    [
      "has a bad value",
      "export default { port: 1e6 };\n",
      "AMPHO_PORT (port in ampho.config.js) must be a whole number",
    ],
    [
      "has a hook that is no function",
      "export default { claims: 1 };\n",
      "ampho.config.js: The option claims must be a function.",
    ],
    ["lacks a package", 'import "nowhere";\nexport default {};\n', "ampho.config.js cannot be loaded"],
  ])("a command names the file that %s, and prints no stack", async (_, text, says) => {
    expect(await failing(project(text))).toContain(says);
  });

  test("two files of options are one too many", async () => {
    const place = project("export default {};");
    writeFileSync(path.join(place.cwd, "ampho.config.mjs"), "export default {};");
    expect(await failing(place)).toContain("Keep one of ampho.config.js and ampho.config.mjs.");
  });

  test("a file that another user could have written does not run, unless the environment names it", async () => {
    const place = project('console.error("ran");\nexport default {};');
    chmodSync(path.join(place.cwd, "ampho.config.js"), 0o666);
    const stderr = await failing(place);
    expect(stderr).toContain("ampho.config.js is not used, because every user can write to it.");
    expect(stderr).not.toContain("ran");
    expect(await failing(place, { AMPHO_CONFIG_FILE: "ampho.config.js" })).toContain("ran");
  });

  test("a file in a folder that every user can write to does not run", async () => {
    const place = project('console.error("ran");\nexport default {};');
    chmodSync(place.cwd, 0o777);
    const stderr = await failing(place);
    expect(stderr).toContain("because every user can write to its folder.");
    expect(stderr).not.toContain("ran");
  });

  test("a file of a folder above or below the working directory does not run", async () => {
    const place = project('console.error("ran");\nexport default {};');
    const below = path.join(place.cwd, "below");
    mkdirSync(below);
    expect(await failing({ ...place, cwd: below })).not.toContain("ran");
  });

  test("the file .env cannot choose the file that runs", async () => {
    const place = { cwd: freshFolder(), env: {} };
    writeFileSync(path.join(place.cwd, "evil.mjs"), 'console.error("ran");\nexport default {};');
    writeFileSync(path.join(place.cwd, ".env"), "AMPHO_CONFIG_FILE=evil.mjs\n");
    const stderr = await failing(place);
    expect(stderr).toContain("AMPHO_CONFIG_FILE has no effect in .env.");
    expect(stderr).not.toContain("ran");
  });
});
