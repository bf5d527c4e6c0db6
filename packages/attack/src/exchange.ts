// Sends requests as an attacker writes them: any path, any headers in any number. It follows no redirect and corrects nothing.
import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";

export interface Sent {
  /** GET by default. */
  readonly method?: string;
  /** Appended to the base as it is, without encoding or normalizing. */
  readonly path: string;
  /** True if the path is not under the base. */
  readonly atRoot?: true;
  /** A name can occur several times. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
}

export interface Received {
  readonly status: number;
  /** In the order of the response, with names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The server could not be reached or did not respond in time. The message holds nothing that was sent. */
export class NoResponse extends Error {
  override readonly name = "NoResponse";
}

export interface Exchange {
  /** Rejects with NoResponse. */
  send(sent: Sent): Promise<Received>;
  close(): void;
}

const timeoutMs = 15_000;
const bodyBytesMax = 1_048_576;

/** `base` is the URL of an http or https server. Its path is put before every path. */
export function openExchange(base: URL): Exchange {
  const tls = base.protocol === "https:";
  const plainAgent = new PlainAgent({ keepAlive: true, maxSockets: 32 });
  const tlsAgent = new TlsAgent({ keepAlive: true, maxSockets: 32 });
  const prefix = base.pathname.replace(/\/+$/, "");

  function open(sent: Sent, onResponse: (response: IncomingMessage) => void): ClientRequest {
    const { method = "GET", path, headers = [], body } = sent;
    const named = (name: string) => headers.some(([one]) => one.toLowerCase() === name);
    const host = named("host") ? [] : [["Host", base.host]];
    const length =
      body === undefined || named("content-length") || named("transfer-encoding")
        ? []
        : [["Content-Length", lengthOf(body)]];
    const options = {
      protocol: base.protocol,
      // URL puts brackets around an IPv6 address, and a socket does not accept them.
      hostname: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port || (tls ? 443 : 80),
      method,
      path: sent.atRoot === true ? path : prefix + path,
      // Node sends a flat list as it is, with repeated names.
      headers: [...host, ...headers, ...length].flat(),
    };
    return tls
      ? requestTls({ ...options, agent: tlsAgent }, onResponse)
      : requestPlain({ ...options, agent: plainAgent }, onResponse);
  }

  function send(sent: Sent): Promise<Received> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) =>
        reject(new NoResponse(`The server did not respond (${error.code ?? "the connection ended"}).`));
      let request: ClientRequest;
      try {
        request = open(sent, (response) => void read(response).then(resolve, fail));
      } catch (error) {
        if (!isUnsendable(error)) throw error;
        // The requests of the attacks can be sent, so the server returned this value.
        return reject(new NoResponse("The server returned a token or an id that no request can carry."));
      }
      request.setTimeout(timeoutMs, () => request.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
      request.on("error", (error: NodeJS.ErrnoException) => {
        // The server closed the kept connection at the moment of the request, so it has not seen it.
        if (request.reusedSocket && error.code === "ECONNRESET") send(sent).then(resolve, reject);
        else fail(error);
      });
      request.end(sent.body);
    });
  }

  return {
    send,
    close() {
      plainAgent.destroy();
      tlsAgent.destroy();
    },
  };
}

const isUnsendable = (error: unknown): boolean =>
  error instanceof TypeError &&
  "code" in error &&
  /^ERR_(?:INVALID_CHAR|UNESCAPED_CHARACTERS)$/.test(String(error.code));

const lengthOf = (body: string | Uint8Array): string => String(Buffer.byteLength(body));

async function read(response: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > bodyBytesMax) throw Object.assign(new Error(), { code: "the response is larger than 1 MiB" });
    chunks.push(bytes);
  }
  const headers: (readonly [string, string])[] = [];
  const { rawHeaders, statusCode = 0 } = response;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.push([(rawHeaders[at] ?? "").toLowerCase(), rawHeaders[at + 1] ?? ""]);
  return { status: statusCode, headers, body: Buffer.concat(chunks).toString("utf8") };
}

export function headerOf({ headers }: Received, name: string): string | undefined {
  return headers.find(([one]) => one === name)?.[1];
}

/** Returns the members of the JSON object in the body, or none if the body is no JSON object. */
export function membersOf({ body }: Pick<Received, "body">): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
