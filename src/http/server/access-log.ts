// The access log: one line for each request, with the pattern of the route and nothing that the client has sent.
import type { ErrorCode } from "../../errors.js";

export interface AccessEntry {
  /** The time of the request, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Undefined when the request could not be parsed. */
  readonly method: string | undefined;
  /** The pattern, such as `/api/security/sessions/{id}`, or undefined for a path that is no route. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly error: ErrorCode | undefined;
  /** The `X-Request-Id` of the response. */
  readonly requestId: string;
}

export type AccessLog = (entry: AccessEntry) => void;

/** Calls `write` once for each request, with a whole line. */
export function createAccessLog(format: "json" | "text", write: (line: string) => void): AccessLog {
  return ({ timeMs, method, route, status, durationMs, error, requestId }) => {
    const time = new Date(timeMs).toISOString();
    const ms = Math.round(durationMs * 10) / 10;
    const texts = [time, status, method ?? "-", route ?? "-", `${ms}ms`, error ?? "-", requestId];
    const json = () => JSON.stringify({ time, method, route, status, ms, error, id: requestId });
    write(`${format === "json" ? json() : texts.join(" ")}\n`);
  };
}
