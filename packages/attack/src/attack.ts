// The interface of an attack, and what it works with. Every attack is safe: it changes no other user's data and causes no load.

import { membersOf, type Received, type Sent } from "./exchange.js";
import { grantOf } from "./grant.js";
import type { Key, Members } from "./key.js";

export type Verdict =
  | { readonly outcome: "blocked" }
  /** `detail` describes the fault, without a token, password or key. */
  | { readonly outcome: "succeeded"; readonly detail: string }
  | { readonly outcome: "not_run"; readonly detail: string };

export interface Attack {
  /** A short, stable name for programs, such as `alg-none`. */
  readonly id: string;
  readonly title: string;
  /** The RFC and section, CVE or CWE that describes it. */
  readonly source: string;
  /** The requirement of the attack: the server's key, or test users in the server's database. */
  readonly needs?: "key" | "testUsers";
  /** Rejects with NoResponse if it cannot be completed. */
  run(target: Target): Promise<Verdict>;
}

export interface UserCredentials {
  readonly login: string;
  readonly password: string;
}

export interface Session {
  readonly token: string;
  readonly refreshToken: string;
  readonly device: string | undefined;
  /** True if the tokens are in cookies instead of the body. */
  readonly byCookies: boolean;
}

/** A service account that was created for the attacks, with a key and a public key. */
export interface TestService {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  /** The private key to its public one. */
  readonly signing: Key;
}

/** Creates and changes service accounts in the server's database. Each call rejects with Failure. */
export interface TestServices {
  create(scopes: readonly string[]): Promise<TestService>;
  setPublicKey(service: TestService, jwk: Members): Promise<void>;
  disable(service: TestService): Promise<void>;
}

/** Users that were created for the attacks in the server's database. */
export interface TestUsers {
  readonly other: UserCredentials;
  readonly withoutPassword: string;
  readonly disabled: UserCredentials;
  /** An attack sets up an authenticator app for this user. */
  readonly owner: UserCredentials;
  /** The policy of this user requires a second factor, and none is set up. */
  readonly withoutFactor: UserCredentials;
  /** An attack registers a passkey for this user. */
  readonly passkeyOwner: UserCredentials;
  disable(login: string): Promise<void>;
  readonly services: TestServices;
}

/** The configuration's rules for what the server accepts. */
export interface TokenRules {
  readonly leewaySeconds: number;
  readonly foreignMaxSeconds: number;
  readonly issuer: string | undefined;
  readonly audience: readonly string[];
  readonly corsOrigins: readonly string[];
  /** The origin of the pages that use passkeys. */
  readonly appOrigin: string | undefined;
  /** The `aud` of the assertion of a service account. Undefined if the server accepts none. */
  readonly assertionAudience: string | undefined;
  /** The URLs of the protected resources. */
  readonly resources: readonly string[];
}

export interface Target {
  /** Paths are relative to the REST prefix. */
  send(sent: Sent): Promise<Received>;
  /** The server's clock, Unix seconds. */
  now(): number;
  readonly rules: TokenRules;
  /** The server's key, if it is known. */
  readonly key: Key | undefined;
  readonly user: UserCredentials;
  readonly testUsers: TestUsers | undefined;
  /** A login that no user has. */
  readonly unknownLogin: string;
  /** The origin of the server, as its clients know it. */
  readonly origin: string;
  /** A session that all attacks can read with. Its access token stays valid. */
  sharedSession(): Promise<Session>;
  /** Opens a session for one attack. It is ended afterwards if the attack does not end it. */
  openSession(who?: UserCredentials): Promise<Session>;
}

export const blocked: Verdict = { outcome: "blocked" };
export const succeeded = (detail: string): Verdict => ({ outcome: "succeeded", detail });
export const notRun = (detail: string): Verdict => ({ outcome: "not_run", detail });

export const bearerHeader = (token: string) => ["Authorization", `Bearer ${token}`] as const;
const json = ["Content-Type", "application/json"] as const;

/** The right login and password, as a query or a form carries them. */
export const formOf = ({ login, password }: UserCredentials): string =>
  `login=${encodeURIComponent(login)}&password=${encodeURIComponent(password)}`;

/** A request of OAuth. An undefined field is left out. */
export const postForm = (
  path: string,
  fields: Readonly<Record<string, string | undefined>>,
  ...headers: readonly (readonly [string, string])[]
): Sent => {
  const sent = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  const form = ["Content-Type", "application/x-www-form-urlencoded"] as const;
  return { method: "POST", path, headers: [form, ...headers], body: new URLSearchParams(sent).toString() };
};

export const post = (path: string, body: unknown, ...headers: readonly (readonly [string, string])[]): Sent => ({
  method: "POST",
  path,
  headers: [json, ...headers],
  body: typeof body === "string" ? body : JSON.stringify(body),
});

/** The description of a request, and its response. */
export type AttemptResult = readonly [what: string, response: Received];

const listedMax = 3;

/** Returns `blocked` if every response is, else the descriptions of the first few that are not. */
export function judge(all: Iterable<AttemptResult>, isBlocked: (response: Received) => boolean): Verdict {
  const broken = [...all].filter(([, response]) => !isBlocked(response));
  if (broken.length === 0) return blocked;
  const listed = broken.slice(0, listedMax).map(([what, { status }]) => `${what}: status ${status}`);
  const more = broken.length > listedMax ? [`and ${broken.length - listedMax} more`] : [];
  return succeeded([...listed, ...more].join("; "));
}

/** Statuses that reject a request. A success or a crash is not one. A proxy can reject a large header (431). */
const rejections: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 501]);
/** A token whose kind the route does not take was verified, so something has accepted it. */
export const isRejected = (response: Received): boolean =>
  rejections.has(response.status) && membersOf(response)["error"] !== "credential_not_accepted";

/** The response opens no session. */
export const isDenied = (response: Received): boolean =>
  grantOf(response).token === undefined && (isRejected(response) || response.status === 429);

/** The response rejects the token. */
export const isUnauthorized = ({ status }: Received): boolean => status === 401 || status === 400 || status === 431;

/** Sends the requests one after another and returns each response with its description. */
export async function sendEach(
  target: Target,
  requests: Iterable<readonly [what: string, sent: Sent]>,
): Promise<readonly AttemptResult[]> {
  const all: AttemptResult[] = [];
  for (const [what, sent] of requests) all.push([what, await target.send(sent)]);
  return all;
}

const [soonMs, pauseMs] = [1_500, 100];

/** With several processes, a revocation takes effect within a second. Two rejections in a row count. */
export async function rejectedSoon(
  target: Target,
  requests: readonly (readonly [what: string, sent: Sent])[],
): Promise<readonly AttemptResult[]> {
  const untilMs = performance.now() + soonMs;
  for (;;) {
    const responses = [...(await sendEach(target, requests)), ...(await sendEach(target, requests))];
    if (responses.every(([, response]) => isUnauthorized(response)) || performance.now() > untilMs) return responses;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Sends tokens that a guard must reject. */
export async function rejectsTokens(
  target: Target,
  tokens: Iterable<readonly [what: string, token: string]>,
): Promise<Verdict> {
  const requests = [...tokens].map(
    ([what, token]) => [what, { path: "/session", headers: [bearerHeader(token)] }] as const,
  );
  return judge(await sendEach(target, requests), isUnauthorized);
}

/** Runs a preparation once for each target, because several attacks share its result. */
export function oncePerTarget<T>(prepare: (target: Target) => Promise<T>): (target: Target) => Promise<T> {
  const prepared = new WeakMap<Target, Promise<T>>();
  return (target) => {
    const result = prepared.get(target) ?? prepare(target);
    prepared.set(target, result);
    return result;
  };
}
