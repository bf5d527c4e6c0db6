// The access log: one line for each request, as JSON or as text. It contains the route's pattern, never the path,
// query, headers or body that the client has sent.
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

const lines = { json: jsonLine, text: textLine };

/** Calls `write` once for each request, with a whole line. */
export function createAccessLog(format: keyof typeof lines, write: (line: string) => void): AccessLog {
  const lineOf = lines[format];
  return (entry) => write(`${lineOf(entry)}\n`);
}

function jsonLine({ timeMs, method, route, status, durationMs, error, requestId }: AccessEntry): string {
  const time = new Date(timeMs).toISOString();
  return JSON.stringify({ time, method, route, status, ms: rounded(durationMs), error, id: requestId });
}

function textLine({ timeMs, method, route, status, durationMs, error, requestId }: AccessEntry): string {
  const time = new Date(timeMs).toISOString();
  return [time, status, method ?? "-", route ?? "-", `${rounded(durationMs)}ms`, error ?? "-", requestId].join(" ");
}

const rounded = (durationMs: number) => Math.round(durationMs * 10) / 10;
