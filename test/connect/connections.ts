// An instance to which applications connect the accounts of its users.
import { createHash, randomBytes } from "node:crypto";
import type { AmphoOptions, Auth } from "../../dist/index.js";
import type { Ground } from "../gate/owners.js";
import { openWorld, password, type ReadResponse, type World } from "../world/ampho.js";

export const appUrl = "https://app.example/";
export const issuer = "https://app.example";
export const redirect = "https://reader.example/callback";
export const mcp = "https://api.example/mcp";
export const files = "https://api.example/files";

export const settings = {
  connect: "registered",
  appUrl,
  scopes: { "*": ["articles:read"], editor: ["articles:write"], admin: ["articles:delete"] },
  scopeTexts: {
    "articles:read": "Read your articles",
    "articles:write": { en: "Write articles", de: "Artikel schreiben" },
    "articles:delete": "Delete articles",
  },
} as const satisfies AmphoOptions;

/** The requirements of routes. */
export const readers = { credentials: ["delegated"], scopes: ["articles:read"] } as const;
export const writers = { credentials: ["delegated"], scopes: ["articles:write"] } as const;

export interface Connect {
  readonly world: World;
  /** The `client_id`. */
  readonly client: string;
  readonly bearer: string;
  readonly userId: string;
}

export interface Ways {
  readonly options?: AmphoOptions;
  readonly redirects?: readonly string[];
  readonly userScopes?: readonly string[];
  readonly isPublic?: boolean;
  readonly roles?: readonly string[];
  readonly ground?: Ground;
}

/** A user who has just signed in, and a public client. */
export async function openConnect(ways: Ways = {}): Promise<Connect> {
  const { options = {}, roles = ["editor"], ground } = ways;
  const all = { ...settings, ...options };
  const world = ground === undefined ? await openWorld(all) : await ground.open(all);
  const client = await addClient(world, "reader", ways);
  const { id } = await world.ampho.users.create({ login: "alice", password, roles });
  return { world, client, userId: id, bearer: await signIn(world) };
}

export async function signIn(world: World, login = "alice"): Promise<string> {
  const { json, text } = await world.call("POST", "/login", { body: { login, password } });
  if (typeof json["token"] !== "string") throw new Error(text);
  return json["token"];
}

export async function addClient(world: World, name: string, ways: Ways = {}): Promise<string> {
  const { redirects = [redirect], userScopes = ["articles:read", "articles:write"], isPublic = true } = ways;
  const { id } = await world.ampho.services.add({
    name,
    scopes: [],
    client: { redirects, userScopes, public: isPublic },
  });
  return id;
}

export const newVerifier = () => randomBytes(32).toString("base64url");
export const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url");

export type Query = Readonly<Record<string, string | undefined>>;

/** The query of a client. A member that is undefined is left out. */
export function queryOf(client: string, verifier: string, more: Query = {}): string {
  const all = {
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    code_challenge: challengeOf(verifier),
    code_challenge_method: "S256",
    state: "xyz",
    ...more,
  };
  const present = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined);
  return new URLSearchParams(present).toString();
}

export interface Said {
  readonly bearer?: string;
  readonly scopes?: readonly string[];
  readonly allow?: boolean;
  readonly query?: Query;
  /** The seconds between what was shown and the consent. */
  readonly after?: number;
}

/** The response that the page shows. */
export const show = ({ world, bearer }: Pick<Connect, "world" | "bearer">, query: string): Promise<ReadResponse> =>
  world.call("GET", `/connect?${query}`, { bearer });

/** A user who is signed in, and the client. */
type Asker = Pick<Connect, "world" | "client" | "bearer">;

/** The user reads what is asked, and gives consent. */
export async function consent(connect: Asker, verifier: string, said: Said = {}): Promise<ReadResponse> {
  const { world, client } = connect;
  const { bearer = connect.bearer, allow = true, scopes, after = 2 } = said;
  const query = queryOf(client, verifier, said.query);
  const shown = await show({ world, bearer }, query);
  if (shown.status !== 200) return shown;
  world.clock.advance(after);
  const body = { query, transaction: shown.json["transaction"], allow, ...(scopes && { scopes }) };
  return world.call("POST", "/connect", { bearer, body });
}

export const membersOf = ({ json }: ReadResponse): URLSearchParams => new URL(String(json["location"])).searchParams;

export async function codeOf(connect: Asker, verifier: string, said: Said = {}): Promise<string> {
  const response = await consent(connect, verifier, said);
  const code = response.status === 200 ? membersOf(response).get("code") : null;
  if (code === null) throw new Error(response.text);
  return code;
}

interface Asking {
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly more?: Query;
}

const formOf = (members: Query): Record<string, string> =>
  Object.fromEntries(Object.entries(members).filter((one): one is [string, string] => one[1] !== undefined));

export function redeem(
  { world, client }: Pick<Connect, "world" | "client">,
  code: string,
  verifier: string,
  { more = {}, ...asking }: Asking = {},
): Promise<ReadResponse> {
  const base = { grant_type: "authorization_code", client_id: client, redirect_uri: redirect };
  return world.call("POST", "/token", { form: formOf({ ...base, code, code_verifier: verifier, ...more }), ...asking });
}

export function renew(
  { world, client }: Pick<Connect, "world" | "client">,
  refreshToken: string,
  { more = {}, ...asking }: Asking = {},
): Promise<ReadResponse> {
  const base = { grant_type: "refresh_token", client_id: client, refresh_token: refreshToken };
  return world.call("POST", "/token", { form: formOf({ ...base, ...more }), ...asking });
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
  readonly scope: string;
}

export function tokensOf({ json, text }: ReadResponse): Tokens {
  const { access_token: access, refresh_token: refresh, scope } = json;
  if (typeof access !== "string" || typeof refresh !== "string") throw new Error(text);
  return { access, refresh, scope: String(scope) };
}

/** A yes, and its first tokens. */
export async function connected(connect: Asker, said: Said = {}): Promise<Tokens> {
  const verifier = newVerifier();
  return tokensOf(await redeem(connect, await codeOf(connect, verifier, said), verifier));
}

export const outcomeOf = ({ status, json }: ReadResponse) => [status, json["error"] ?? "none"];

/** The Auth of a route, or the code of its error. */
export async function askGuard(world: World, token: string, requirements: object = readers): Promise<Auth | string> {
  try {
    return (await world.ampho.host.guard(`Bearer ${token}`, requirements, {})) as Auth;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** The claims of a token, which were not checked. */
export const claimsOf = (token: string): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

/** Inserts so many connections as the one with the first generation, but for these columns. */
export function copies(
  count: number,
  more: { readonly id: string; readonly userId?: string; readonly renewedAt?: string },
  client?: string,
): string {
  const { id, userId = "user_id", renewedAt = "renewed_at" } = more;
  return `insert into ampho_connections (id, user_id, renewed_at, era, login, client, resource, scopes, how, gen, rights,
      created_at, auth_time, amr, acr, expires_at, ends_at, access_expires, delete_after)
    with recursive numbers (at) as (select 1 union all select at + 1 from numbers where at < ${count})
    select ${id}, ${userId}, ${renewedAt}, era, login, client, resource, scopes, how, gen, rights,
      created_at, auth_time, amr, acr, expires_at, ends_at, access_expires, delete_after
    from ampho_connections, numbers where gen = 1 ${client === undefined ? "" : `and client = '${client}'`}`;
}
