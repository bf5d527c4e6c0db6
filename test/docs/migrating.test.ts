// The snippets of docs/guides/migrating.md run beside the libraries that an application moves from. Each side accepts the tokens of the other.
import { execFile } from "node:child_process";
import { scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAmpho } from "../../dist/index.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { startPostgres } from "../world/postgres.js";
import { DatabaseSync } from "../world/sqlite.js";
import { readPage, section } from "./evidence.js";

const page = readPage("docs/guides/migrating.md");
const snippets = new Map(
  [...page.matchAll(/^```(?:js|sql)\n(?:\/\/|--) (\S+\.(?:mjs|sql))\n([\s\S]*?)^```$/gm)].map(
    ([, file = "", text = ""]) => [file, text],
  ),
);

const environment = {
  PATH: process.env["PATH"] ?? "",
  AMPHO_DATABASE_URL: "sqlite::memory:",
  JWT_SECRET: "w7QmT1xLr93bZkVfNc0aPjHs52eYuGd8",
  OLD_SECRET: "hush",
  SESSION_SECRET: "Jd4sVb7QwXc2LmZr9KtYp6Hn",
};

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
  for (const [file, text] of snippets) writeFileSync(path.join(consumer.folder, file), text);
});
afterAll(() => consumer.remove());

/** Shared by the programs below: a user, a token of each side, and requests to a listening application. */
const common = `
import jwt from "jsonwebtoken";
import { ampho, secret } from "./ampho.mjs";
const user = await ampho.users.create({ login: "ann", roles: ["editor"] });
const { token } = await ampho.sessions.create(user.id);
const old = jwt.sign({ sub: "17", login: "ann" }, secret, { expiresIn: "1h" });
const forged = jwt.sign({ sub: "17", login: "ann" }, secret + "x", { expiresIn: "1h" });
const bearer = (value) => ({ headers: { authorization: "Bearer " + value } });
const serve = (app) => new Promise((resolve) => {
  const server = app.listen(0, "127.0.0.1", () => resolve("http://127.0.0.1:" + server.address().port));
});
const ask = async (url, value) => {
  const response = await fetch(url, bearer(value));
  return response.status === 200 ? (await response.json()).login : response.status;
};
const say = (value) => { process.stdout.write(JSON.stringify(value)); process.exit(0); };
`;

async function run(program: string): Promise<unknown> {
  const file = path.join(consumer.folder, "program.mjs");
  writeFileSync(file, common + program);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: consumer.folder, env: environment });
  return JSON.parse(stdout);
}

describe("both for a while", () => {
  it("jsonwebtoken and Ampho accept the tokens of each other", async () => {
    const program = `
      import { moved, notYet, oldLogin } from "./jsonwebtoken.mjs";
      const made = oldLogin({ id: "17", login: "ann", roles: ["editor"] });
      const seed = jwt.sign({ login: "ann", exp: Math.floor(Date.now() / 1000) + 900 }, secret, { noTimestamp: true });
      const code = (token) => { try { return moved(token) } catch (error) { return error.code } };
      say([moved(token), moved(made), notYet(token), notYet(made), moved(seed), code(forged),
        ampho.verifySync(made).roles, code(jwt.sign({ login: "ann" }, secret, { expiresIn: "7d" }))]);`;
    expect(await run(program)).toEqual([
      "ann",
      "ann",
      "ann",
      "ann",
      "ann",
      "invalid_token",
      ["editor"],
      "invalid_token",
    ]);
  });

  it("a token of jsonwebtoken is rejected once its user is disabled", async () => {
    const program = `
      const code = (token) => { try { return ampho.verifySync(token).login } catch (error) { return error.code } };
      const before = code(old);
      await ampho.users.disable("ann");
      say([before, code(old), code(token)]);`;
    expect(await run(program)).toEqual(["ann", "invalid_token", "invalid_token"]);
  });

  it.each(["express-jwt", "passport-jwt"])("%s and Ampho accept the tokens of each other", async (name) => {
    const program = `
      import { app } from "./${name}.mjs";
      const url = await serve(app);
      say([await ask(url + "/moved", token), await ask(url + "/moved", old), await ask(url + "/moved", forged),
        await ask(url + "/not-yet", token), await ask(url + "/not-yet", old), await ask(url + "/not-yet", forged)]);`;
    expect(await run(program)).toEqual(["ann", "ann", 401, "ann", "ann", 401]);
  });

  it("@fastify/jwt and Ampho accept the tokens of each other", async () => {
    const program = `
      import { app } from "./fastify-jwt.mjs";
      const url = await app.listen({ port: 0, host: "127.0.0.1" });
      const own = app.jwt.sign({ login: "ann" }, { expiresIn: "1h" });
      say([await ask(url + "/moved", token), await ask(url + "/moved", own), await ask(url + "/moved", forged),
        await ask(url + "/not-yet", token), await ask(url + "/not-yet", own), await ask(url + "/not-yet", forged)]);`;
    expect(await run(program)).toEqual(["ann", "ann", 401, "ann", "ann", 401]);
  });

  it("a session of express-session is exchanged for one session, and not by a form of another site", async () => {
    const program = `
      import { app } from "./express-session.mjs";
      app.get("/old-login", (request, response) => { request.session.userId = user.id; response.end(); });
      app.get("/old-logout", (request, response) => request.session.destroy(() => response.end()));
      const url = await serve(app);
      const signIn = async () => (await fetch(url + "/old-login")).headers.get("set-cookie").split(";")[0];
      const cookie = await signIn();
      const exchange = (type, cookie = "") => fetch(url + "/exchange", { method: "POST", body: "{}", headers: { "content-type": type, cookie } });
      const form = await exchange("text/plain", cookie);
      const unknown = await exchange("application/json");
      const five = await Promise.all([1, 2, 3, 4, 5].map(() => exchange("application/json", cookie)));
      const grants = await Promise.all(five.map((response) => response.json()));
      const sessions = new Set(grants.map(({ token }) => jwt.decode(token).sid)).size;
      const { auth_time } = jwt.decode(grants[0].token);
      const moved = await ask(url + "/moved", grants[0].token);
      await ampho.sessions.end(jwt.decode(grants[0].token).sid);
      const again = await exchange("application/json", cookie);
      const other = await signIn();
      await fetch(url + "/old-logout", { headers: { cookie: other } });
      const ended = await exchange("application/json", other);
      await ampho.users.disable("ann");
      const disabled = await exchange("application/json", await signIn());
      const [{ detail, origin }] = (await ampho.audit.list({})).filter(({ event, detail }) => event === "login" && detail);
      say([form.status, unknown.status, five.map(({ status }) => status), sessions, auth_time, moved, again.status, ended.status,
        disabled.status, detail, origin.address]);`;
    expect(await run(program)).toEqual([
      415,
      401,
      [200, 200, 200, 200, 200],
      1,
      0,
      "ann",
      401,
      401,
      401,
      { way: "express-session" },
      "127.0.0.1",
    ]);
  });

  it("a user with the login of another user in the old system does not become that user here", async () => {
    const program = `
      import { app } from "./express-session.mjs";
      app.get("/old-login", (request, response) => { Object.assign(request.session, { userId: "old-2", login: "ann" }); response.end(); });
      const url = await serve(app);
      const cookie = (await fetch(url + "/old-login")).headers.get("set-cookie").split(";")[0];
      const headers = { "content-type": "application/json", cookie };
      say((await fetch(url + "/exchange", { method: "POST", body: "{}", headers })).status);`;
    expect(await run(program)).toBe(401);
  });

  it("tokens of a secret that Ampho rejects as a key work until they expire", async () => {
    const program = `
      import express from "express";
      import { either } from "./weak-secret.mjs";
      const app = express();
      app.get("/", either, (request, response) => response.json({ login: request.auth.login }));
      const url = await serve(app);
      const weak = (payload, secret = process.env.OLD_SECRET) => jwt.sign(payload, secret, { expiresIn: "1h" });
      const confused = jwt.sign({ login: "eve" }, process.env.OLD_SECRET, { keyid: jwt.decode(token, { complete: true }).header.kid });
      say([await ask(url, token), await ask(url, weak({ email: "ann@example.org" })), await ask(url, weak({ email: "eve" }, "other")),
        await ask(url, confused), (await fetch(url)).status]);`;
    expect(await run(program)).toEqual(["ann", "ann@example.org", 401, 401, 401]);
    await expect(createAmpho({ key: { kty: "oct", k: Buffer.from("hush").toString("base64url") } })).rejects.toThrow();
  });

  it("tokens for Supabase name the role of the database", async () => {
    const program = `
      import { ampho as other } from "./supabase.mjs";
      const { id } = await other.users.create({ login: "bob" });
      const { role, sub } = jwt.verify((await other.sessions.create(id)).token, secret);
      say([role, sub === id]);`;
    expect(await run(program)).toEqual(["authenticated", true]);
  });

  it("the hook adds `login` to the tokens of Supabase, and only the server of Supabase can call it", async () => {
    const server = await startPostgres();
    try {
      const database = await server.database();
      for (const role of ["supabase_auth_admin", "authenticated", "anon"]) {
        const made = `do $$ begin create role ${role}; exception when duplicate_object then null; end $$`;
        await database.query(made);
      }
      await database.query(snippets.get("supabase.sql") ?? "");
      const event = { user_id: "17", claims: { sub: "17", email: "ann@example.org", role: "authenticated" } };
      const [row] = await database.query("select public.ampho_login($1::jsonb) as hooked", [JSON.stringify(event)]);
      expect(row?.["hooked"]).toEqual({ ...event, claims: { ...event.claims, login: "ann@example.org" } });
      const may = "select has_function_privilege($1, 'public.ampho_login(jsonb)', 'execute') as may";
      const rights = ["supabase_auth_admin", "authenticated", "anon"].map((role) => database.query(may, [role]));
      expect((await Promise.all(rights)).map(([one]) => one?.["may"])).toEqual([true, false, false]);
    } finally {
      await server.stop();
    }
  });
});

describe("users of better-auth", () => {
  it("users of better-auth sign in with the hashes that they have", async () => {
    const database = new DatabaseSync(":memory:");
    database.exec(
      `create table user (id text, email text); create table account (userId text, providerId text, password text)`,
    );
    const salt = "000102030405060708090a0b0c0d0e0f";
    const password = "violet kettle harbour morning";
    const key = scryptSync(password, salt, 64, { N: 16384, r: 16, p: 1, maxmem: 128 * 16384 * 16 * 2 });
    database.exec(`insert into user values ('1', 'ann@example.org'), ('2', 'bob@example.org');
      insert into account values ('1', 'credential', '${salt}:${key.toString("hex")}'), ('2', 'github', null)`);
    const rows = database.prepare(snippets.get("better-auth.sql") ?? "").all() as { line: string }[];
    database.close();

    const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: () => undefined });
    try {
      const text = rows.map(({ line }) => `${line}\n`).join("");
      await ampho.users.import([Buffer.from(text)]);
      const login = async (name: string) => {
        const body = JSON.stringify({ login: name, password });
        const headers = { "Content-Type": "application/json" };
        const request = new Request("http://x/api/security/login", { method: "POST", headers, body });
        return (await ampho.fetch(request)).status;
      };
      expect([await login("ann@example.org"), await login("bob@example.org")]).toEqual([200, 401]);
    } finally {
      await ampho.close();
    }
  });
});

describe("Ampho for Python", () => {
  it("its configuration is read unchanged, except for the well known key", async () => {
    const [, text = ""] = /^```json\n([\s\S]*?)^```$/m.exec(section(page, "Ampho for Python")) ?? [];
    const { AMPHO_SECURITY_KEY: key, AMPHO_SECURITY_TOKEN_TTL: tokenTtl } = JSON.parse(text);
    const options = { tokenTtl, databaseUrl: "sqlite::memory:", log: () => undefined };
    await expect(createAmpho({ ...options, key })).rejects.toThrow(/well known/);
    const own = { ...key, k: Buffer.from("Zr4u7xADGKaPdSgVkYp3s6v9yBEHMbQe").toString("base64url") };
    await (await createAmpho({ ...options, key: own })).close();
  });
});

describe("docs/guides/migrating.md", () => {
  it("every parameter on the page exists", () => {
    const known = readPage("docs/reference/configuration.md");
    for (const [name] of page.matchAll(/AMPHO_[A-Z_]+[A-Z]/g)) expect(known, name).toContain(`\n### ${name}\n`);
  });

  it("a test runs each snippet that has a name", () => {
    // The snippet for better-auth runs beside the real one, in `npm run test:all`.
    const tests = [import.meta.filename, path.join(import.meta.dirname, "../installs/migrating.install.test.ts")];
    const program = tests.map((file) => readFileSync(file, "utf8")).join("");
    for (const name of snippets.keys()) expect(program, name).toContain(path.parse(name).name);
    expect(snippets.size).toBe(11);
  });
});
