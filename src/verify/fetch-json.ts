// Fetches one JSON object from another server, with limits on its time and its size.
import { parseJsonObject } from "../crypto/json.js";
import { ConfigurationError } from "../errors.js";

/** Why there is no usable response, in words for the log. */
export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
}

export interface FetchedJson {
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

export interface FetchJsonOptions extends FetchLimits {
  readonly bearer?: string;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

/**
 * Returns the URL of an option: https, or http on the loopback interface only. An attacker on the network can change keys and
 * revocations that come over plain http. Throws ConfigurationError.
 */
export function readUrl(name: string, text: unknown): URL {
  const wrong = (rule: string) => new ConfigurationError(`${name} must ${rule}.`);
  if (typeof text !== "string" || !URL.canParse(text)) throw wrong("be an absolute URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname)))
    throw wrong("be an https URL (http on the loopback interface only)");
  if (url.username !== "" || url.password !== "") throw wrong("not contain a user name or a password");
  url.hash = "";
  return url;
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. `URL` has normalized the address. A name below `localhost` can resolve to any host. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);
}

/** Rejects with FetchFailure. */
export async function fetchJson(url: URL, options: FetchJsonOptions): Promise<FetchedJson> {
  const { timeoutMs, signal } = options;
  // AbortSignal.any would leave a trace of each request on the long-lived signal in some versions of Node.
  const abortion = new AbortController();
  const abort = () => abortion.abort();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, timeoutMs);
  try {
    return await request(url, options, abortion.signal);
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    if (late) throw new FetchFailure(`there was no response within ${timeoutMs / 1000} s`);
    throw new FetchFailure("the server could not be reached", { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

async function request(url: URL, { bearer, bytesMax }: FetchJsonOptions, signal: AbortSignal): Promise<FetchedJson> {
  const response = await fetch(url, {
    headers: { accept: "application/json", ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
    // A redirect can lead to another host or to plain http.
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) {
    response.body?.cancel().catch(() => undefined);
    throw new FetchFailure(`the response was ${response.status || "a redirect"}`);
  }
  const members = parseJsonObject(await readBody(response, bytesMax));
  if (members === undefined) throw new FetchFailure("the response was not one JSON object in UTF-8");
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
      throw new FetchFailure(`the response was longer than ${bytesMax / 1024} KiB`);
    }
    chunks.push(value);
  }
}
