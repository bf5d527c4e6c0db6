// The examples of docs/reference/http.md: one exchange with each route, as a real instance had it. A change of the wire needs
// `npx vitest run test/http/examples.test.ts -u`, and then `npm run docs`.

import { createPublicKey } from "node:crypto";
import path from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import bcrypt from "bcryptjs";
import { expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import type { AuditRow } from "../../dist/index.js";
import { settings } from "../connect/connections.js";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { begin, begunOf, codeOf, type Mailed, type Outside, openOutside } from "../gate/outside.js";
import { codeAt, wrongCode } from "../gate/owners.js";
import { addPasskeyOwner, beginPasskey, logInWith } from "../gate/passkey-owners.js";
import { basic } from "../service-accounts/services.js";
import { grantOf, openWorld, password, type ReadResponse, type Sent, type World } from "../world/ampho.js";
import { ampho as runCommand } from "../world/command.js";
import { keyPair } from "../world/key-pairs.js";
import { newKey } from "../world/tokens.js";

const newPassword = "saffron anchor drizzle glass";
const feedToken = "0".repeat(32);
const key = {
  ...keyPair("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }),
  alg: "ES256",
  kid: "2026-11",
};

interface Exchange {
  readonly target: string;
  readonly bearer: boolean;
  /** The body was a form. */
  readonly form?: true;
  /** The header had the id and the key of a service. */
  readonly basic?: true;
  readonly request: unknown;
  readonly response: unknown;
}

/** Keeps the first exchange with each route that ended as its row promises. */
function recording(world: World, kept: Map<string, Exchange>): World {
  return {
    ...world,
    async call(method, target, sent = {}) {
      const response = await world.call(method, target, sent);
      const route = routes.find((row) => row.method === method && patternOf(row.path).test(target));
      const name = `${method} ${route?.path}`;
      if (response.status === route?.status && !kept.has(name)) kept.set(name, exchangeOf(target, sent, response));
      return response;
    },
  };
}

const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}(?:\\?.*)?$`);

function exchangeOf(
  target: string,
  { body, form, bearer, headers: sent }: Sent,
  { headers, json, text }: ReadResponse,
): Exchange {
  const location = headers.get("location");
  // The document describes itself. The example shows its beginning.
  const { paths: _, components: __, ...begun } = json;
  const response = text === "" ? (location === null ? undefined : { location }) : begun;
  const basic = sent?.["Authorization"]?.startsWith("Basic ") === true;
  const more = { ...(form !== undefined && ({ form: true } as const)), ...(basic && { basic }) };
  return { target, bearer: bearer !== undefined, ...more, request: form ?? body, response };
}

/** The members whose values differ from run to run, or are secrets. Random texts in other members become an ellipsis. */
const stable: Readonly<Record<string, string>> = {
  match: "42",
  totp: "123456",
  start: "aB3d",
  recovery_code: "ABCD-EFGH-JKLM-NPQR-STUV-WXYZ",
  epoch: "…",
  version: "…",
};

function settled(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return (name === "amr" ? value : value.slice(0, 2)).map((each) => settled(each, name));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([each, inner]) => [each, settled(inner, each)]));
  if (typeof value !== "string") return value;
  if (name === "recovery_codes") return stable["recovery_code"];
  if (name === "code" && /^\d{8}$/.test(value)) return "12345678";
  return (stable[name] ?? value)
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "https://id.example")
    .replace(/(?<![\w-])eyJ[\w.-]+/g, "eyJ…")
    .replace(/(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z0-9])[\w-]{16,}/g, "…");
}

it("each route has an example that its schemas describe", async () => {
  const kept = new Map<string, Exchange>();
  const open = async (options = {}) => recording(await openWorld(options), kept);
  const mails: Mailed[] = [];
  const mail = async ({ to, kind, text }: Mailed) => {
    if (to === "down@example.org") throw new Error("The mail server is down.");
    mails.push({ to, kind, text });
  };
  const opened = await openOutside(
    { open },
    {
      options: {
        appUrl: "https://example.org/",
        appName: "Example",
        registration: "open",
        mailLogin: true,
        key,
        revocationFeedToken: feedToken,
        mail,
        breachesUrl: "http://127.0.0.1:1/",
        captcha: () => false,
        tokenIssuer: "https://login.example",
        tokenAudience: "https://api.example",
        scopes: { editor: ["articles:read", "articles:write"] },
        apiKeys: 5,
        tokenEndpoint: true,
        connect: ["registered", "dynamic"],
        scopeTexts: { "articles:read": "Read your articles", "articles:write": "Write articles" },
      },
    },
  );
  const outside = { ...opened, mails };
  const { world, evil } = outside;
  const call = (method: string, target: string, bearer?: string, body?: object) =>
    world.call(method, target, { bearer, body });
  const login = async (name: string) => (await world.login(name)).token;
  const tokenOf = ({ json }: ReadResponse) => String(json["token"]);
  const mailed = async (kind: string, pattern: RegExp) => {
    const newest = () => mails.filter((mail) => mail.kind === kind).at(-1);
    await expect.poll(newest).toBeDefined();
    return pattern.exec(newest()?.text ?? "")?.[1]?.replaceAll(" ", "");
  };
  const eightDigits = /^(\d\d \d\d \d\d \d\d)$/m;

  for (const path of ["/login", "/.well-known/jwks.json", "/openapi.json"]) await call("GET", path);

  // Sessions.
  await world.user("ann", { password, roles: ["editor"] });
  const { token, refresh_token } = await world.login("ann");
  await call("GET", "/session", token);
  await call("GET", "/sessions", token);
  await call("POST", "/renew", undefined, { refresh_token });
  await call("DELETE", `/sessions/${(await world.ampho.verify(await login("ann"))).session}`, token);
  await call("POST", "/logout", token);
  await call("DELETE", "/sessions", await login("ann"));
  await world.call("GET", "/revocations?after=0", { bearer: feedToken });
  await call("POST", "/password", await login("ann"), { password, new_password: newPassword });

  // API keys.
  await world.user("tess", { password, roles: ["editor"] });
  const tess = await login("tess");
  const created = await call("POST", "/api-keys", tess, { name: "Backup", scopes: ["articles:read"] });
  await call("GET", "/api-keys", tess);
  const successor = await call("POST", `/api-keys/${created.json["id"]}/rotate`, tess, { overlap: 3600 });
  await call("DELETE", `/api-keys/${successor.json["id"]}`, tess);

  // Service accounts.
  const { id: service } = await world.ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
  const { key: serviceKey } = await world.ampho.services.createApiKey("gateway");
  const authorized = basic(service, serviceKey);
  const issued = await world.call("POST", "/token", {
    form: { grant_type: "client_credentials" },
    headers: authorized,
  });
  await world.call("POST", "/introspect", { form: { token: tess }, headers: authorized });
  await world.call("POST", "/revoke", { form: { token: String(issued.json["access_token"]) } });
  const named = { scope: "articles:read", subject_token_type: "urn:ietf:params:oauth:token-type:access_token" };
  await world.ampho.services.setScopes("gateway", ["ampho:introspect", "ampho:exchange", "articles:read"]);
  await world.call("POST", "/token", {
    form: { ...named, grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: tess },
    headers: authorized,
  });

  await connections(world, tess);

  // Authenticator apps.
  await world.user("bob", { password, roles: ["editor"] });
  const bob = await login("bob");
  const { json: setUp } = await call("POST", "/totp", bob, {});
  const totp = codeAt(String(setUp["secret"]), world.clock.now());
  await call("POST", "/totp/confirm", bob, { transaction: setUp["transaction"], totp });
  world.clock.advance(60);
  const code = codeAt(String(setUp["secret"]), world.clock.now());
  const strong = String(
    (await call("POST", "/login", undefined, { login: "bob", password, totp: code })).json["token"],
  );
  const next = tokenOf(await call("POST", "/recovery-codes", strong));
  await call("DELETE", "/devices", next);
  await call("DELETE", "/totp", next);

  // Passkeys and the account.
  const owner = await addPasskeyOwner(world, "carol");
  world.clock.advance(60);
  const byPasskey = async () => String((await logInWith(world, owner)).json["token"]);
  const first = await byPasskey();
  await call("GET", "/passkeys", first);
  await call("GET", "/account", first);
  await call("GET", "/account/export", first);
  await call("GET", "/account/access", first);
  const second = createSubject(-7);
  const { transaction, challenge } = await beginPasskey(world, first);
  const added = { transaction, passkey: register(second, challenge), name: "Key" };
  const changed = tokenOf(await call("POST", "/passkeys", first, added));
  const id = second.id.toString("base64url");
  await call("POST", `/passkeys/${id}`, changed, { name: "Security key" });
  await call("DELETE", `/passkeys/${id}`, changed);
  await call("DELETE", "/password", await byPasskey());
  await call("DELETE", "/account/access", await byPasskey());
  await call("POST", "/account/login", await byPasskey(), { login: "caroline" });
  await world.user("finn", { password });
  await call("DELETE", "/account", await login("finn"));

  // Outside providers.
  await world.user("dan", { password });
  const dan = await login("dan");
  const linking = begunOf(await call("POST", "/identities", dan, { provider: "acme", return_to: "/account" }));
  evil.claims = { nonce: linking.nonce, sub: "dan" };
  const proof = { provider: "acme", code: "code-1", state: linking.state };
  const finish = { transaction: linking.transaction, outside: proof };
  const linked = tokenOf(await call("POST", "/identities/finish", dan, finish));
  const [identity] = await world.ampho.identities.list((await world.ampho.verify(linked)).id ?? "");
  await call("DELETE", `/identities/${identity?.id}`, linked);
  await call("POST", "/login/outside", undefined, { provider: "acme", return_to: "/articles" });
  await call("GET", "/login/outside/acme/callback?code=code-1&state=opaque");
  await call("POST", "/login/outside/acme/callback", undefined, { code: "code-1", state: "opaque" });

  // Mails.
  const begun = await call("POST", "/register", undefined, { email: "eve@example.org" });
  const registered = await call("POST", "/register/finish", undefined, {
    transaction: begun.json["transaction"],
    code: await mailed("register", eightDigits),
    password,
  });
  const eve = String(registered.json["token"]);
  world.clock.advance(90);
  await call("POST", "/login/mail", undefined, { login: "eve@example.org" });
  const asked = await call("POST", "/account/confirm", eve, { change: "email_changed" });
  const confirming = { transaction: asked.json["transaction"], code: await mailed("confirm", eightDigits) };
  await world.call("POST", "/account/confirm/finish", { bearer: eve, body: { ...confirming, code: "00000000" } });
  const eva = tokenOf(await call("POST", "/account/confirm/finish", eve, confirming));
  const earlier = await mailed("confirm", /#ampho-alarm=(\S+)/);
  const change = await call("POST", "/account/email", eva, { email: "eva@example.org" });
  const changing = { transaction: change.json["transaction"], code: await mailed("email", eightDigits) };
  await call("POST", "/account/email/finish", eva, changing);
  await world.call("POST", "/alarm", { body: { alarm: earlier, change: "confirm" } });
  const { token: evas } = await world.login("eve@example.org");
  await world.call("POST", "/account/email", { bearer: evas, body: { email: "eva@new.example", later: true } });
  await call("DELETE", "/account/email", evas);
  world.clock.advance(90);
  const reset = await call("POST", "/password/reset", undefined, { login: "eve@example.org" });
  await call("POST", "/password/reset/finish", undefined, {
    transaction: reset.json["transaction"],
    code: await mailed("reset", eightDigits),
    new_password: newPassword,
  });
  const alarm = await mailed("password_changed", /#ampho-alarm=(\S+)/);
  await call("POST", "/alarm", undefined, { alarm, change: "password_changed" });

  const rows = await auditRows(outside);
  expect([...routes].map(({ method, path }) => `${method} ${path}`).filter((name) => !kept.has(name))).toEqual([]);
  const described = routes.map((route) => {
    const name = `${route.method} ${route.path}`;
    return [name, kept.get(name)] as const;
  });
  await describedBy(world, described);
  await expect(
    `${JSON.stringify(settled({ ...Object.fromEntries(described), accessToken: partsOf(strong), audit: Object.fromEntries(rows.map((row) => [row.event, row])) }), null, 2)}\n`,
  ).toMatchFileSnapshot("./examples.json");
});

const application = { redirects: ["https://reader.example/callback"], userScopes: ["articles:read"], public: true };
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/** An application that a user connects, and what happens to its code and its tokens. */
async function connections(world: World, bearer: string) {
  const { id } = await world.ampho.services.add({ name: "reader", scopes: [], client: application });
  const query = new URLSearchParams({
    response_type: "code",
    client_id: id,
    redirect_uri: application.redirects[0] ?? "",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    state: "af0ifjsldkj",
  }).toString();
  await world.call("GET", `/authorize?${query}`);
  const { transaction } = (await world.call("GET", `/connect?${query}`, { bearer })).json;
  world.clock.advance(2);
  const said = await world.call("POST", "/connect", { bearer, body: { query, transaction, allow: true } });
  const code = new URL(String(said.json["location"])).searchParams.get("code") ?? "";
  const redeemed = { grant_type: "authorization_code", client_id: id, code, code_verifier: verifier };
  const asked = (form: Readonly<Record<string, string>>) =>
    world.call("POST", "/token", { form, address: "192.0.2.7" });
  const first = { ...redeemed, redirect_uri: application.redirects[0] ?? "" };
  await asked({ ...first, code_verifier: "x".repeat(43) });
  const granted = await asked(first);
  const renewal = { grant_type: "refresh_token", client_id: id, refresh_token: String(granted.json["refresh_token"]) };
  await asked(renewal);
  world.clock.advance(90);
  await asked(renewal);
  const list = await world.call("GET", "/connections", { bearer });
  const [one] = list.json["connections"] as readonly { readonly id: string }[];
  await world.call("DELETE", `/connections/${one?.id}`, { bearer });
  const again = (await world.call("GET", `/connect?${query}`, { bearer })).json;
  world.clock.advance(2);
  const body = { query, transaction: again["transaction"], allow: true };
  const second = await world.call("POST", "/connect", { bearer, body });
  const used = { ...first, code: new URL(String(second.json["location"])).searchParams.get("code") ?? "" };
  for (const _ of [1, 2]) await asked(used);
  await world.call("DELETE", `/connections?client=${id}`, { bearer });
  const program = { client_name: "Reader", redirect_uris: ["http://127.0.0.1/callback"] };
  await world.call("POST", "/clients", { body: program });
  await world.ampho.connections.endForClient("reader");
  await world.ampho.services.setClient("reader", undefined);
}

/** An instance on the same database takes documents of this machine, where nothing listens at port 1. */
async function rejectDocument(file: string) {
  const options = { ...settings, connect: "*", tokenIssuer: "http://127.0.0.1", databaseUrl: `sqlite:${file}` };
  const local = await openWorld({ ...options, key });
  const { token: bearer } = await local.login("joe");
  const query = new URLSearchParams({ client_id: "http://127.0.0.1:1/client.json" });
  expect((await local.call("GET", `/connect?${query}`, { bearer })).status).toBe(404);
}

/** The first row of each event, after further events that no example of a route causes. */
async function auditRows(outside: Outside) {
  const { world } = outside;
  const { ampho, clock } = world;
  const { id } = await world.user("gil", { password, roles: ["editor"] });
  const logIn = (body: object, bearer?: string) => world.call("POST", "/login", { body, bearer });
  const wrong = { login: "gil", password: "not the password" };
  for (let count = 0; count < 7; count++) await logIn(wrong);
  await ampho.throttle.list();
  await ampho.throttle.clear({ login: "gil" });
  const { token: first } = await world.login("gil");
  const { token } = grantOf(await logIn({ login: "gil", password }, first));
  const { json: setUp } = await world.call("POST", "/totp", { bearer: token, body: {} });
  const codeNow = () => codeAt(String(setUp["secret"]), clock.now());
  const confirmed = await world.call("POST", "/totp/confirm", {
    bearer: token,
    body: { transaction: setUp["transaction"], totp: codeNow() },
  });
  const [recoveryCode] = confirmed.json["recovery_codes"] as readonly string[];
  await logIn({ login: "gil", password });
  await logIn({ login: "gil", password, totp: codeNow() });
  await logIn({ login: "gil", password, totp: wrongCode(String(setUp["secret"]), clock.now()) });
  clock.advance(60);
  await logIn({ totp: codeNow() }, String(confirmed.json["token"]));
  clock.advance(60);
  await logIn({ login: "gil", password, totp: codeNow(), remember: true });
  await logIn({ login: "gil", password, recovery_code: recoveryCode });
  for (let count = 0; count < 7; count++) {
    await logIn({ login: "gil", password, totp: wrongCode(String(setUp["secret"]), clock.now()) });
    clock.advance(1);
  }
  await world.user("jan", { password });
  const jan = await world.login("jan");
  const sent = { body: { refresh_token: jan.refresh_token } };
  for (const agent of ["Firefox", "Firefox", "Chrome"])
    await world.call("POST", "/renew", {
      ...sent,
      headers: { "user-agent": agent },
      address: `192.0.2.${agent.length}`,
    });
  clock.advance(600);
  for (const _ of [1, 2]) await world.call("POST", "/renew", sent);
  const { token: other } = await world.login("jan");
  const change = { password: "not the password", new_password: newPassword };
  for (let count = 0; count < 12; count++) await world.call("POST", "/password", { bearer: other, body: change });
  for (let count = 0; count < 12; count++)
    await world.call("POST", "/account/login", { bearer: (await world.login("jan")).token, body: { login: "gil" } });
  await world.user("joe", { password, roles: ["editor"] });
  const { token: creator } = await world.login("joe");
  const backup = { name: "Backup", scopes: ["articles:read"] };
  for (let count = 0; count < 51; count++) {
    const { json } = await world.call("POST", "/api-keys", { bearer: creator, body: backup });
    await world.call("DELETE", `/api-keys/${String(json["id"])}`, { bearer: creator });
  }
  await rejectDocument(world.databaseFile);
  await world.call("POST", "/register", { body: { email: "eva@example.org" } });
  const { json: taken } = await world.call("POST", "/register", { body: { email: "lou@example.org", login: "jan" } });
  const code = await codeOf(outside, "lou@example.org");
  await world.call("POST", "/register/finish", { body: { transaction: taken["transaction"], code, password } });
  const { transaction } = await begin(world);
  await logIn({ transaction, outside: { provider: "acme", code: "code-1", state: "another" } });
  const mia = await addPasskeyOwner(world, "mia", { subject: createSubject(-7, { backupEligible: false }) });
  for (const signCount of [5, 1]) await logInWith(world, mia, { signCount });
  await ampho.users.import([JSON.stringify({ login: "ned", password_hash: await bcrypt.hash(password, 4) })]);
  await world.login("ned");
  for (let count = 0; count < 7; count++) await logIn({ login: "ned", password: "wrong", captcha: "not solved" });
  await ampho.users.create({ login: "oda", email: "down@example.org" });
  await world.call("POST", "/login/mail", { body: { login: "oda" } });
  const happened = (event: string) => async () => (await world.events()).some((each) => each.startsWith(event));
  await expect.poll(happened("mail_failed")).toBe(true);
  clock.advance(3600);
  await ampho.users.create({ login: "kim", email: "kim@example.org" });
  for (let count = 0; count < 7; count++) {
    const { json: asked } = await world.call("POST", "/login/mail", { body: { login: "kim" } });
    const mailedCode = count === 0 ? await codeOf(outside, "kim@example.org") : "00000000";
    for (const _ of [1, 2, 3]) await logIn({ transaction: asked["transaction"], code: mailedCode });
    clock.advance(90);
  }
  await expect.poll(happened("mail_dropped")).toBe(true);
  const env = {
    AMPHO_DATABASE_URL: `sqlite:${world.databaseFile}`,
    AMPHO_SECURITY_KEY: JSON.stringify({ keys: [newKey("2027-01"), key] }),
  };
  expect(await runCommand(["factor-rekey"], { cwd: path.dirname(world.databaseFile), env })).toMatchObject({ code: 0 });
  await ampho.factors.setPolicy(id, "required");
  await ampho.devices.forget(id);
  await ampho.factors.remove(id, { all: true, reason: "The phone was lost." });
  await ampho.users.setRoles("gil", ["reader"]);
  await ampho.users.setPassword("gil", newPassword);
  await ampho.users.expirePassword("gil", { reason: "A backup was stolen." });
  const invitation = await ampho.users.invite({ email: "hal@example.org" });
  await ampho.users.invitations.remove(invitation.id);
  await ampho.users.import(['{"login":"ida"}']);
  await ampho.users.recover("gil", { reason: "Checked by a call.", print: true }).catch(() => undefined);
  await ampho.users.recover("eva@example.org", { reason: "Checked by a call.", print: true }).catch(() => undefined);
  await ampho.services.setScopes("gateway", ["articles:read"]);
  await ampho.services.setPublicKeys("gateway", {
    keys: [createPublicKey({ key, format: "jwk" }).export({ format: "jwk" })],
  });
  await ampho.services.disable("gateway");
  await ampho.services.enable("gateway");
  await ampho.apiKeys.revoke((await ampho.services.find("gateway"))?.api_keys[0]?.id ?? "");
  await ampho.services.remove("gateway");
  await ampho.signingKeys.revoke("2025-01");
  await ampho.signingKeys.recordForced("activate", ["2026-11"], "The old key was stolen.");
  await ampho.sessions.revokeForUser({ id, login: "gil" });
  await ampho.sessions.endForEveryone();
  await ampho.users.disable("gil");
  await ampho.users.enable("gil");
  await ampho.users.remove("gil");
  const firsts = new Map([...(await ampho.audit.list({ limit: 10_000 }))].reverse().map((row) => [row.event, row]));
  // The command has the time and the user of this machine.
  const settledRow = ({ n: _, ...row }: AuditRow) =>
    row.origin.actor === "operator"
      ? { ...row, at: clock.now(), origin: { ...row.origin, operator: "root@server" } }
      : row;
  return [...firsts.values()].map(settledRow).sort((a, b) => (a.event < b.event ? -1 : 1));
}

/** The header and the payload of a token. */
function partsOf(token: string): object {
  const [header, payload] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
  return { header: JSON.parse(header ?? ""), payload: JSON.parse(payload ?? "") };
}

/** Compares each exchange with the OpenAPI document of the instance. */
async function describedBy(world: World, exchanges: readonly (readonly [string, Exchange | undefined])[]) {
  const { json: document } = await world.call("GET", "/openapi.json");
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, "document");
  for (const [name, exchange] of exchanges) {
    const [method = "", path = ""] = name.split(" ");
    const at = `#/paths/${`/api/security${path}`.replaceAll("/", "~1").replaceAll(/[{}]/g, encodeURIComponent)}/${method.toLowerCase()}`;
    const { status = 0 } = routes.find((row) => row.method === method && row.path === path) ?? {};
    const json = "content/application~1json/schema";
    const sent = exchange?.form ? json.replace("json", "x-www-form-urlencoded") : json;
    const parts = [
      ...(exchange?.request === undefined ? [] : [[`${at}/requestBody/${sent}`, exchange.request] as const]),
      ...(status === 200 ? [[`${at}/responses/200/${json}`, exchange?.response] as const] : []),
    ];
    for (const [pointer, value] of parts) {
      const validate = ajv.compile({ $ref: `document${pointer}` });
      expect(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`).toBe(true);
    }
  }
}
