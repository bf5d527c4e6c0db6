// A request to another server, with limits. No redirect is followed: it can lead to another host or plain http.
import { parseJsonObject } from "../crypto/json.js";

/** Why there is no usable response, in words for the log. */
export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
}

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/** For a small document of another server, such as its metadata, its keys or a token. */
export const documentLimits: FetchLimits = { timeoutMs: 5_000, bytesMax: 65_536 };

export interface BoundedRequest extends FetchLimits {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
}

export interface BoundedResponse {
  /** 0 for a redirect where the platform hides it. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Resolves to a response with any status. Rejects with FetchFailure. */
export async function boundedFetch(url: URL, request: BoundedRequest): Promise<BoundedResponse> {
  const { timeoutMs, signal } = request;
  // AbortSignal.any would leave a trace of each request on a long-lived signal in some versions of Node.
  const abortion = new AbortController();
  const abort = () => abortion.abort();
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, timeoutMs);
  try {
    return await send(url, request, abortion.signal);
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    if (late) throw new FetchFailure(`there was no response within ${timeoutMs / 1000} s`);
    throw new FetchFailure("the server could not be reached", { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function send(
  url: URL,
  { method = "GET", headers, body, bytesMax }: BoundedRequest,
  signal: AbortSignal,
): Promise<BoundedResponse> {
  const response = await fetch(url, {
    method,
    redirect: "manual",
    signal,
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && { body }),
  });
  return { status: response.status, headers: response.headers, body: await readBody(response, bytesMax) };
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

export interface FetchedJson {
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

interface FetchJsonOptions extends Omit<BoundedRequest, "headers"> {
  readonly bearer?: string;
}

/** Rejects with FetchFailure, also for a status other than 200. */
export async function fetchJson(url: URL, { bearer, ...request }: FetchJsonOptions): Promise<FetchedJson> {
  const { status, headers, body } = await boundedFetch(url, {
    ...request,
    headers: { accept: "application/json", ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
  });
  if (status !== 200) throw new FetchFailure(`the response was ${status || "a redirect"}`);
  const members = parseJsonObject(body);
  if (members === undefined) throw new FetchFailure("the response was not one JSON object in UTF-8");
  return { members, headers };
}
