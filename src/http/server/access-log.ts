// One line for each request: JSON, or readable. It holds the route's pattern, never the path, query, headers or body that were sent.
import type { ErrorCode } from "../../errors.js";

export interface AccessEntry {
  /** When the request came, milliseconds since 1970. */
  readonly timeMs: number;
  /** Undefined when the request could not be parsed. */
  readonly method: string | undefined;
  /** The pattern, as in `/api/security/sessions/{id}`; undefined when the path is none of ours. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly error: ErrorCode | undefined;
  /** Also sent as `X-Request-Id`. */
  readonly requestId: string;
}

export type AccessLog = (entry: AccessEntry) => void;

const lines = { json: jsonLine, text: textLine };

/** Logs to `write`, one line with its end a call. */
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
