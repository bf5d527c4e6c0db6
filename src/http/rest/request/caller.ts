// The facts about a request's client that flows record.
import type { Caller } from "../../../flows/deps.js";
import type { HttpRequest } from "../message.js";
import { clientAddress } from "./client-address.js";

/** Reads `Accept-Language`. */
export type LanguageOf = (acceptLanguage: string | undefined) => string;

const agentCharactersMax = 255;

/** `hops`: the number of trusted proxies (AMPHO_TRUST_PROXY). `languageOf`: of mails, where they can be sent. */
export function callerOf(
  request: Pick<HttpRequest, "header" | "peerAddress">,
  hops: number,
  languageOf: LanguageOf | undefined,
): Caller {
  const address = clientAddress({
    peer: request.peerAddress,
    forwardedFor: request.header("x-forwarded-for"),
    forwarded: request.header("forwarded"),
    hops,
  });
  const agent = request.header("user-agent")?.replace(/\p{Cc}/gu, "");
  return {
    address,
    agent: agent === undefined ? undefined : Array.from(agent).slice(0, agentCharactersMax).join(""),
    language: languageOf?.(request.header("accept-language")),
  };
}

/**
 * The address of a request in the form of any framework: a message of node:http, a web request, or a request that holds one of
 * them. Undefined where the framework does not know it.
 */
export function addressOfAny(request: unknown, hops: number): string | undefined {
  const { raw, req } = Object(request) as { readonly raw?: unknown; readonly req?: unknown };
  const { socket, headers, header, peerAddress } = Object(raw ?? req ?? request) as {
    readonly socket?: { readonly remoteAddress?: unknown };
    readonly headers?: { readonly get?: unknown } & Readonly<Record<string, unknown>>;
    readonly header?: unknown;
    readonly peerAddress?: unknown;
  };
  const read = (name: string): string | undefined => {
    const get = headers?.get ?? (headers === undefined ? header : undefined);
    const value: unknown = typeof get === "function" ? get.call(headers, name) : headers?.[name];
    return typeof value === "string" ? value : undefined;
  };
  const peer = socket?.remoteAddress ?? peerAddress;
  return clientAddress({
    peer: typeof peer === "string" ? peer : undefined,
    forwardedFor: read("x-forwarded-for"),
    forwarded: read("forwarded"),
    hops,
  });
}

/** Returns an `Idempotency-Key` of 16 to 255 printable ASCII characters. A key in another form is ignored (docs/reference/http.md). */
export function idempotencyKeyOf(request: HttpRequest): string | undefined {
  const key = request.header("idempotency-key");
  return key !== undefined && /^[ -~]{16,255}$/.test(key) ? key : undefined;
}
