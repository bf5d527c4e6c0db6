// Sends each mail to a webhook as JSON. The receiver recognises Ampho by an HMAC over the time and the body (docs/mail.md), so that
// a captured request cannot be changed, and cannot be sent again later.
import { createHmac } from "node:crypto";
import type { Clock } from "../../clock.js";
import type { Message } from "../message.js";
import { MailFailure, type Transport } from "./transport.js";

const timeoutMs = 10_000;

/** Statuses that another attempt can change (RFC 9110 §15.5.9, RFC 6585 §4). */
const transientStatuses: readonly number[] = [408, 429];

export function createWebhook(url: URL, key: string, clock: Pick<Clock, "now">): Transport {
  const closing = new AbortController();
  return {
    async send(message) {
      const status = await post(url, signedRequest(message, key, clock.now()), closing.signal);
      if (status >= 200 && status < 300) return;
      const permanent = status >= 400 && status < 500 && !transientStatuses.includes(status);
      throw new MailFailure(`The webhook responded with ${status || "a redirect"}.`, { permanent });
    },
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
}

interface SignedRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

function signedRequest(
  { id, kind, language, to, from, subject, text, html }: Message,
  key: string,
  now: number,
): SignedRequest {
  const body = JSON.stringify({ id, kind, language, to, from, subject, text, html });
  const signature = createHmac("sha256", key).update(`${now}.${body}`).digest("hex");
  return {
    body,
    headers: { "content-type": "application/json", "ampho-signature": `t=${now},v1=${signature}` },
  };
}

/** Resolves to the status. The body of the response is not read, so its length does not matter. */
async function post(url: URL, { body, headers }: SignedRequest, closing: AbortSignal): Promise<number> {
  const abortion = new AbortController();
  const abort = () => abortion.abort();
  closing.addEventListener("abort", abort);
  if (closing.aborted) abort();
  const timer = setTimeout(abort, timeoutMs);
  try {
    // A redirect can lead to another host or to plain http.
    const response = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal: abortion.signal });
    response.body?.cancel().catch(() => undefined);
    return response.status;
  } catch {
    const isLate = abortion.signal.aborted && !closing.aborted;
    throw new MailFailure(
      isLate ? `The webhook did not respond within ${timeoutMs / 1000} s.` : "The webhook could not be reached.",
    );
  } finally {
    clearTimeout(timer);
    closing.removeEventListener("abort", abort);
  }
}
