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

/** Returns an `Idempotency-Key` of 16 to 255 printable ASCII characters. A key in another form is ignored (docs/reference/http.md). */
export function idempotencyKeyOf(request: HttpRequest): string | undefined {
  const key = request.header("idempotency-key");
  return key !== undefined && /^[ -~]{16,255}$/.test(key) ? key : undefined;
}
