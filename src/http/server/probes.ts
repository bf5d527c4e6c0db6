// GET /healthz (the process answers) and GET /readyz (the store does, too), at the root.
import type { IncomingHttpHeaders } from "node:http";
import { AmphoError } from "../../errors.js";
import type { HttpResponse } from "../rest/message.js";
import { forwardedIgnored, isForwarded } from "../rest/request/client-address.js";
import { plainHeaders } from "../rest/responses/response.js";

export interface ProbeOptions {
  /** Rejects with `unavailable` when the store is away. */
  readonly ready: () => Promise<void>;
  /** What is not well and no reason to send requests elsewhere. */
  readonly warnings?: (() => readonly string[]) | undefined;
  readonly refusal: (error: unknown) => HttpResponse;
  /** How many proxies are believed. */
  readonly trustedHops: number;
}

/** Undefined when the path is no probe's. */
export type Probe = (
  method: string | undefined,
  path: string,
  headers: IncomingHttpHeaders,
) => Promise<HttpResponse> | undefined;

/** The contract promises 503 within 1.5 s, also when whoever is asked hangs. */
const patienceMs = 1_300;

export function createProbe({ ready, warnings, refusal, trustedHops }: ProbeOptions): Probe {
  const probes: Readonly<Record<string, () => Promise<void>>> = {
    "/healthz": () => Promise.resolve(),
    "/readyz": () => withPatience(ready()),
  };
  return (method, path, headers) => (Object.hasOwn(probes, path) ? answer(method, path, headers) : undefined);

  async function answer(method: string | undefined, path: string, sent: IncomingHttpHeaders): Promise<HttpResponse> {
    try {
      if (method !== "GET" && method !== "HEAD") {
        throw new AmphoError("method_not_allowed", "This path takes GET, HEAD.", { allow: ["GET", "HEAD"] });
      }
      await probes[path]?.();
      const headers = { ...plainHeaders, "Content-Type": "application/json" };
      return { status: 200, headers, body: bodyFor(path, sent), route: path };
    } catch (error) {
      return { ...refusal(error), route: path };
    }
  }

  /** Of requests only about this one: what others have sent, nobody is told. */
  function bodyFor(path: string, sent: IncomingHttpHeaders): string {
    if (path !== "/readyz") return JSON.stringify({ status: "ok" });
    const ignored = trustedHops === 0 && isForwarded((name) => sent[name]);
    const all = [...(warnings?.() ?? []), ...(ignored ? [forwardedIgnored] : [])];
    return JSON.stringify({ status: "ok", ...(all.length > 0 ? { warnings: all } : {}) });
  }
}

async function withPatience(ready: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AmphoError("unavailable", "The store does not answer.")), patienceMs);
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    clearTimeout(timer);
  }
}
