// Sends requests and records them with their responses. A request can be cut: its connection ends after it was sent and before
// the response is read, so that it is unknown whether it was done.
import { Agent, request as httpRequest } from "node:http";
import type { Member } from "./fleet.js";
import type { Granted, Operation, ReadResponse, Request, Token } from "./history.js";

/** The request as it goes over the wire. Only this contains secrets. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** The possessions of a client after a login or a renewal. */
export interface Held extends Granted {
  readonly token: string;
  readonly refreshToken: string | undefined;
  readonly device: string | undefined;
}

export interface Reported {
  readonly response: ReadResponse | null;
  readonly held: Held | undefined;
}

export interface Recorder {
  readonly operations: readonly Operation[];
  /** Milliseconds since the run began. */
  now(): number;
  readonly startedAtMs: number;
  send(client: string, member: Member, request: Request, sent: Sent, cutAfterMs?: number): Promise<Reported>;
  /** An operation without HTTP. Its result is done or unknown. */
  act(client: string, request: Request, work: () => Promise<unknown>): Promise<void>;
  close(): void;
}

const timeoutMs = 15_000;

export function createRecorder(): Recorder {
  const operations: Operation[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const startedAtMs = Date.now();
  const zero = performance.now();
  const now = () => performance.now() - zero;

  function write(
    client: string,
    process: string,
    start: number,
    request: Request,
    response: ReadResponse | null,
  ): void {
    operations.push({ n: operations.length, client, process, start, end: now(), request, response });
  }

  return {
    operations,
    now,
    startedAtMs,
    async send(client, { process, served }, request, sent, cutAfterMs) {
      const start = now();
      const raw = await exchange(served.port, agent, sent, cutAfterMs);
      // The server was not there, so the request was never sent.
      if (raw === "unsent") return { response: null, held: undefined };
      const body = raw === undefined ? undefined : bodyOf(raw.text);
      const held = body === undefined ? undefined : heldOf(body);
      const response = raw === undefined ? null : readResponse(raw, body, held);
      write(client, process, start, request, response);
      return { response, held };
    },
    async act(client, request, work) {
      const start = now();
      const response = await work().then(
        () => ({ status: 200 }),
        () => null,
      );
      write(client, "operator", start, request, response);
    },
    close: () => agent.destroy(),
  };
}

interface Raw {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** Undefined if the connection ended before the response. */
function exchange(
  port: number,
  agent: Agent,
  { method, path, headers = {}, body }: Sent,
  cutAfterMs: number | undefined,
): Promise<Raw | undefined | "unsent"> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const about = body === undefined ? {} : { "content-type": "application/json", "content-length": text.length };
  // A cut ends the connection, so the request gets one of its own.
  const own = cutAfterMs === undefined ? { agent } : { agent: false as const };
  return new Promise((resolve) => {
    const asked = httpRequest(
      { host: "127.0.0.1", port, method, path: `/api/security${path}`, headers: { ...headers, ...about }, ...own },
      (response) => {
        let read = "";
        response.setEncoding("utf8").on("data", (piece: string) => {
          read += piece;
        });
        response.on("error", () => resolve(undefined));
        response.on("end", () => {
          if (cutAfterMs !== undefined) return resolve(undefined);
          resolve({ status: response.statusCode ?? 0, text: read, retryAfter: response.headers["retry-after"] });
        });
      },
    );
    asked.setTimeout(timeoutMs, () => asked.destroy());
    asked.on("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED" ? "unsent" : undefined));
    asked.on("close", () => resolve(undefined));
    if (cutAfterMs !== undefined) asked.on("finish", () => setTimeout(() => asked.destroy(), cutAfterMs));
    asked.end(text);
  });
}

type Body = Readonly<Record<string, unknown>>;

function bodyOf(text: string): Body | undefined {
  return text === "" ? undefined : JSON.parse(text);
}

function readResponse({ status, retryAfter }: Raw, body: Body | undefined, held: Held | undefined): ReadResponse {
  const error = body?.["error"];
  const sessions = body?.["sessions"];
  return {
    status,
    ...(typeof error === "string" ? { error } : {}),
    ...(held === undefined ? {} : { granted: { ...viewOf(held), refreshExpires: held.refreshExpires } }),
    ...(Array.isArray(sessions) ? { sessions: sessions.map(({ id }) => String(id)) } : {}),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: Number(retryAfter) }),
  };
}

/** The parts of a token that can be recorded. */
export function viewOf({ login, sub, sid, gen, jti, roles, exp }: Token): Token {
  return { login, sub, sid, gen, jti, roles, exp };
}

function heldOf(body: Body): Held | undefined {
  const { token, refresh_token: refreshToken, refresh_expires: refreshExpires, device } = body;
  if (typeof token !== "string") return undefined;
  const claims: Token = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return {
    ...viewOf(claims),
    token,
    refreshToken: typeof refreshToken === "string" ? refreshToken : undefined,
    refreshExpires: typeof refreshExpires === "number" ? refreshExpires : undefined,
    device: typeof device === "string" ? device : undefined,
  };
}
