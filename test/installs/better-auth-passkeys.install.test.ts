// The passkeys that the real better-auth has registered, imported as docs/guides/importing.md describes it, and used afterwards.
import { beforeAll, expect, it } from "vitest";
import { snippets } from "../docs/snippets.js";
import { authenticate, createSubject, register, type Subject, sha256 } from "../factors/webauthn/authenticator.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { claimsOf } from "../world/tokens.js";
import { packedWithSqlite, password, serving, shell, write } from "./project.js";

// It uses node:sqlite, which Node 20 does not have.
const node = "24";
const server = `
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { createAmpho } from "ampho";
import { mount } from "ampho/node";
import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { fromBetterAuth } from "./passkey-records.mjs";

const url = "http://localhost:" + process.env.PORT;
const database = new DatabaseSync("auth.db");
const auth = betterAuth({
  baseURL: url,
  secret: "a secret of thirty-two characters",
  database,
  emailAndPassword: { enabled: true },
  plugins: [passkey({ rpID: "localhost", origin: url })],
});
await (await getMigrations(auth.options)).runMigrations();
const ampho = await createAmpho({ appUrl: url + "/", databaseUrl: "sqlite::memory:", log: () => {} });

async function importAll() {
  const users = database.prepare("select id, email as login from user").all();
  const rows = database.prepare("select * from passkey").all();
  const lines = users.map(({ id, login }) =>
    JSON.stringify({ login, passkeys: rows.filter(({ userId }) => userId === id).map(fromBetterAuth) }) + "\\n");
  return ampho.users.import([Buffer.from(lines.join(""))]);
}

const theirs = toNodeHandler(auth);
const ours = mount(ampho);
createServer(async (request, response) => {
  if (request.url.startsWith("/api/auth/")) return theirs(request, response);
  if (request.url === "/import") return response.end(JSON.stringify(await importAll()));
  ours(request, response);
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

let folder = "";
beforeAll(async () => {
  folder = freshFolder();
  write(folder, {
    "package.json": '{ "name": "project", "version": "1.0.0", "private": true, "type": "module" }',
    "server.mjs": server,
    ...snippets("docs/guides/importing.md", "passkey-records.mjs"),
  });
  // The plug-in wants exactly the versions that its own better-auth has.
  const theirs =
    "better-auth@1.7.6 @better-auth/passkey@1.7.6 @better-auth/core@1.7.6 @better-auth/utils@0.4.2 better-call@1.4.0";
  const packages = `${theirs} ${await packedWithSqlite()}`;
  shell(folder, `npm install --no-audit --no-fund ${packages}`, {}, node);
});

it("passkeys of better-auth are imported, and sign in alone with the user handle of their authenticator", async () => {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const env = { PORT: String(port) };
  await serving({ folder, command: "exec node server.mjs", env, node, url }, async () => {
    const cookies = new Map<string, string>();
    const call = async (method: string, target: string, body?: object) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { "content-type": "application/json", origin: url, cookie };
      const response = await fetch(url + target, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      for (const line of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      const text = await response.text();
      expect(response.status, text).toBe(200);
      return JSON.parse(text);
    };
    const change = { clientData: { origin: url }, rpIdHash: sha256("localhost") };
    const subjects = [createSubject(-7), createSubject(-257, { backupEligible: false })];
    const handles = new Map<Subject, string>();
    await call("POST", "/api/auth/sign-up/email", { name: "Ann", email: "ann@example.org", password });
    for (const subject of subjects) {
      const { challenge, user } = await call("GET", "/api/auth/passkey/generate-register-options");
      handles.set(subject, user.id);
      const response = register(subject, Buffer.from(challenge, "base64url"), change);
      await call("POST", "/api/auth/passkey/verify-registration", { response, name: "Key" });
    }
    expect(new Set(handles.values()).size).toBe(2);
    expect(await call("GET", "/import")).toMatchObject({ users: 1 });
    cookies.clear();
    for (const subject of subjects) {
      const { transaction, passkey } = await call("GET", "/api/security/login");
      const response = { userHandle: handles.get(subject) };
      const challenge = Buffer.from(passkey.challenge, "base64url");
      const assertion = authenticate(subject, challenge, { ...change, signCount: 1, response });
      const { token } = await call("POST", "/api/security/login", { transaction, passkey: assertion });
      expect(claimsOf(token)).toMatchObject({ login: "ann@example.org", acr: "phr" });
    }
  });
});
