// Histories written by hand for the tests of the checker. Short lines state the client, the request, the time and the response.
import type { AuditRow, Granted, History, Operation, ReadResponse, Request, Token } from "./history.js";

/** The Unix seconds of the run's beginning. */
export const startedAt = 1_790_000_000;

export interface Made {
  /** An operation from `start` to `end` in milliseconds, at process `0.0` by default. */
  at(start: number, end: number, request: Request, response: ReadResponse | null, process?: string): Operation;
  /** A row of the log, written at `ms`. */
  row(ms: number, event: string, about?: Partial<AuditRow>): AuditRow;
  history(more?: Partial<History>): History;
}

export function make(): Made {
  const operations: Operation[] = [];
  const audit: AuditRow[] = [];
  return {
    at(start, end, request, response, process = "0.0") {
      const operation = { n: operations.length, client: "somebody", process, start, end, request, response };
      operations.push(operation);
      return operation;
    },
    row(ms, event, about = {}) {
      const none = { reason: null, login: "ann", sessionId: null, address: null, gen: undefined };
      const row = { n: audit.length + 1, at: startedAt + Math.floor(ms / 1_000), event, ...none, ...about };
      audit.push(row);
      return row;
    },
    history: (more = {}) => ({
      seed: "made",
      store: "none",
      limits: { tries: 5, knownTries: 10, windowSeconds: 900, addressLogins: 20, leewaySeconds: 60 },
      startedAtMs: startedAt * 1_000,
      users: [{ login: "ann", password: "first", roles: ["reader"] }],
      lives: [
        { process: "0.0", start: 0, ready: 1, end: undefined },
        { process: "1.0", start: 0, ready: 1, end: undefined },
      ],
      operations,
      audit,
      ...more,
    }),
  };
}

export function token(sid: string, gen: number): Token {
  const jti = `${sid} ${gen}`;
  return { login: "ann", sub: "u1", sid, gen, jti, roles: ["reader"], exp: startedAt + 900 };
}

export const granted = (sid: string, gen: number): Granted => ({
  ...token(sid, gen),
  refreshExpires: startedAt + 9_000 + gen,
});
export const given = (sid: string, gen: number): ReadResponse => ({ status: 200, granted: granted(sid, gen) });
export const done: ReadResponse = { status: 204 };
export const ok: ReadResponse = { status: 200 };
export const rejected = (error: string, status = 401): ReadResponse => ({ status, error });

export function logIn(password = "first", more: Partial<Extract<Request, { readonly kind: "login" }>> = {}): Request {
  return { kind: "login", login: "ann", password, address: "192.0.2.1", ...more };
}

export const renew = (sid: string, gen: number, key?: string): Request => ({
  kind: "renew",
  login: "ann",
  sid,
  gen,
  by: "refresh_token",
  key,
});

export const use = (kind: "guard" | "list" | "logout" | "end", sid: string, gen = 0): Request => ({
  kind,
  login: "ann",
  token: token(sid, gen),
});

export const changePassword = (sid: string, old: string, next: string): Request => ({
  kind: "password",
  login: "ann",
  token: token(sid, 0),
  old,
  next,
});

/** A session that begins at `ms`, with its row. */
export function begin({ at, row }: Made, sid: string, ms = 0): void {
  at(ms, ms + 10, logIn(), given(sid, 0));
  row(ms, "login", { sessionId: sid });
}

/** A renewal with a response and its row. */
export function move({ at, row }: Made, sid: string, gen: number, ms: number, event = "renew"): void {
  at(ms, ms + 10, renew(sid, gen), given(sid, gen + 1));
  row(ms, event, { sessionId: sid, gen });
}
