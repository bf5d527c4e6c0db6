// The code of six pages of docs/guides compiles, and runs in a project with the packed tarball.
import { writeFileSync } from "node:fs";
import path from "node:path";
import bcrypt from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfiguration } from "../../dist/config/configuration.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";
import { authenticate, bytesOf, createSubject, register } from "../factors/webauthn/authenticator.js";
import { openWorld, password } from "../world/ampho.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { DatabaseSync } from "../world/sqlite.js";
import { claimsOf } from "../world/tokens.js";
import { readPage } from "./evidence.js";
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

describe("docs/guides/testing.md", () => {
  it("the tests on the page pass", () => {
    const shown = snippets("docs/guides/testing.md", "app.ts", "testing.ts", "app.test.ts");
    for (const [file, text] of Object.entries(shown)) write(file, text);
    compile("app.test.ts");
    expect(run("vitest/vitest.mjs", "run", "--root", ".", "--no-color", "--testTimeout=600000", "app.test.js")).toMatch(
      /Tests +2 passed/,
    );
  });
});

describe("docs/guides/own-users.md", () => {
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
    for (const [file, text] of Object.entries(snippets("docs/guides/own-users.md", "own-users.ts"))) write(file, text);
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
      const responses = [await logIn("Ann@example.org", "an old one"), await logIn("ann@example.org", "wrong")];
      while (needsRehash(rows[0]?.passwordHash ?? "")) await new Promise((resolve) => setTimeout(resolve, 20));
      responses.push(await logIn("ann@example.org", "an old one"));
      process.stdout.write(JSON.stringify([...responses, (await ampho.verify(token)).roles, await ampho.sessions.endForUser("7")]));
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

  it("the functions for mail on the page register a user and reset the password", () => {
    write(
      "table.ts",
      `export interface Row { id: number; email: string; passwordHash: string | null; proven: boolean }
      export const rows: Row[] = [];
      export const table = {
        async insert(row: Omit<Row, "id">) {
          if (rows.some(({ email }) => email === row.email)) return undefined;
          const created = { id: rows.length + 1, ...row };
          rows.push(created);
          return created;
        },
        async setHash(id: string, hash: string) {
          for (const row of rows) if (String(row.id) === id) row.passwordHash = hash;
        },
        async setEmail(id: string, email: string) {
          for (const row of rows) if (String(row.id) === id) row.email = email;
          return true;
        },
      };`,
    );
    for (const [file, text] of Object.entries(snippets("docs/guides/own-users.md", "by-mail.ts"))) write(file, text);
    write(
      "help-themselves.ts",
      `import { createAmpho, verifyPassword } from "ampho";
      import { byMail } from "./by-mail.js";
      import { rows } from "./table.js";
      // Nothing of Ampho keeps a process alive, which a server does.
      const alive = setInterval(() => undefined, 1000);
      const mails: string[] = [];
      const userOf = (login: string) => {
        const row = rows.find(({ email }) => email === login);
        return row && { id: String(row.id), login, email: login, emailProven: row.proven, hash: row.passwordHash };
      };
      const ampho = await createAmpho({
        appUrl: "https://app.example/",
        registration: "open",
        mail: async ({ text }) => void mails.push(text),
        users: { find: userOf, verify: ({ hash }, password) => verifyPassword(hash, password), ...byMail },
      });
      const call = async (path: string, body: object) => {
        const headers = { "content-type": "application/json" };
        const url = "http://shop/api/security" + path;
        const response = await ampho.fetch(new Request(url, { method: "POST", body: JSON.stringify(body), headers }));
        const text = await response.text();
        const json: { readonly transaction?: string; readonly device?: string } = text === "" ? {} : JSON.parse(text);
        return { status: response.status, ...json };
      };
      const code = async () => {
        while (mails.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        return /\\d\\d \\d\\d \\d\\d \\d\\d/.exec(mails.shift() ?? "")?.[0];
      };
      const [login, password, new_password] = ["ann@example.org", "violet kettle harbour morning", "amber tulip canoe walnut"];
      const { transaction } = await call("/register", { email: login });
      const { status, device } = await call("/register/finish", { transaction, code: await code(), password });
      const begun = await call("/password/reset", { login, device });
      const reset = await call("/password/reset/finish", { ...begun, code: await code(), new_password });
      const after = await call("/login", { login, password: new_password });
      process.stdout.write(JSON.stringify([status, reset.status, after.status, rows[0]?.proven]));
      await ampho.close();
      clearInterval(alive);`,
    );
    compile("help-themselves.ts");
    const options = { cwd: consumer.folder, encoding: "utf8", env: environment, stdio: "pipe" } as const;
    expect(JSON.parse(execFileSync(process.execPath, ["help-themselves.js"], options))).toEqual([200, 204, 200, true]);
  });
});

describe("docs/guides/mail.md", () => {
  it("the code on the page sends the mail of a login with a text of its own", () => {
    const shown = snippets("docs/guides/mail.md", "own-mail.ts", "own-texts.ts");
    for (const [file, text] of Object.entries(shown)) write(file, text);
    write(
      "provider.ts",
      `export type Sent = Readonly<Record<"idempotencyKey" | "to" | "from" | "subject" | "text" | "html", string>>;
      let arrive: (sent: Sent) => void;
      export const arrived = new Promise<Sent>((resolve) => (arrive = resolve));
      export const provider = { send: async (sent: Sent): Promise<void> => arrive(sent) };`,
    );
    write(
      "login-by-mail.ts",
      `import { createAmpho } from "ampho";
      import { mail } from "./own-mail.js";
      import { mailText } from "./own-texts.js";
      import { arrived } from "./provider.js";
      // Nothing of Ampho keeps a process alive, which a server does.
      const alive = setInterval(() => undefined, 1000);
      const options = { appUrl: "https://app.example/", appName: "Shop", mailLogin: true };
      const ampho = await createAmpho({ ...options, mail, mailText, mailFrom: "no-reply@app.example" });
      await ampho.users.create({ login: "ann@example.com", password: "violet kettle harbour morning" });
      const body = JSON.stringify({ login: "ann@example.com" });
      const headers = { "content-type": "application/json" };
      await ampho.fetch(new Request("http://shop/api/security/login/mail", { method: "POST", body, headers }));
      process.stdout.write(JSON.stringify(await arrived));
      await ampho.close();
      clearInterval(alive);`,
    );
    compile("login-by-mail.ts");
    const options = { cwd: consumer.folder, encoding: "utf8", env: environment, stdio: "pipe" } as const;
    const sent: unknown = JSON.parse(execFileSync(process.execPath, ["login-by-mail.js"], options));
    expect(sent).toMatchObject({
      to: "ann@example.com",
      from: "no-reply@app.example",
      subject: "Your login to Shop",
      text: expect.stringMatching(/^\d\d \d\d \d\d \d\d\n\nhttps:\/\/app\.example\/#\S+\n\nValid for 10 minutes\.\n$/),
    });
  });
});

describe("docs/guides/second-factors.md", () => {
  it("the code on the page sets up an app, signs in with it, and raises a session for a payment", () => {
    const names = ["set-up.ts", "log-in.ts", "payments.ts", "client.ts"] as const;
    const shown = snippets("docs/guides/second-factors.md", ...names);
    for (const [file, text] of Object.entries(shown))
      write(file, text.replace('baseUrl: "/"', 'baseUrl: process.env["SHOP"] ?? ""'));
    write(
      "ampho.ts",
      `import { createServer } from "node:http";
      import type { AddressInfo } from "node:net";
      import { type Ampho, createAmpho } from "ampho";
      import { mount } from "ampho/node";
      let ahead = 0;
      const now = () => Math.floor(Date.now() / 1000) + ahead;
      export const wait = (seconds: number) => void (ahead += seconds);
      export const seconds = now;
      const clock = { now, monotonicMs: () => performance.now() };
      export const ampho: Ampho = await createAmpho({ clock, appName: "Shop", factors: { "*": "optional", admin: "required" } });
      const handle = mount(ampho);
      export const server = createServer((request, response) =>
        handle(request, response, async () => {
          const { POST } = await import("./payments.js");
          const headers = new Headers({ authorization: request.headers.authorization ?? "" });
          const returned = await POST(new Request("http://shop/payments", { method: "POST", headers }));
          response.writeHead(returned.status, Object.fromEntries(returned.headers)).end(await returned.text());
        }),
      );
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      process.env["SHOP"] = \`http://127.0.0.1:\${(server.address() as AddressInfo).port}\`;`,
    );
    write(
      "dialogs.ts",
      `import { TOTP, URI } from "otpauth";
      import { seconds, wait } from "./ampho.js";
      let app = new TOTP();
      export const shown: string[] = [];
      export function showQrCode(uri: string): void {
        app = URI.parse(uri) as TOTP;
        shown.push(app.issuer);
      }
      export const showCodes = (codes: readonly string[]): void => void shown.push(\`\${codes.length} codes\`);
      export const password = "violet kettle harbour morning";
      export const askPassword = async (): Promise<string> => password;
      export const askRecoveryCode = askPassword;
      export async function askCode(): Promise<string> {
        shown.push("code");
        // Each code works once, so the user waits for the next one.
        wait(30);
        return app.generate({ timestamp: seconds() * 1000 });
      }`,
    );
    write(
      "program.ts",
      `import { ampho, server, wait } from "./ampho.js";
      import { password, shown } from "./dialogs.js";
      const { client } = await import("./client.js");
      const { logIn } = await import("./log-in.js");
      const { setUp } = await import("./set-up.js");
      const pay = async () => (await client.fetch("/payments", { method: "POST" })).json();
      await ampho.users.create({ login: "ann", password });
      await ampho.users.create({ login: "root", password, roles: ["admin"] });
      await logIn("ann", password);
      shown.push(\`\${(await setUp()).length} new codes\`);
      await client.logout();
      await logIn("ann", password);
      const paid = [await pay()];
      wait(600);
      paid.push(await pay());
      await client.logout();
      await logIn("ann", password);
      paid.push((await client.session())?.acr, await pay());
      await client.logout();
      await logIn("root", password);
      paid.push((await client.session())?.acr);
      process.stdout.write(JSON.stringify({ shown, paid }));
      server.close();
      await ampho.close();`,
    );
    compile("program.ts");
    const options = { cwd: consumer.folder, encoding: "utf8", env: environment, stdio: "pipe" } as const;
    const { shown: seen, paid } = JSON.parse(execFileSync(process.execPath, ["program.js"], options));
    const receipt = { paidBy: "ann", with: ["pwd", "otp", "mfa"] };
    expect(paid).toEqual([receipt, receipt, "1fa", receipt, "2fa"]);
    // Set-up, login, a payment ten minutes later, a payment from the remembered device, and a role that requires a factor.
    expect(seen).toEqual(["Shop", "code", "8 new codes", "code", "code", "code", "Shop", "code", "8 codes"]);
  });
});

describe("docs/guides/passkeys.md", () => {
  it("the code on the page adds a passkey with recovery codes, and signs in with it by autofill", async () => {
    const shown = snippets("docs/guides/passkeys.md", "call.ts", "log-in-with-passkey.ts", "add-passkey.ts");
    for (const [file, text] of Object.entries(shown)) write(file, text);
    compile("log-in-with-passkey.ts", "add-passkey.ts");
    const world = await openWorld({ appUrl: "https://example.org/" });
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const { asked } = browserOf(world.ampho);
    const { addPasskey } = (await load("add-passkey.js")) as {
      addPasskey(token: string, name: string): Promise<readonly string[] | undefined>;
    };
    expect(await addPasskey(token, "Phone")).toHaveLength(8);
    const { logInWithPasskey } = (await load("log-in-with-passkey.js")) as {
      logInWithPasskey(mediation?: string): Promise<{ readonly token: string }>;
    };
    for (const mediation of [undefined, "conditional"])
      expect(claimsOf((await logInWithPasskey(mediation)).token)).toMatchObject({ login: "ann", acr: "phr" });
    expect(asked).toEqual([undefined, "optional", "conditional"]);
  });

  const load = (file: string): Promise<unknown> => import(path.join(consumer.folder, file));

  interface Asked {
    readonly mediation?: string;
    readonly publicKey: { readonly challenge: string; readonly user?: { readonly id: string } };
  }

  /** The browser of a page at https://example.org, with one authenticator. */
  function browserOf({ fetch }: { fetch(request: Request): Promise<Response> }) {
    const subject = createSubject(-7);
    const asked: (string | undefined)[] = [];
    let userHandle: string | undefined;
    const ceremony = ({ publicKey, mediation }: Asked) => {
      asked.push(mediation);
      userHandle ??= publicKey.user?.id;
      const challenge = bytesOf(publicKey.challenge);
      const response = publicKey.user
        ? register(subject, challenge)
        : authenticate(subject, challenge, { response: { userHandle } });
      return Promise.resolve({ toJSON: () => response });
    };
    const parse = (options: unknown) => options;
    vi.stubGlobal("PublicKeyCredential", { parseRequestOptionsFromJSON: parse, parseCreationOptionsFromJSON: parse });
    vi.stubGlobal("navigator", { credentials: { get: ceremony, create: ceremony } });
    vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
      fetch(new Request(new URL(url, "https://example.org"), init)),
    );
    onTestFinished(() => void vi.unstubAllGlobals());
    return { asked };
  }
});

describe("docs/guides/providers.md", () => {
  it("the settings on the page are accepted, and its code signs in at a provider", async () => {
    const [settings = ""] = /^```json\n(.*?)^```$/ms.exec(readPage("docs/guides/providers.md"))?.slice(1) ?? [];
    const env = { AMPHO_APP_URL: "https://app.example/", AMPHO_SECURITY_PROVIDERS: settings };
    const given = { env, cwd: consumer.folder, user: "me", host: "here" };
    const { providers } = readConfiguration(given).configuration;
    expect(providers.map(({ label }) => label)).toEqual(["Microsoft", "GitHub", "Acme"]);

    for (const [file, text] of Object.entries(snippets("docs/guides/providers.md", "sign-in.ts", "link.ts")))
      write(file, text);
    write(
      "client.ts",
      `import { createClient } from "ampho/client/full";
      export const client = createClient({ baseUrl: "https://app.example" });`,
    );
    compile("sign-in.ts", "link.ts");
    const evil = await startEvilProvider(() => world.clock.now());
    const google = { issuer: evil.issuer, client_id: "client-1", client_secret: "s" };
    const world = await openWorld({ appUrl: "https://app.example/", mail: async () => {}, providers: { google } });
    vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
      String(url).startsWith("https://app.example") ? world.ampho.fetch(new Request(url, init)) : realFetch(url, init),
    );
    onTestFinished(() => void vi.unstubAllGlobals());
    const { signIn, comeBack } = (await import(path.join(consumer.folder, "sign-in.js"))) as {
      signIn(provider: string): Promise<string>;
      comeBack(): Promise<string | undefined>;
    };
    const { searchParams } = new URL(await signIn("google"));
    const { id } = await world.user("ann");
    evil.claims = { nonce: searchParams.get("nonce"), sub: "s-1" };
    const database = new DatabaseSync(world.databaseFile);
    database
      .prepare(
        "insert into ampho_identities (issuer, subject, user_id, provider, created_at) values (?, 's-1', ?, 'google', 0)",
      )
      .all(evil.issuer, id);
    database.close();
    const fields = new URLSearchParams({ code: "c", state: searchParams.get("state") ?? "", provider: "google" });
    vi.stubGlobal("location", { hash: `#${fields}`, pathname: "/", search: "" });
    vi.stubGlobal("history", { state: null, replaceState: () => {} });
    expect(await comeBack()).toBe("/cart");
  });

  const realFetch = globalThis.fetch;
});
