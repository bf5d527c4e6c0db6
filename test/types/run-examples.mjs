// Runs examples in the folder of a consumer, each with its own instance. The arguments are the files, and the result is JSON on
// stdout: the error of each file that failed. The names that examples take for granted are global.
import { createServer } from "node:http";
import { AmphoError, createAmpho, hashPassword } from "ampho";
import { mount } from "ampho/node";

const password = "violet kettle harbour morning";
const { subpath, files } = JSON.parse(process.argv[2]);

/** The user of the examples has no second factor, and no code was mailed. The server reports that, so the call is right. */
const accepted = new Set(["invalid_credentials", "last_way_in", "not_found"]);

const frameworks = {
  "ampho/express": async () => (await import("express")).default(),
  "ampho/fastify": async () => (await import("fastify")).fastify(),
  "ampho/hono": async () => new (await import("hono")).Hono(),
  "ampho/koa": async () => new (await import("koa")).default(),
};

async function world() {
  const appUrl = "http://localhost:3000/";
  const mail = async () => {};
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    appUrl,
    mail,
    registration: "open",
    mailLogin: true,
    cookies: !subpath.startsWith("ampho/client"),
    log: () => {},
  });
  const user = await ampho.users.create({ login: "alice", password, email: "alice@example.org", roles: ["editor"] });
  const grant = await ampho.sessions.create(user.id, { amr: ["pwd", "otp", "mfa"], acr: "2fa" });
  const auth = await ampho.verify(grant.token);
  const server = createServer(mount(ampho));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const hash = await hashPassword(password);
  const headers = new Headers({ authorization: `Bearer ${grant.token}` });
  return {
    ampho,
    user,
    auth,
    url,
    server,
    hash,
    headers,
    password,
    token: grant.token,
    login: "ann",
    newPassword: "saffron anchor drizzle glass",
    email: "ann@example.org",
    address: "203.0.113.7",
    id: user.id,
    sessionId: auth.session,
    kid: "2026-11",
    feedToken: "0".repeat(32),
    captcha: "solved",
    invite: "none",
    request: new Request(`${appUrl}articles`, { headers }),
    error: new AmphoError("too_many_attempts", "Wait.", { retryAfterSeconds: 60 }),
    now: grant.starts,
    bytes: new Uint8Array(16),
    row: { id: "u1", login: "alice", passwordHash: hash },
    lines: ['{"login":"carol"}'],
    show: () => {},
    ...(await clients(url)),
    app: await frameworks[subpath === "ampho" ? "ampho/express" : subpath]?.(),
  };
}

async function clients(baseUrl) {
  if (!subpath.startsWith("ampho/client")) return {};
  const { createClient } = await import(subpath === "ampho/client/mail" ? subpath : "ampho/client/full");
  const client = createClient({ baseUrl });
  await client.login("alice", password);
  const { createAccount } = await import("ampho/client/account");
  const memory = new Map();
  const storage = {
    get: (key) => memory.get(key),
    set: (key, value) => memory.set(key, value),
    remove: (key) => memory.delete(key),
  };
  return { client, storage, ...createAccount(client) };
}

const failures = {};
for (const file of files) {
  const values = await world();
  Object.assign(globalThis, values);
  try {
    await import(`./${file}?${encodeURIComponent(values.url)}`);
  } catch (error) {
    if (!accepted.has(error?.code)) failures[file] = String(error?.stack);
  }
  values.server.close();
  await values.ampho.close();
}
process.stdout.write(`\n${JSON.stringify(failures)}`, () => process.exit(0));
