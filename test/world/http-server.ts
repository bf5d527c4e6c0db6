// A real server on a free port over a real Ampho, for the tests of this folder. They use the build: the store's and the
// hashes' workers are started from there.
import { createHmac, randomBytes } from "node:crypto";
import { type AmphoOptions, createAmpho } from "../../dist/ampho.js";
import { createAccessLog } from "../../dist/http/server/access-log.js";
import { createHttpServer } from "../../dist/http/server/server.js";

export const alice = { login: "alice", password: "violet kettle harbour morning" };
const secret = randomBytes(32);
export const revocationFeedToken = randomBytes(32).toString("base64url");

export interface Grant {
  readonly token: string;
  readonly refresh_token: string;
}

export async function serve(options: AmphoOptions = {}, format: "json" | "text" = "json") {
  const lines: string[] = [];
  const notices: string[] = [];
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    revocationFeedToken,
    key: { kty: "oct", k: secret.toString("base64url") },
    log: (line: string) => notices.push(line),
    // These tests are wrong more often than anybody may guess; guessing has tests of its own.
    throttleAttempts: 1000,
    throttleLock: 1000,
    throttleAddress: 0,
    ...options,
  });
  if (options.users === undefined) await ampho.users.create({ ...alice, roles: ["editor"] });
  const log = createAccessLog(format, (line) => lines.push(line));
  const server = createHttpServer({ host: ampho.host, log });
  const root = await server.listen(0, "127.0.0.1");
  const url = root + ampho.host.prefix;
  return {
    ampho,
    server,
    root,
    url,
    port: Number(new URL(root).port),
    /** Of the access log. */
    lines,
    /** What was told to whoever runs the process: bugs, among others. */
    notices,
    async login(): Promise<Grant> {
      const response = await post(`${url}/login`, alice);
      if (response.status !== 200) throw new Error(`login answered ${response.status}`);
      return response.json();
    },
    async close() {
      await server.close();
      await ampho.close();
    },
  };
}

export type Serving = Awaited<ReturnType<typeof serve>>;

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A token as other software makes it with the same key: it names a login and belongs to no session. */
export function foreignToken(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "HS256" })}.${encode({ login: "alice", exp: Math.floor(Date.now() / 1000) + 600 })}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}
