// GET /healthz (the process answers) and GET /readyz (the store does, too), at the root.
import { AmphoError } from "../errors.js";
import type { HttpAnswer } from "./message.js";
import { plainHeaders } from "./problem.js";

export interface ProbeOptions {
  /** Rejects with `unavailable` when the store is away. */
  readonly ready: () => Promise<void>;
  readonly refusal: (error: unknown) => HttpAnswer;
}

/** Undefined when the path is no probe's. */
export type Probe = (method: string | undefined, path: string) => Promise<HttpAnswer> | undefined;

/** The contract promises 503 within 1.5 s, also when whoever is asked hangs. */
const patienceMs = 1_300;

export function createProbe({ ready, refusal }: ProbeOptions): Probe {
  const probes: Readonly<Record<string, () => Promise<void>>> = {
    "/healthz": () => Promise.resolve(),
    "/readyz": () => withPatience(ready()),
  };
  return (method, path) => (Object.hasOwn(probes, path) ? answer(method, path) : undefined);

  async function answer(method: string | undefined, path: string): Promise<HttpAnswer> {
    try {
      if (method !== "GET" && method !== "HEAD") {
        throw new AmphoError("method_not_allowed", "This path takes GET, HEAD.", { allow: ["GET", "HEAD"] });
      }
      await probes[path]?.();
      const headers = { ...plainHeaders, "Content-Type": "application/json" };
      return { status: 200, headers, body: '{"status":"ok"}', route: path };
    } catch (error) {
      return { ...refusal(error), route: path };
    }
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
