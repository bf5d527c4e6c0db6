// Calls of the REST API (docs/reference/contract.md §4). They fail with the code of the response, or with `unavailable` without one.
import { AmphoError, type ErrorCode } from "../errors.js";
import { randomId } from "./random.js";
import { hasText } from "./shape.js";

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns the error of a request without a response, and of a storage that fails. It ends no session. */
export function unavailable(cause: unknown): AmphoError {
  return cause instanceof AmphoError
    ? cause
    : new AmphoError("unavailable", "The server or storage failed.", {}, { cause });
}

/** A newer server can have more codes than this version knows. They are passed on. */
interface Problem {
  readonly error: ErrorCode;
  readonly message: string;
}

/**
 * Resolves to the JSON of the response, or rejects with AmphoError. Without a response, a GET and a call with a key are
 * repeated. The server might have handled any other call, and would reject its repetition: it was throttled, or its code is used.
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
  const problem = hasText<Problem>(result, "error") && /^[a-z_]+$/.test(result.error) ? result : undefined;
  const retryAfterSeconds = Number(response.headers.get("Retry-After"));
  const message = problem ? problem.message : `Status ${response.status}.`;
  throw new AmphoError(
    problem ? problem.error : "unavailable",
    message,
    retryAfterSeconds > 0 ? { retryAfterSeconds } : {},
    { cause: result },
  );
}

/** Returns undefined for anything else than JSON, such as the page of a captive portal or a proxy. */
export function parse(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text as string);
  } catch {
    return undefined;
  }
}
