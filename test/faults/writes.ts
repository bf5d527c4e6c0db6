// Everything that writes: each endpoint and each command with its requirements, and a tally of the database.
import { randomBytes } from "node:crypto";
import { createAmpho } from "../../dist/ampho.js";
import type { Ampho } from "../../dist/instance.js";
import {
  authenticate,
  bytesOf,
  createSubject,
  type Subject as Key,
  register,
} from "../factors/webauthn/authenticator.js";
import { codeAt } from "../gate/owners.js";
import type { Asked } from "./application.js";
import { keyOfAll, unthrottled } from "./ground.js";

/** A user who exists for one write. */
export interface Subject {
  readonly id: string;
  readonly login: string;
  readonly password: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly otherSession: string;
}

export interface Write {
  readonly name: string;
  /** True if its user needs a password, which takes time to hash. */
  readonly password?: true;
  readonly prepare?: (ampho: Ampho, subject: Subject) => Promise<unknown>;
  readonly ask?: (subject: Subject) => Asked & { readonly path: string };
  readonly command?: (subject: Subject) => { readonly args: readonly string[]; readonly stdin?: string };
}

const next = "violet kettle harbour morning";
const post = (path: string, bearer: string, body?: unknown) => ({ method: "POST", path, bearer, body });

/** Passkeys belong to its host. */
export const appUrl = "https://example.org/";

async function call(ampho: Ampho, path: string, body?: object, bearer?: string): Promise<Record<string, unknown>> {
  const headers = {
    "Content-Type": "application/json",
    ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
  };
  const request = { method: body ? "POST" : "GET", headers, ...(body && { body: JSON.stringify(body) }) };
  return (await ampho.fetch(new Request(`http://localhost${ampho.host.prefix}${path}`, request))).json();
}

/** The bodies that the preparations leave for the writes, by login. */
const prepared = new Map<string, object>();

async function beginSetUp(ampho: Ampho, { login, token }: Subject): Promise<object> {
  const { transaction, secret } = await call(ampho, "/totp", {}, token);
  const body = { transaction, totp: codeAt(String(secret), Date.now() / 1000) };
  prepared.set(login, body);
  return body;
}

async function beginSecondStep(ampho: Ampho, subject: Subject): Promise<void> {
  const { login, password, token } = subject;
  const confirmed = await call(ampho, "/totp/confirm", await beginSetUp(ampho, subject), token);
  const [code] = Array.isArray(confirmed["recovery_codes"]) ? confirmed["recovery_codes"] : [];
  const { transaction } = await call(ampho, "/login", { login, password });
  prepared.set(login, { transaction, recovery_code: code });
}

/** Begins a registration, and leaves the body that finishes it. */
async function beginPasskey(ampho: Ampho, { login, token }: Subject, key: Key = createSubject(-7)) {
  const { transaction, passkey } = await call(ampho, "/passkeys/options", {}, token);
  const { challenge, user } = passkey as { readonly challenge: string; readonly user: { readonly id: string } };
  const body = { transaction, passkey: register(key, bytesOf(challenge)) };
  prepared.set(login, body);
  return { body, userHandle: user.id };
}

async function beginPasskeyLogin(ampho: Ampho, subject: Subject): Promise<void> {
  const key = createSubject(-7, { backupEligible: false });
  const { body, userHandle } = await beginPasskey(ampho, subject, key);
  await call(ampho, "/passkeys", body, subject.token);
  const { transaction, passkey } = await call(ampho, "/login");
  const { challenge } = passkey as { readonly challenge: string };
  const response = authenticate(key, bytesOf(challenge), { signCount: 1, response: { userHandle } });
  prepared.set(subject.login, { transaction, passkey: response });
}

const apiKeyScopes: Readonly<Record<string, readonly string[]>> = { "*": ["read"] };
const createApiKey = (ampho: Ampho, { id }: Subject) => ampho.apiKeys.create(id, { name: "k", scopes: ["read"] });

export const writes: readonly Write[] = [
  {
    name: "POST /login",
    password: true,
    ask: ({ login, password }) => ({ method: "POST", path: "/login", body: { login, password } }),
  },
  {
    name: "POST /login with a transaction",
    password: true,
    prepare: beginSecondStep,
    ask: ({ login }) => ({ method: "POST", path: "/login", body: prepared.get(login) }),
  },
  {
    name: "POST /login with a passkey",
    prepare: beginPasskeyLogin,
    ask: ({ login }) => ({ method: "POST", path: "/login", body: prepared.get(login) }),
  },
  {
    name: "POST /passkeys",
    prepare: (ampho, subject) => beginPasskey(ampho, subject),
    ask: ({ login, token }) => post("/passkeys", token, prepared.get(login)),
  },
  {
    name: "POST /totp/confirm",
    prepare: beginSetUp,
    ask: ({ login, token }) => post("/totp/confirm", token, prepared.get(login)),
  },
  {
    name: "POST /renew",
    ask: ({ refreshToken }) => ({ method: "POST", path: "/renew", body: { refresh_token: refreshToken } }),
  },
  { name: "POST /logout", ask: ({ token }) => post("/logout", token) },
  {
    name: "POST /password",
    password: true,
    ask: ({ token, password }) => post("/password", token, { password, new_password: next }),
  },
  {
    name: "DELETE /sessions/{id}",
    ask: ({ token, otherSession }) => ({ method: "DELETE", path: `/sessions/${otherSession}`, bearer: token }),
  },
  { name: "DELETE /sessions", ask: ({ token }) => ({ method: "DELETE", path: "/sessions", bearer: token }) },
  {
    name: "user-add",
    command: ({ login }) => ({ args: ["user-add", `${login}-b`, "--password-stdin"], stdin: next }),
  },
  {
    name: "user-password",
    command: ({ login }) => ({ args: ["user-password", login, "--password-stdin"], stdin: next }),
  },
  { name: "user-disable", command: ({ login }) => ({ args: ["user-disable", login] }) },
  {
    name: "user-enable",
    prepare: (ampho, { login }) => ampho.users.disable(login),
    command: ({ login }) => ({ args: ["user-enable", login] }),
  },
  { name: "user-roles --add", command: ({ login }) => ({ args: ["user-roles", login, "--add", "editor"] }) },
  { name: "user-delete", command: ({ login }) => ({ args: ["user-delete", login] }) },
  {
    name: "user-import",
    command: ({ login }) => ({ args: ["user-import", "-"], stdin: `{"login":"${login}-c"}\n{"login":"${login}-d"}\n` }),
  },
  { name: "session-end ID", command: ({ otherSession }) => ({ args: ["session-end", otherSession] }) },
  { name: "session-end --login", command: ({ login }) => ({ args: ["session-end", "--login", login] }) },
  { name: "session-end --all", command: () => ({ args: ["session-end", "--all"] }) },
  {
    name: "session-end --all --api-keys",
    prepare: createApiKey,
    command: () => ({ args: ["session-end", "--all", "--api-keys"] }),
  },
  { name: "api-key-revoke --all", prepare: createApiKey, command: () => ({ args: ["api-key-revoke", "--all"] }) },
  {
    name: "DELETE /account",
    prepare: createApiKey,
    ask: ({ token }) => ({ method: "DELETE", path: "/account", bearer: token }),
  },
  { name: "sec-revoke-key", command: ({ login }) => ({ args: ["sec-revoke-key", `key-of-${login}`, "--force"] }) },
  {
    name: "throttle-clear",
    prepare: (ampho, { login }) =>
      ampho.fetch(
        new Request(`http://localhost${ampho.host.prefix}/login`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ login, password: next }),
        }),
      ),
    command: ({ login }) => ({ args: ["throttle-clear", login] }),
  },
];

/** Done with the library, beside the processes that are killed. */
export const openBeside = (databaseUrl: string): Promise<Ampho> =>
  createAmpho({
    key: keyOfAll,
    databaseUrl,
    databaseMigrate: "off",
    appUrl,
    log: () => {},
    apiKeys: 5,
    scopes: apiKeyScopes,
    ...unthrottled,
  });

export async function makeSubject(ampho: Ampho, withPassword: boolean): Promise<Subject> {
  const login = `user-${randomBytes(6).toString("hex")}`;
  const password = `heron violet tumbrel ${login.slice(-4)}`;
  const { id } = await ampho.users.create({ login, ...(withPassword ? { password } : {}) });
  const signedInNow = { authTime: Math.floor(Date.now() / 1000) };
  const { token, refresh_token = "" } = await ampho.sessions.create(id, signedInNow);
  await ampho.sessions.create(id);
  const current = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).sid;
  const other = (await ampho.sessions.list(id)).find((session) => session.id !== current);
  return { id, login, password, token, refreshToken: refresh_token, otherSession: other?.id ?? "" };
}

/** The numbers that a write changes, all of them or none. Counts of attempts are not promised. */
export const tallySql = `
  with shown as (select * from ampho_users where import_n is null
    or import_n in (select n from ampho_imports where state = 'published'))
  select 'users' as name, count(*) as n from shown
  union all select 'disabled', count(*) from shown where disabled = 1
  union all select 'passwords', coalesce(sum(password_version), 0) from shown
  union all select 'roles', coalesce(sum(roles_version), 0) from shown
  union all select 'sessions', count(*) from ampho_sessions
  union all select 'keys', count(*) from ampho_api_keys
  union all select 'generations', coalesce(sum(gen), 0) from ampho_sessions
  union all select 'ended', count(*) from ampho_sessions where ended_at is not null
  union all select 'spent', count(*) from ampho_spent
  union all select 'bought', count(*) from ampho_spent where bought is not null
  union all select 'secrets', count(*) from ampho_totp
  union all select 'passkeys', count(*) from ampho_passkeys
  union all select 'counters', coalesce(sum(sign_count), 0) from ampho_passkeys
  union all select 'codes', count(*) from ampho_recovery
  union all select 'used codes', count(*) from ampho_recovery where used_at is not null
  union all select 'factors', coalesce(sum(factors_version), 0) from ampho_accounts
  union all select 'era', era from ampho_state
  union all select 'number', last_revocation from ampho_state
  union all select 'revoked ' || kind, count(*) from ampho_revocations group by kind
  union all select 'recorded ' || event, count(*) from ampho_audit where event not like 'login_rejected%' group by event`;

export type Tally = ReadonlyMap<string, number>;

export function tallyOf(rows: readonly Readonly<Record<string, unknown>>[]): Tally {
  return new Map(rows.map((row) => [String(row["name"]), Number(row["n"])]));
}

/** Columns that become the time of the write, or one more than they were. The size of the change does not matter. */
const times: ReadonlySet<string> = new Set(["era", "roles", "factors"]);

/** The differences. */
export function movedBetween(before: Tally, after: Tally): Readonly<Record<string, number>> {
  const moved = [...after].map(([name, n]) => {
    const by = n - (before.get(name) ?? 0);
    return [name, times.has(name) ? Math.sign(by) : by] as const;
  });
  return Object.fromEntries(moved.filter(([, by]) => by !== 0));
}
