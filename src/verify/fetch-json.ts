// One JSON object from another server, with bounds on everything that it could make last or grow.
import { parseJsonObject } from "../crypto/json.js";
import { ConfigurationError } from "../errors.js";

/** Why there was no answer, in words for whoever runs the process. */
export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
}

export interface JsonAnswer {
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export interface FetchBounds {
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly bearer?: string;
  /** Gives up at once. */
  readonly signal: AbortSignal;
}

/**
 * The URL of an option. It is https, or http on this machine only: keys and revocations that anyone on the way can change
 * prove nothing. Throws ConfigurationError.
 */
export function readUrl(name: string, text: unknown): URL {
  const wrong = (why: string) => new ConfigurationError(`${name} ${why}`);
  if (typeof text !== "string" || !URL.canParse(text)) throw wrong("must be an absolute URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname)))
    throw wrong("must be an https URL (http on the loopback interface only)");
  if (url.username !== "" || url.password !== "") throw wrong("must not hold a user name or a password");
  url.hash = "";
  return url;
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; `URL` has written addresses in their one form. Names below `localhost` may be anybody's. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);
}

/** Rejects with FetchFailure. */
export async function fetchJson(url: URL, bounds: FetchBounds): Promise<JsonAnswer> {
  const { timeoutMs, signal } = bounds;
  // By hand: AbortSignal.any keeps a trace of each question at the signal that outlives them all, on some versions of Node.
  const giving = new AbortController();
  const giveUp = () => giving.abort();
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    giveUp();
  }, timeoutMs);
  try {
    return await ask(url, bounds, giving.signal);
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    if (late) throw new FetchFailure(`there was no answer within ${timeoutMs / 1000} s`);
    throw new FetchFailure("the server could not be reached", { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

async function ask(url: URL, { bearer, bytesMax }: FetchBounds, signal: AbortSignal): Promise<JsonAnswer> {
  const response = await fetch(url, {
    headers: { accept: "application/json", ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
    // A redirect may lead to another host or to plain http.
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) {
    response.body?.cancel().catch(() => undefined);
    throw new FetchFailure(`the answer was ${response.status || "a redirect"}`);
  }
  const members = parseJsonObject(await readBody(response, bytesMax));
  if (members === undefined) throw new FetchFailure("the answer was not one JSON object in UTF-8");
  return { members, headers: response.headers };
}

async function readBody({ body }: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) return Buffer.concat(chunks, bytes);
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      reader?.cancel().catch(() => undefined);
      throw new FetchFailure(`the answer was longer than ${bytesMax / 1024} KiB`);
    }
    chunks.push(value);
  }
}
