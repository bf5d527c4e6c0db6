// Ampho on Fetch: the REST API as one handler, and what `authorize` reads and returns of web requests.
import { AmphoError } from "../errors.js";
import type { Handle } from "../http/rest/handler.js";
import type { GuardHost } from "../http/rest/host.js";
import type { HttpResponse, RequestBody, RequestHead } from "../http/rest/message.js";
import { alreadyRead, bodyTimeoutMs, cutShort, timedOut, tooLarge } from "../http/rest/request/body.js";
import { onlyAuthorization, splitAuthorization } from "../http/rest/request/target.js";

export interface FetchOptions {
  /** The address of the peer, if the host knows it. */
  readonly address?: string | undefined;
}

/** The type of `ampho.fetch`. */
export type FetchHandler = (request: Request, options?: FetchOptions) => Promise<Response>;

/** The members of a Request that are read. A host can have a Request class of its own. */
export type WebRequest = Pick<Request, "method" | "headers" | "url">;

export function createFetchHandler(handle: Handle): FetchHandler {
  return async (request, { address: peerAddress } = {}) =>
    toFetchResponse(await handle({ ...webHeadOf(request), ...contentOf(request), peerAddress }));
}

export function toFetchResponse({ status, headers, cookies = [], body }: HttpResponse): Response {
  const response = new Response(body ?? null, { status, headers });
  for (const cookie of cookies) response.headers.append("Set-Cookie", cookie);
  return response;
}

/** The one Authorization value of a web request, or the one that stands for the token in its cookie. */
export function fetchAuthorizationOf({ cookies }: GuardHost, request: WebRequest): string | undefined {
  if (cookies !== undefined) return cookies.authorizationOf(webHeadOf(request));
  return onlyAuthorization(splitAuthorization(request.headers.get("authorization")));
}

/** By shape, because a host can have a class of its own. That of Next.js throws when an unknown member is read. */
export function findRequest(holder: unknown): WebRequest | undefined {
  if (holder instanceof Request) return holder;
  if (typeof holder !== "object" || holder === null) return undefined;
  const { request, req }: { readonly request?: unknown; readonly req?: unknown } = holder;
  return [request, req, holder].find(isWebRequest);
}

function isWebRequest(value: unknown): value is WebRequest {
  if (typeof value !== "object" || value === null || !("headers" in value)) return false;
  const { headers } = value as { readonly headers: { readonly get?: unknown } | null };
  return typeof headers?.get === "function";
}

/** Some hosts pass requests without a Host header. */
export function webHeadOf({ method, headers, url }: WebRequest): RequestHead {
  return {
    method,
    header: (name) => headers.get(name) ?? (name === "host" ? hostOf(url) : undefined),
    authorization: splitAuthorization(headers.get("authorization")),
  };
}

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined);

const contentOf = (request: Request) => ({ method: request.method, target: request.url, body: bodyOf(request) });

function bodyOf({ body, bodyUsed }: Request): RequestBody {
  if (body === null) return { kind: "none" };
  if (bodyUsed) return { kind: "stream", read: () => Promise.reject(alreadyRead()) };
  return { kind: "stream", read: (limitBytes) => readBody(body, limitBytes) };
}

async function readBody(body: ReadableStream<Uint8Array>, limitBytes: number): Promise<Uint8Array> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut()), bodyTimeoutMs);
  });
  const bytes = new Uint8Array(limitBytes);
  let lengthBytes = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return bytes.subarray(0, lengthBytes);
      if (lengthBytes + value.byteLength > limitBytes) throw tooLarge();
      bytes.set(value, lengthBytes);
      lengthBytes += value.byteLength;
    }
  } catch (error) {
    // This stops the sender. A failure to cancel does not matter.
    reader.cancel().catch(() => undefined);
    throw error instanceof AmphoError ? error : cutShort();
  } finally {
    clearTimeout(timer);
  }
}
