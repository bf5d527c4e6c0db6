// What an attack is, and what it gets to work with. Each is safe: it takes nothing away from anybody, and needs no load.
import type { Key } from "../../keys/key.js";
import type { Answer, Sent } from "../exchange.js";

export type Verdict =
  | { readonly outcome: "held" }
  /** What got through, or what was told; without a token, password or key. */
  | { readonly outcome: "not_held"; readonly detail: string }
  | { readonly outcome: "not_tried"; readonly detail: string };

export interface Attack {
  /** Short and lasting, for programs: `alg-none`. */
  readonly id: string;
  readonly title: string;
  /** The RFC and section, CVE or CWE that it comes from. */
  readonly source: string;
  /** What it cannot do without: the server's key, or users made for it in the server's store. */
  readonly needs?: "key" | "guests";
  /** Rejects with NoAnswer when it cannot be finished. */
  run(target: Target): Promise<Verdict>;
}

export interface Credentials {
  readonly login: string;
  readonly password: string;
}

export interface Session {
  readonly token: string;
  readonly refreshToken: string;
  readonly device: string | undefined;
  /** Whether the browser keeps them, and not whoever asked. */
  readonly byCookies: boolean;
}

/** Users made for the attacks in the server's store. */
export interface TestUsers {
  readonly other: Credentials;
  readonly withoutPassword: string;
  readonly disabled: Credentials;
  disable(login: string): Promise<void>;
}

/** What the configuration says of the tokens that the server takes. */
export interface TokenRules {
  readonly leewaySeconds: number;
  readonly foreignMaxSeconds: number;
  readonly issuer: string | undefined;
  readonly audience: readonly string[];
  readonly corsOrigins: readonly string[];
}

export interface Target {
  /** Paths are behind the REST prefix. */
  send(sent: Sent): Promise<Answer>;
  /** The server's clock, Unix seconds. */
  now(): number;
  readonly rules: TokenRules;
  /** The server's key, where it is known. */
  readonly key: Key | undefined;
  readonly user: Credentials;
  readonly guests: TestUsers | undefined;
  /** A login that nobody has. */
  readonly nobody: string;
  /** An access token that stays good for all attacks, and what came with it. */
  standing(): Promise<Session>;
  /** A session of its own; ended afterwards if the attack does not. */
  open(who?: Credentials): Promise<Session>;
}

export const resisted: Verdict = { outcome: "held" };
export const succeeded = (detail: string): Verdict => ({ outcome: "not_held", detail });
export const notRun = (detail: string): Verdict => ({ outcome: "not_tried", detail });

export const bearer = (token: string) => ["Authorization", `Bearer ${token}`] as const;
const json = ["Content-Type", "application/json"] as const;

export const post = (path: string, body: unknown, ...headers: readonly (readonly [string, string])[]): Sent => ({
  method: "POST",
  path,
  headers: [json, ...headers],
  body: typeof body === "string" ? body : JSON.stringify(body),
});

/** A trial and the answer that it got. */
export type AttemptResult = readonly [what: string, answer: Answer];

const shownMax = 3;

/** Held if each answer is as it may be; else the first few that are not. */
export function judge(all: Iterable<AttemptResult>, isHeld: (answer: Answer) => boolean): Verdict {
  const broken = [...all].filter(([, answer]) => !isHeld(answer));
  if (broken.length === 0) return resisted;
  const shown = broken.slice(0, shownMax).map(([what, { status }]) => `${what}: answered ${status}`);
  const more = broken.length > shownMax ? [`and ${broken.length - shownMax} more`] : [];
  return succeeded([...shown, ...more].join("; "));
}

/** Refused as a client's fault. Neither a success nor a crash is; a proxy may find a header too large (431). */
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 501]);
export const isRejected = ({ status }: Answer): boolean => refusals.has(status);

/** Of a token: it is none, or none that is good. */
export const isUnauthorized = ({ status }: Answer): boolean => status === 401 || status === 400 || status === 431;

/** Sends one after the other, and keeps each with its name. */
export async function tryEach(
  target: Target,
  trials: Iterable<readonly [what: string, sent: Sent]>,
): Promise<readonly AttemptResult[]> {
  const all: AttemptResult[] = [];
  for (const [what, sent] of trials) all.push([what, await target.send(sent)]);
  return all;
}

/** Tokens that no guard may take. */
export async function rejectsTokens(
  target: Target,
  tokens: Iterable<readonly [what: string, token: string]>,
): Promise<Verdict> {
  const trials = [...tokens].map(([what, token]) => [what, { path: "/session", headers: [bearer(token)] }] as const);
  return judge(await tryEach(target, trials), isUnauthorized);
}
