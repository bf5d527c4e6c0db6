// The instance and the server that the suite's tests talk to.
import { createHmac, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import type { Ampho, AmphoOptions, Clock } from "../../dist/index.js";
import type { Host, Listening, Setup } from "./host.js";

export const alice = { login: "alice", password: "violet kettle harbour morning" };
const secret = randomBytes(32);
const plainSetup: Setup = { front: false, parsers: false, takeOver: false };

export const sign = (claims: object, key: Uint8Array = secret): string => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "HS256" })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
};

/** A clock that tests move; it starts at the machine's. */
export function movableClock() {
  let offsetSeconds = 0;
  return {
    now: () => Math.floor(Date.now() / 1000) + offsetSeconds,
    monotonicMs: () => performance.now() + offsetSeconds * 1000,
    forward: (seconds: number) => {
      offsetSeconds += seconds;
    },
  };
}

/** An instance on a store of its own, with one user. */
export async function createInstance(
  clock: Clock = movableClock(),
  log: (line: string) => void = () => undefined,
  options: AmphoOptions = {},
) {
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    key: { kty: "oct", k: secret.toString("base64url") },
    scopes: { editor: ["articles:write"] },
    clock,
    log,
    ...options,
  });
  await ampho.users.create({ ...alice, roles: ["editor"] });
  return ampho;
}

/** A token as other software makes it with the same key. */
export const foreignToken = (): string => sign({ login: "alice", exp: Math.floor(Date.now() / 1000) + 600 });

/** The framework's application under a setup, for the tests of one `describe`. */
export function serving(host: Host, setup: Partial<Setup> = {}, options: AmphoOptions = {}) {
  const clock = movableClock();
  const notices: string[] = [];
  const state: { ampho?: Ampho; listening?: Listening } = {};
  beforeAll(async () => {
    state.ampho = await createInstance(clock, (line) => notices.push(line), options);
    state.listening = await host.start(state.ampho, { ...plainSetup, ...setup });
  });
  afterAll(async () => {
    await state.listening?.close();
    await state.ampho?.close();
  });
  const port = () => state.listening?.port ?? 0;
  const call = (path: string, token?: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port()}${path}`, {
      ...init,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
    });
  const post = (path: string, body: unknown, token?: string, headers: Record<string, string> = {}) =>
    call(path, token, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  const login = async (): Promise<string> => {
    const response = await post("/api/security/login", alice);
    expect(response.status).toBe(200);
    return (await response.json()).token;
  };
  return { port, call, post, login, clock, notices };
}
