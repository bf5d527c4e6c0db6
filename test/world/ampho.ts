// A real Ampho on a real SQLite file, with a clock that tests set. Closed when its test is over.
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { type Ampho, type AmphoOptions, type Clock, createAmpho, type Grant, type UserView } from "../../dist/index.js";

export const start = 1_790_000_000;
export const password = "heron violet tumbrel 91";

export interface SettableClock extends Clock {
  /** Both clocks go on. */
  advance(seconds: number): void;
}

export function settableClock(now = start): SettableClock {
  let seconds = now;
  let ms = 0;
  return {
    now: () => seconds,
    monotonicMs: () => ms,
    advance: (by) => {
      seconds += by;
      ms += Math.max(0, by) * 1000;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly error: unknown;
}

export interface Sent {
  readonly body?: unknown;
  readonly bearer?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

export interface World {
  readonly ampho: Ampho;
  readonly clock: SettableClock;
  readonly key: Readonly<Record<string, unknown>>;
  readonly databaseFile: string;
  /** Every line for people. */
  readonly notices: string[];
  call(method: string, path: string, sent?: Sent): Promise<Answer>;
  user(login: string, about?: { readonly roles?: readonly string[]; readonly password?: string }): Promise<UserView>;
  /** A session without a password. */
  session(user: UserView): Promise<FullGrant>;
  /** A session by password. */
  login(login: string, sent?: Sent): Promise<FullGrant>;
  renew(refreshToken: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A second instance on the same database, as another process would have it. */
  another(options?: AmphoOptions): Promise<World>;
  /** Events of the audit log with their reasons, oldest first. */
  events(): Promise<readonly string[]>;
}

export type FullGrant = Required<Grant>;

export const newKey = (kid: string) => ({
  kty: "oct",
  alg: "HS256",
  kid,
  k: randomBytes(32).toString("base64url"),
});

export function freshFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function openWorld(options: AmphoOptions = {}): Promise<World> {
  const key = newKey("key-1");
  return open({ key, clock: settableClock(), databaseFile: path.join(freshFolder(), "ampho.db"), options });
}

interface Ground {
  readonly key: Readonly<Record<string, unknown>>;
  readonly clock: SettableClock;
  readonly databaseFile: string;
  readonly options: AmphoOptions;
}

async function open({ key, clock, databaseFile, options }: Ground): Promise<World> {
  const notices: string[] = [];
  const ampho = await createAmpho({
    key,
    databaseUrl: `sqlite:${databaseFile}`,
    clock,
    log: (line) => void notices.push(line),
    ...options,
  });
  onTestFinished(() => ampho.close());

  async function call(method: string, target: string, sent: Sent = {}): Promise<Answer> {
    return answerOf(await ampho.fetch(requestFor(method, `http://localhost/api/security${target}`, sent), sent));
  }

  return {
    ampho,
    clock,
    key,
    databaseFile,
    notices,
    call,
    user: (login, about = {}) => ampho.users.create({ login, ...about }),
    session: async (user) => fullGrant(await ampho.sessions.create(user.id)),
    login: async (login, sent = {}) => {
      const answer = await call("POST", "/login", { ...sent, body: { login, password } });
      expect(answer.text).toContain("refresh_token");
      return grantOf(answer);
    },
    renew: (refreshToken, headers = {}) => call("POST", "/renew", { body: { refresh_token: refreshToken }, headers }),
    another: (more = {}) => open({ key, clock, databaseFile, options: { ...options, ...more } }),
    events: async () => {
      const rows = await ampho.audit.list({ limit: 10_000 });
      return rows.map(({ event, reason }) => (reason === undefined ? event : `${event}: ${reason}`));
    },
  };
}

export function requestFor(method: string, url: string, { body, bearer, headers = {} }: Sent): Request {
  return new Request(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  const json: Record<string, unknown> = isJson ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, json, error: json["error"] };
}

/** Holds an answer of 200 to the fields of a login. */
export function grantOf(answer: Answer): FullGrant {
  expect(answer.status, answer.text).toBe(200);
  return fullGrant(answer.json);
}

export function fullGrant(grant: object): FullGrant {
  const { token, token_type, starts, expires, ttl, leeway, refresh_token, refresh_expires, device } = {
    ...blank,
    ...grant,
  };
  return { token, token_type, starts, expires, ttl, leeway, refresh_token, refresh_expires, device };
}

const blank: FullGrant = {
  token: "",
  token_type: "Bearer",
  starts: 0,
  expires: 0,
  ttl: 0,
  leeway: 0,
  refresh_token: "",
  refresh_expires: 0,
  device: "",
};

/** The claims of a token, unchecked. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

export const sessionOf = (grant: { readonly token: string }): string => String(claimsOf(grant.token)["sid"]);

/** A token of other software that has the key: HS256, with what claims one likes. */
export function foreignToken(
  key: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = { alg: "HS256" },
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode(header)}.${encode(claims)}`;
  const secret = Buffer.from(String(key["k"]), "base64url");
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** Whether a guard lets the token in: the code of the refusal, or "in". */
export function admission(ampho: Pick<Ampho, "verifySync">, token: string): string {
  try {
    ampho.verifySync(token);
    return "in";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
