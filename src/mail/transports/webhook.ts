// Sends each mail to a webhook as JSON. The receiver recognises Ampho by an HMAC over the time and the body
// (docs/guides/mail.md). So an attacker can neither change a captured request nor send it again later.
import { createHmac } from "node:crypto";
import type { Clock } from "../../clock.js";
import { type BoundedRequest, type BoundedResponse, boundedFetch, FetchFailure } from "../../outbound/bounded-fetch.js";
import type { KeyedUrl } from "../../outbound/secure-url.js";
import { MailFailure } from "../mail-failure.js";
import type { Message } from "../message.js";
import type { Transport } from "./transport.js";

/** Nothing of the response is used but its status. */
const limits = { timeoutMs: 10_000, bytesMax: 65_536 };

/** Statuses that another attempt can change (RFC 9110 §15.5.9, RFC 6585 §4). */
const transientStatuses: readonly number[] = [408, 429];

export function createWebhook({ url: address, key }: KeyedUrl, clock: Pick<Clock, "now">): Transport {
  const url = new URL(address);
  const closing = new AbortController();
  return {
    async send(message) {
      const signed = signedRequest(message, key, clock.now());
      const { status } = await request(url, { method: "POST", ...signed, ...limits, signal: closing.signal });
      if (status >= 200 && status < 300) return;
      const permanent = status >= 400 && status < 500 && !transientStatuses.includes(status);
      throw new MailFailure(`The webhook responded with ${status || "a redirect"}.`, { permanent });
    },
    accepted: "The webhook accepted the mail.",
    async check() {
      const { status } = await request(url, { method: "GET", ...limits, signal: closing.signal });
      if (status >= 500) throw new MailFailure(`The webhook responded with ${status}.`);
      return `The webhook at ${url.host} responds.`;
    },
    close: () => closing.abort(),
  };
}

function signedRequest({ id, kind, language, to, from, subject, text, html }: Message, key: string, now: number) {
  const body = JSON.stringify({ id, kind, language, to, from, subject, text, html });
  const signature = createHmac("sha256", key).update(`${now}.${body}`).digest("hex");
  const headers = { "content-type": "application/json", "ampho-signature": `t=${now},v1=${signature}` };
  return { body, headers };
}

async function request(url: URL, sent: BoundedRequest): Promise<BoundedResponse> {
  try {
    return await boundedFetch(url, sent);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    throw new MailFailure(`The webhook failed: ${error.message}.`, { cause: error.cause });
  }
}
