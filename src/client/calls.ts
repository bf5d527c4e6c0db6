// Calls of the REST API (docs/reference/contract.md §4). They fail with the code of the response, else `unavailable`.
import { AmphoError, type ErrorDetails } from "../errors.js";
import type { ProblemBody } from "../wire/problem.js";
import { parse, randomId } from "./texts.js";

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns the error of a request without a response, and of a storage that fails. It ends no session. */
export function unavailable(cause: unknown): AmphoError {
  return cause instanceof AmphoError
    ? cause
    : new AmphoError("unavailable", "The server or storage failed.", {}, { cause });
}

/**
 * Resolves to the JSON of the response, or rejects with AmphoError. Without a response, a GET and a call with a key are
 * repeated. The server might have handled any other call, and would reject its repetition.
 */
export type ClientCall = (path: `/${string}`, body?: unknown, token?: string, key?: string) => Promise<unknown>;

/** `root` is the URL of the prefix. */
export const createClientCall =
  (root: string, own?: RequestInit): ClientCall =>
  async (path, body, token, key) => {
    // The limit for all attempts, for networks that drop packets. It is shorter than a lock (lock.ts).
    const signal = AbortSignal.timeout(20_000);
    const attempts = own?.method || key ? 3 : 1;
    for (let count = 1; ; count++) {
      try {
        const response = await fetch(root + path, {
          method: "POST",
          // A redirect would send the password or the token to its target.
          redirect: "error",
          // A user often leaves the page right after the logout.
          keepalive: true,
          headers: {
            "Content-Type": "application/json",
            "Idempotency-Key": key ?? randomId(),
            ...(token && { Authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify(body),
          signal,
          ...own,
        });
        return await responseJson(response);
      } catch (error) {
        if (error instanceof AmphoError || count >= attempts || signal.aborted) throw unavailable(error);
        await sleep(200 * count);
      }
    }
  };

/** Resolves to the JSON of a response, or rejects with the error in it. Only a 204 has none. */
export async function responseJson(response: Response): Promise<unknown> {
  const result = parse(await response.text());
  if (response.ok && (result || response.status === 204)) return result;
  const isProblem = (result as Partial<ProblemBody> | undefined)?.error?.match?.(/^[a-z_]+$/);
  // A newer server can have more codes and details than this version knows. They are passed on.
  const { error, message, ...details } = isProblem
    ? (result as ProblemBody)
    : { error: "unavailable" as const, message: `Status ${response.status} of ${response.url}.` };
  const retryAfterSeconds = Number(response.headers.get("Retry-After"));
  throw new AmphoError(error, message, {
    ...details,
    ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
  } as ErrorDetails);
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Sends a request of the user who is signed in by a `fetch` of the client, which renews the token. */
export type Send = (method: "GET" | "POST" | "DELETE", path: `/${string}`, body?: object) => Promise<unknown>;

/** Resolves to the JSON of the response, or rejects with AmphoError. */
export function sendBy(fetch: Fetch, root: string): Send {
  return async (method, path, body) => {
    const json = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return responseJson(await fetch(root + path, { method, ...json }));
  };
}

/** The Idempotency-Key of a request by what it sends: after a lost response, the same proof gets the same response. */
export function createIdempotencyKeys(): (sent: unknown) => string {
  const keys = new Map<string, string>();
  return (sent) => {
    const text = JSON.stringify(sent);
    const key = keys.get(text) ?? randomId();
    keys.set(text, key);
    return key;
  };
}
