// The REST API as one Fetch handler: Request -> HttpRequest, HttpAnswer -> Response.
import { AmphoError } from "../errors.js";
import type { Handle } from "../http/rest/handler.js";
import type { HttpRequest, RequestBody, RequestHead } from "../http/rest/message.js";
import { splitAuthorization } from "../http/rest/request/authorization.js";
import { alreadyRead, bodyTimeoutMs, cutShort, timedOut, tooLarge } from "../http/rest/request/body-limits.js";
import { toFetchResponse } from "./fetch-response.js";

export interface FetchOptions {
  /** The address of the peer, if the host knows it. */
  readonly address?: string | undefined;
}

export type FetchHandler = (request: Request, options?: FetchOptions) => Promise<Response>;

export function createFetch(handle: Handle): FetchHandler {
  return async (request, { address } = {}) => {
    return toFetchResponse(await handle(readRequest(request, address)));
  };
}

/** By shape: a host may bring a Request of its own, and not every one has a Host header. */
export function headOf({ method, headers, url }: Pick<Request, "method" | "headers" | "url">): RequestHead {
  return {
    method,
    header: (name) => headers.get(name) ?? (name === "host" ? hostOf(url) : undefined),
    authorization: splitAuthorization(headers.get("authorization")),
  };
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function readRequest(request: Request, peerAddress: string | undefined): HttpRequest {
  return {
    ...headOf(request),
    method: request.method,
    target: request.url,
    peerAddress,
    body: bodyOf(request),
  };
}

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
    // Tells the sender to stop; what cancelling itself says matters to nobody.
    reader.cancel().catch(() => undefined);
    throw error instanceof AmphoError ? error : cutShort();
  } finally {
    clearTimeout(timer);
  }
}
