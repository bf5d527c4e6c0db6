// examples/drizzle: its files, compiled and served, and each way in of docs/guides/own-users.md.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { simpleParser } from "mailparser";
import { Secret, TOTP } from "otpauth";
import { beforeAll, expect, it } from "vitest";
import {
  authenticate,
  bytesOf,
  createSubject,
  register as registerPasskey,
} from "../factors/webauthn/authenticator.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { claimsOf } from "../world/tokens.js";
import { packedWithSqlite, password, serving, shell, write } from "./project.js";

const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "examples/drizzle");
const files = ["people.sql", "people.ts", "users.ts", "server.ts"];
const newPassword = "amber tulip canoe walnut";
const drizzle = ["drizzle-orm@0.45.4", "@libsql/client@0.18.0"];

/** Runs the SQL of the example, or prints the rows of the table. */
const program = `
import { readFileSync } from "node:fs";
import { createClient } from "@libsql/client";
const client = createClient({ url: "file:app.db" });
if (process.argv[2] === "create") await client.executeMultiple(readFileSync("people.sql", "utf8"));
else console.log(JSON.stringify((await client.execute("select * from people order by email")).rows));
`;

let folder = "";
beforeAll(async () => {
  folder = freshFolder();
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    target: "es2022",
    module: "nodenext",
    types: ["node"],
  };
  write(folder, {
    "package.json": '{ "name": "project", "version": "1.0.0", "private": true, "type": "module" }',
    "tsconfig.json": JSON.stringify({ compilerOptions, files: ["server.ts"] }),
    "table.mjs": program,
    ...Object.fromEntries(files.map((name) => [name, readFileSync(path.join(example, name), "utf8")])),
  });
  const packages = [...drizzle, "oauth4webapi@3.8.8", "@types/node@20.19.43", await packedWithSqlite()];
  shell(folder, `npm install --no-audit --no-fund ${packages.join(" ")}`);
  shell(folder, `node ${path.join(root, "node_modules/typescript/bin/tsc")} -p .`);
  shell(folder, "node table.mjs create");
});

interface ReadResponse {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

const rows = (): readonly Readonly<Record<string, unknown>>[] => JSON.parse(shell(folder, "node table.mjs").stdout);

const read = new Set<string>();

/** The code of the next mail to an address. Mails are sent a moment after the request. */
async function codeFor(to: string): Promise<string> {
  const find = async () => {
    for (const name of readdirSync(path.join(folder, "mails")).filter((each) => !read.has(each))) {
      const mail = await simpleParser(readFileSync(path.join(folder, "mails", name)));
      const code = /\d\d \d\d \d\d \d\d/.exec(mail.text ?? "")?.[0];
      if (code !== undefined && JSON.stringify(mail.to).includes(to)) return { name, code };
    }
    return undefined;
  };
  await expect.poll(find).toBeDefined();
  const { name, code } = (await find()) ?? { name: "", code: "" };
  read.add(name);
  return code;
}

it("an application with Drizzle and SQLite has each way in of docs/guides/own-users.md", async () => {
  const now = () => Math.floor(Date.now() / 1000);
  const acme = await startEvilProvider(now);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    AMPHO_DATABASE_URL: "sqlite:ampho.db",
    AMPHO_MAIL_URL: "file:mails",
    AMPHO_APP_URL: "https://example.org/",
    AMPHO_SECURITY_PROVIDERS: JSON.stringify({
      acme: { issuer: acme.issuer, client_id: "client-1", client_secret: "a secret", address: "believed" },
    }),
  };

  async function call(method: string, target: string, body?: object, bearer?: unknown): Promise<ReadResponse> {
    const headers = {
      "content-type": "application/json",
      ...(typeof bearer === "string" && { authorization: `Bearer ${bearer}` }),
    };
    const sent = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${url}/api/security${target}`, sent);
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  }
  const post = (target: string, body: object, bearer?: unknown) => call("POST", target, body, bearer);
  async function register(email: string): Promise<ReadResponse["json"]> {
    const { json } = await post("/register", { email });
    const code = await codeFor(email);
    const finished = await post("/register/finish", { transaction: json["transaction"], code, password });
    expect(finished).toMatchObject({ status: 200 });
    return finished.json;
  }
  const logIn = (login: string, more: object = {}) => post("/login", { login, password, ...more });

  await serving({ folder, command: "exec node server.js", env, url }, async () => {
    // Registration and password: any case is the same user.
    const ann = await register("Ann@x.example");
    expect(rows()).toMatchObject([{ email: "ann@x.example", proven: 1 }]);
    // Mails to a user are counted by the id, and those before it existed by the address.
    expect((await post("/register", { email: "ann@X.example" })).status).toBe(200);
    expect((await post("/register", { email: "ANN@x.example" })).status).toBe(429);
    expect(rows()).toHaveLength(1);
    expect((await logIn("ANN@x.example")).status).toBe(200);
    expect((await logIn("ann@x.example", { password: newPassword })).status).toBe(401);

    // Reset.
    const reset = await post("/password/reset", { login: "ann@x.example", device: ann["device"] });
    const code = await codeFor("ann@x.example");
    const changed = { transaction: reset.json["transaction"], code, new_password: newPassword };
    expect((await post("/password/reset/finish", changed)).status).toBe(204);
    expect((await logIn("ann@x.example")).status).toBe(401);
    expect((await post("/renew", { refresh_token: ann["refresh_token"] })).status).toBe(401);
    expect((await logIn("ann@x.example", { password: newPassword })).status).toBe(200);

    // Change of the password.
    const { json: live } = await logIn("ann@x.example", { password: newPassword });
    const change = { password: newPassword, new_password: password };
    expect((await post("/password", change, live["token"])).status).toBe(200);
    expect((await logIn("ann@x.example", { password: newPassword })).status).toBe(401);
    expect((await logIn("ann@x.example")).status).toBe(200);

    // Mailed code.
    const bob = await register("bob@x.example");
    const mailed = await post("/login/mail", { login: "bob@x.example", device: bob["device"] });
    const typed = { transaction: mailed.json["transaction"], code: await codeFor("bob@x.example") };
    const byMail = await post("/login", typed);
    expect(claimsOf(String(byMail.json["token"]))).toMatchObject({ login: "bob@x.example", amr: ["mail"] });

    // Authenticator app.
    const begun = await post("/totp", {}, byMail.json["token"]);
    const app = new TOTP({ secret: Secret.fromBase32(String(begun.json["secret"])) });
    const codeAt = (step: number) => app.generate({ timestamp: (now() + step * 30) * 1000 });
    const confirm = { transaction: begun.json["transaction"], totp: codeAt(0) };
    expect((await post("/totp/confirm", confirm, byMail.json["token"])).status).toBe(200);
    expect(await logIn("bob@x.example")).toMatchObject({ status: 401, json: { error: "factor_needed" } });
    const second = await logIn("bob@x.example", { totp: codeAt(1) });
    expect(claimsOf(String(second.json["token"]))).toMatchObject({ acr: "2fa", amr: ["pwd", "otp", "mfa"] });

    // Passkey.
    const subject = createSubject(-7);
    const passkeyOf = ({ json }: ReadResponse) => ({ challenge: "", user: { id: "" }, ...(json["passkey"] as object) });
    const options = await post("/passkeys/options", {}, second.json["token"]);
    const challenge = bytesOf(passkeyOf(options).challenge);
    const passkey = registerPasskey(subject, challenge);
    const added = await post("/passkeys", { transaction: options.json["transaction"], passkey }, second.json["token"]);
    expect(added.status).toBe(200);
    const loginPage = await call("GET", "/login");
    const assertion = authenticate(subject, bytesOf(passkeyOf(loginPage).challenge), {
      response: { userHandle: passkeyOf(options).user.id },
    });
    const byPasskey = await post("/login", { transaction: loginPage.json["transaction"], passkey: assertion });
    expect(claimsOf(String(byPasskey.json["token"]))).toMatchObject({ login: "bob@x.example", acr: "phr" });

    // Outside provider: an identity creates a user of the table once, and never takes the one that has its address.
    const outside = async (claims: object): Promise<ReadResponse> => {
      const { json } = await post("/login/outside", { provider: "acme" });
      const { searchParams } = new URL(String(json["url"]));
      acme.claims = { nonce: searchParams.get("nonce"), ...claims };
      const response = { provider: "acme", code: "code-1", state: searchParams.get("state") };
      return post("/login", { transaction: json["transaction"], outside: response });
    };
    const verified = (email: string) => ({
      sub: createHash("sha256").update(email).digest("hex"),
      email,
      email_verified: true,
    });
    const cid = await outside(verified("Cid@x.example"));
    const again = await outside(verified("Cid@x.example"));
    expect(claimsOf(String(again.json["token"]))["sub"]).toBe(claimsOf(String(cid.json["token"]))["sub"]);
    expect(rows().at(-1)).toMatchObject({ email: "cid@x.example", password_hash: null, proven: 1 });
    expect(await outside(verified("ann@x.example"))).toMatchObject({ status: 401, json: { error: "link_needed" } });

    // Change of the address.
    const moved = await post("/account/email", { email: "Dan@x.example" }, again.json["token"]);
    const proof = { transaction: moved.json["transaction"], code: await codeFor("Dan@x.example") };
    expect((await post("/account/email/finish", proof, again.json["token"])).status).toBe(200);
    expect(rows().map(({ email }) => email)).toEqual(["ann@x.example", "bob@x.example", "dan@x.example"]);

    // Deletion.
    const account = await call("GET", "/account", undefined, byPasskey.json["token"]);
    expect(account.json).toMatchObject({ email: "bob@x.example", passkeys: [{ name: expect.any(String) }] });
    expect((await call("DELETE", "/account", undefined, byPasskey.json["token"])).status).toBe(204);
    expect(rows().map(({ email }) => email)).toEqual(["ann@x.example", "dan@x.example"]);
    expect(await logIn("bob@x.example", { totp: codeAt(1) })).toMatchObject({ json: { error: "invalid_credentials" } });
    const laterPage = await call("GET", "/login");
    const gone = authenticate(subject, bytesOf(passkeyOf(laterPage).challenge), {
      response: { userHandle: passkeyOf(options).user.id },
    });
    expect(await post("/login", { transaction: laterPage.json["transaction"], passkey: gone })).toMatchObject({
      json: { error: "unknown_passkey" },
    });
  });
});
