// Ampho instances in this process.

import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { errorsOf } from "../../dist/http/rest/openapi.js";
import { createFindRoutes, routes } from "../../dist/http/rest/routes.js";
import { type Ampho, AmphoError, type AmphoOptions, createAmpho, type Grant, type UserView } from "../../dist/index.js";
import { type SettableClock, settableClock } from "./clock.js";
import { freshFolder } from "./folder.js";
import { newKey, type TestKey } from "./tokens.js";

export const password = "heron violet tumbrel 91";

export interface ReadResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly error: unknown;
}

export interface Sent {
  readonly body?: unknown;
  /** The fields of a form, in place of `body`. */
  readonly form?: Readonly<Record<string, string>> | string | undefined;
  readonly bearer?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

export interface World {
  readonly ampho: Ampho;
  readonly clock: SettableClock;
  readonly key: TestKey;
  readonly databaseFile: string;
  /** Every line of the log. */
  readonly notices: string[];
  call(method: string, path: string, sent?: Sent): Promise<ReadResponse>;
  user(login: string, about?: { readonly roles?: readonly string[]; readonly password?: string }): Promise<UserView>;
  /** Creates a session without a password. */
  session(user: UserView): Promise<FullGrant>;
  /** Creates a session by password. */
  login(login: string, sent?: Sent): Promise<FullGrant>;
  renew(refreshToken: string, headers?: Readonly<Record<string, string>>): Promise<ReadResponse>;
  /** Opens a second instance on the same database, as another process would have it. */
  another(options?: AmphoOptions): Promise<World>;
  /** The events of the audit log with their reasons, oldest first. */
  events(): Promise<readonly string[]>;
}

export type FullGrant = Required<Omit<Grant, "recovery_codes_left" | "review">>;

/** Creates an Ampho, in memory unless the options say otherwise, with these users. The caller closes it. */
export async function openAmpho(options: AmphoOptions = {}, ...users: readonly NewUser[]) {
  const notices: string[] = [];
  const ampho = await createAmpho({
    databaseUrl: "sqlite::memory:",
    key: newKey("key-1"),
    log: (line) => void notices.push(line),
    ...options,
  });
  for (const user of users) await untilHashed(() => ampho.users.create(user));
  return { ampho, notices };
}

/** On a busy machine a hash can take longer than the five seconds that Ampho promises. A set-up then repeats it. */
export async function untilHashed<T>(create: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await create();
    } catch (error) {
      if (!(error instanceof AmphoError) || error.code !== "overloaded") throw error;
    }
  }
}

type NewUser = Parameters<Ampho["users"]["create"]>[0];

export async function openWorld(options: AmphoOptions = {}): Promise<World> {
  const key = newKey("key-1");
  return open({ key, clock: settableClock(), databaseFile: path.join(freshFolder(), "ampho.db"), options });
}

interface Ground {
  readonly key: TestKey;
  readonly clock: SettableClock;
  readonly databaseFile: string;
  readonly options: AmphoOptions;
}

async function open({ key, clock, databaseFile, options }: Ground): Promise<World> {
  const { ampho, notices } = await openAmpho({ key, databaseUrl: `sqlite:${databaseFile}`, clock, ...options });
  onTestFinished(() => ampho.close());

  async function call(method: string, target: string, sent: Sent = {}): Promise<ReadResponse> {
    for (;;) {
      const request = requestFor(method, `http://localhost/api/security${target}`, sent);
      const response = await readResponse(await ampho.fetch(request, sent));
      // A busy machine can need more than the time that a password has. The request had no effect then.
      if (response.error === "overloaded") continue;
      expectDeclared(method, target, response.error);
      return response;
    }
  }

  return {
    ampho,
    clock,
    key,
    databaseFile,
    notices,
    call,
    user: (login, about = {}) => untilHashed(() => ampho.users.create({ login, ...about })),
    session: async (user) => fullGrant(await ampho.sessions.create(user.id, { authTime: clock.now() })),
    login: async (login, sent = {}) => {
      const response = await call("POST", "/login", { ...sent, body: { login, password } });
      expect(response.text).toContain("refresh_token");
      return grantOf(response);
    },
    renew: (refreshToken, headers = {}) => call("POST", "/renew", { body: { refresh_token: refreshToken }, headers }),
    another: (more = {}) => open({ key, clock, databaseFile, options: { ...options, ...more } }),
    events: async () => {
      const rows = await ampho.audit.list({ limit: 10_000 });
      return rows.map(({ event, reason }) => (reason === undefined ? event : `${event}: ${reason}`));
    },
  };
}

const findRoutes = createFindRoutes(routes);

/** The OpenAPI document and the pages list the codes that a route declares. */
function expectDeclared(method: string, target: string, error: unknown): void {
  const { pathname } = new URL(target, "http://localhost");
  const route = findRoutes(pathname).get(method)?.route;
  const canBeOff = route?.available !== undefined && (error === "not_found" || error === "method_not_allowed");
  const isServed = route !== undefined && !canBeOff;
  // Any route of an instance with cookies can return `cross_site`.
  if (isServed && error !== undefined && error !== "cross_site")
    expect(errorsOf(route), `${method} ${pathname}`).toContain(error);
}

export function requestFor(method: string, url: string, { body, form, bearer, headers = {} }: Sent): Request {
  const type = form === undefined ? "application/json" : "application/x-www-form-urlencoded";
  return new Request(url, {
    method,
    headers: {
      ...((form ?? body) === undefined ? {} : { "Content-Type": type }),
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(form === undefined ? {} : { body: typeof form === "string" ? form : new URLSearchParams(form).toString() }),
  });
}

export async function readResponse(response: Response): Promise<ReadResponse> {
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  const json: Record<string, unknown> = isJson ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, json, error: json["error"] };
}

/** Checks that a response is 200 and has the fields of a login. */
export function grantOf(response: ReadResponse): FullGrant {
  expect(response.status, response.text).toBe(200);
  return fullGrant(response.json);
}

/** The session after a change of its account, which returns new tokens and no device proof. */
export const afterChange = (before: FullGrant, changed: ReadResponse): FullGrant => ({
  ...grantOf(changed),
  device: before.device,
});

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

/** The verdict of a guard on a token: the error code, or "in" if it is accepted. */
export function admission(ampho: Pick<Ampho, "verify">, token: string): Promise<string> {
  return ampho.verify(token).then(
    () => "in",
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
}
