// Real servers (`ampho serve`) on one database, and clients whose address the test chooses, behind a trusted proxy.
import path from "node:path";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { openAmpho } from "../world/ampho.js";
import { freshFolder } from "../world/folder.js";
import { freshPlace, startServe } from "../world/serve.js";
import { newKey } from "../world/tokens.js";

const apart = { strangers: 0 };

export const right = "violet kettle harbour morning";
export const wrong = "heron tumbrel lantern seven";

export interface Login {
  readonly login: string;
  readonly password: string;
  readonly address: string;
  readonly device?: string | undefined;
}

export interface LoginResponse {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly headerNames: readonly string[];
  readonly text: string;
  readonly device: string | undefined;
}

export interface Servers {
  /** The base of the API of each server. */
  readonly urls: readonly string[];
  /** Opens the database with the library. */
  open(options?: AmphoOptions): Promise<Ampho>;
  logIn(server: number, login: Login): Promise<LoginResponse>;
  close(): Promise<void>;
}

export async function startServers(count: number, env: Readonly<Record<string, string>> = {}): Promise<Servers> {
  const key = newKey("key-1");
  const databaseUrl = env["AMPHO_DATABASE_URL"] ?? `sqlite:${path.join(freshFolder(), "ampho.db")}`;
  const open = async (options: AmphoOptions = {}) => (await openAmpho({ key, databaseUrl, ...options })).ampho;
  // One process creates the schema before several look for it.
  await (await open()).close();
  const place = freshPlace({
    AMPHO_SECURITY_KEY: JSON.stringify(key),
    AMPHO_DATABASE_URL: databaseUrl,
    AMPHO_TRUST_PROXY: "1",
    ...env,
  });
  const servers = await Promise.all(Array.from({ length: count }, () => startServe(place)));
  const urls = servers.map(({ url }) => url);
  return {
    urls,
    open,
    logIn: (server, login) => logIn(urls[server] ?? "", login),
    async close() {
      await Promise.all(servers.map((served) => served.stop()));
    },
  };
}

/** Addresses that no test has used yet. */
export function strangers(count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    apart.strangers += 1;
    return `198.${18 + (apart.strangers >> 16)}.${(apart.strangers >> 8) & 255}.${apart.strangers & 255}`;
  });
}

async function logIn(url: string, { address, ...body }: Login): Promise<LoginResponse> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": address },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const received: Readonly<Record<string, unknown>> = JSON.parse(text);
  const retryAfter = response.headers.get("retry-after");
  return {
    status: response.status,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    headerNames: [...response.headers.keys()].sort(),
    text,
    device: typeof received["device"] === "string" ? received["device"] : undefined,
  };
}
