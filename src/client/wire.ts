// Calls of the REST API (docs/contract.md §4). They fail with the code of the response, or with `unavailable` without one.
import { AmphoError, type ErrorCode } from "../errors.js";
import { randomId } from "./random.js";
import { hasText } from "./shape.js";

/** The time limit for all attempts of one call, for networks that drop packets. */
const deadlineMs = 20_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const bearerValue = (token: string): string => `Bearer ${token}`;

/** The error of a request without a response, and of a storage that fails. It ends no session. */
export function unavailable(cause?: unknown): AmphoError {
  return new AmphoError("unavailable", "The server or storage failed.", {}, { cause });
}

/** A newer server can have more codes than this version knows. They are passed on. */
interface Problem {
  readonly error: ErrorCode;
  readonly message: string;
}

/**
 * Resolves to the JSON of the response, or rejects with AmphoError. `root` is the URL of the prefix. A call without a response
 * is repeated, except for a login, which might have created a session.
 */
export async function call(
  root: string,
  path: "/login" | "/logout" | "/renew",
  body: object,
  token?: string,
  key = randomId(),
): Promise<unknown> {
  const signal = AbortSignal.timeout(deadlineMs);
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
          "Idempotency-Key": key,
          ...(token && { Authorization: bearerValue(token) }),
        },
        body: JSON.stringify(body),
        signal,
      });
      const result = parse(await response.text());
      if (response.ok) return result;
      const retryAfterSeconds = Number(response.headers.get("Retry-After"));
      const details = retryAfterSeconds > 0 ? { retryAfterSeconds } : {};
      if (hasText<Problem>(result, "error") && /^[a-z_]+$/.test(result.error))
        throw new AmphoError(result.error, result.message, details);
      throw new AmphoError("unavailable", `Status ${response.status}.`, details);
    } catch (error) {
      if (error instanceof AmphoError) throw error;
      if (path === "/login" || count > 2 || signal.aborted) throw unavailable(error);
      await sleep(200 * count);
    }
  }
}

/** Returns undefined for anything else than JSON, such as the page of a captive portal or a proxy. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
