// Calls of the REST API (contract §4) and what their failures are: the code of the answer, or `unavailable` where there is none.
import { AmphoError, type ErrorCode } from "../errors.js";
import { randomId } from "./random.js";
import { hasText } from "./shape.js";

/** For all tries of one call: a network that swallows packets holds nobody up for longer. */
const deadlineMs = 20_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const bearer = (token: string): string => `Bearer ${token}`;

/** The failure of a request that got no answer. */
export function unreachable(cause?: unknown): AmphoError {
  return new AmphoError("unavailable", "The server cannot be reached.", {}, { cause });
}

/** A newer server may know more codes than this version: they pass. */
interface Problem {
  readonly error: ErrorCode;
  readonly message: string;
}

/**
 * What the answer says in JSON; rejects with AmphoError. `root` is the URL of the prefix.
 * A call whose answer was lost is made again, but for a login: it may have opened a session already.
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
        // A redirect would carry the password or the token to wherever it points.
        redirect: "error",
        // Whoever logs out often leaves the page in the same breath.
        keepalive: true,
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": key,
          ...(token && { Authorization: bearer(token) }),
        },
        body: JSON.stringify(body),
        signal,
      });
      const answer = parse(await response.text());
      if (response.ok) return answer;
      const retryAfterSeconds = Number(response.headers.get("Retry-After"));
      const details = retryAfterSeconds > 0 ? { retryAfterSeconds } : {};
      if (hasText<Problem>(answer, "error") && /^[a-z_]+$/.test(answer.error))
        throw new AmphoError(answer.error, answer.message, details);
      throw new AmphoError("unavailable", `Status ${response.status}.`, details);
    } catch (error) {
      if (error instanceof AmphoError) throw error;
      if (path === "/login" || count > 2 || signal.aborted) throw unreachable(error);
      await sleep(200 * count);
    }
  }
}

/** Undefined for what is no JSON: a captive portal or a proxy answers as it likes. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
