// docs/guides/migrating.md from better-auth, with the real package. Its users log in with their passwords, and its sessions are
// exchanged for tokens.
import { beforeAll, expect, it } from "vitest";
import { snippets } from "../docs/snippets.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { packedWithSqlite, password, serving, shell, write } from "./project.js";

// It uses node:sqlite, which Node 20 does not have.
const node = "24";
const server = `
import { DatabaseSync } from "node:sqlite";
import { readFileSync } from "node:fs";
import { getMigrations } from "better-auth/db/migration";
import { ampho } from "./ampho.mjs";
import { auth } from "./auth.mjs";
import { app } from "./better-auth.mjs";

await (await getMigrations(auth.options)).runMigrations();
for (const name of ["ann", "bob"])
  await auth.api.signUpEmail({ body: { name, email: name + "@example.org", password: ${JSON.stringify(password)} } });

const rows = new DatabaseSync("auth.db").prepare(readFileSync("better-auth.sql", "utf8")).all();
await ampho.users.import([Buffer.from(rows.map(({ line }) => line + "\\n").join(""))]);
await ampho.users.disable("bob@example.org");
app.listen(Number(process.env.PORT), "127.0.0.1");
`;
const auth = `
import { DatabaseSync } from "node:sqlite";
import { betterAuth } from "better-auth";

export const auth = betterAuth({
  baseURL: "http://127.0.0.1:" + process.env.PORT,
  secret: "a secret of thirty-two characters",
  database: new DatabaseSync("auth.db"),
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: true, maxAge: 300 } },
});
`;

let folder = "";
beforeAll(async () => {
  folder = freshFolder();
  write(folder, {
    "package.json": '{ "name": "project", "version": "1.0.0", "private": true, "type": "module" }',
    "server.mjs": server,
    "auth.mjs": auth,
    ...snippets("docs/guides/migrating.md", "ampho.mjs", "better-auth.mjs", "better-auth.sql"),
  });
  shell(
    folder,
    `npm install --no-audit --no-fund better-auth@1.7.25 express@5.3.0 ${await packedWithSqlite()}`,
    {},
    node,
  );
});

it("a migration from better-auth keeps users and hashes, and exchanges sessions for tokens", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    JWT_SECRET: "w7QmT1xLr93bZkVfNc0aPjHs52eYuGd8",
    AMPHO_DATABASE_URL: "sqlite::memory:",
  };
  await serving({ folder, command: "exec node server.mjs", env, node, url }, async () => {
    const post = (target: string, body: object, headers: Record<string, string> = {}) =>
      fetch(url + target, {
        method: "POST",
        headers: { "content-type": "application/json", origin: url, ...headers },
        body: JSON.stringify(body),
      });
    const login = await post("/api/security/login", { login: "ann@example.org", password });
    expect(login.status).toBe(200);

    const cookieOf = async (email: string) => {
      const response = await post("/api/auth/sign-in/email", { email, password });
      expect(response.status).toBe(200);
      return response.headers
        .getSetCookie()
        .map((cookie) => cookie.split(";")[0])
        .join("; ");
    };
    const cookie = await cookieOf("ann@example.org");
    const five = await Promise.all([1, 2, 3, 4, 5].map(() => post("/exchange", {}, { cookie })));
    const grants = await Promise.all(five.map((exchanged) => exchanged.json()));
    const sessions = grants.map(
      (each) => JSON.parse(Buffer.from(each.token.split(".")[1], "base64url").toString()).sid,
    );
    expect(new Set(sessions).size).toBe(1);
    const { token, refresh_token } = grants[0];
    const moved = await fetch(`${url}/moved`, { headers: { authorization: `Bearer ${token}` } });
    expect([moved.status, await moved.json(), typeof refresh_token]).toEqual([
      200,
      { login: "ann@example.org" },
      "string",
    ]);

    // MV-1: the browser keeps the cookie of the cache, and the session has ended.
    const ended = await cookieOf("ann@example.org");
    expect(ended).toContain("session_data");
    expect((await post("/api/auth/sign-out", {}, { cookie: ended })).status).toBe(200);
    expect((await post("/exchange", {}, { cookie: ended })).status).toBe(401);

    // MV-10: the address of another user. The id stays that of the old system.
    const stranger = await post("/exchange", {});
    const disabled = await post("/exchange", {}, { cookie: await cookieOf("bob@example.org") });
    const form = await post(
      "/exchange",
      {},
      { cookie: await cookieOf("ann@example.org"), "content-type": "text/plain" },
    );
    expect([stranger.status, disabled.status, form.status]).toEqual([401, 401, 415]);
  });
});
