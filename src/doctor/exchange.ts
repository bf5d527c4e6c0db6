// Requests as an attacker writes them: any path, any headers in any number, no redirect followed, nothing repaired.
import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";

export interface Sent {
  /** GET, if nothing is said. */
  readonly method?: string;
  /** Behind the base, as it is: nothing is encoded or normalized. */
  readonly path: string;
  /** Names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case, as they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** It could not be asked, or did not answer in time: nothing is known. The message holds nothing that was sent. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export interface Exchange {
  /** Rejects with NoAnswer. */
  send(sent: Sent): Promise<Answer>;
  close(): void;
}

const patienceMs = 15_000;
const bodyBytesMax = 1_048_576;

/** `base`: of an http or https server, and the path that all paths begin with. */
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
      // URL puts brackets around IPv6, which a socket does not know.
      hostname: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port || (tls ? 443 : 80),
      method,
      path: prefix + path,
      // A flat list is sent as it is, repeats included.
      headers: [...host, ...headers, ...length].flat(),
    };
    return tls
      ? requestTls({ ...options, agent: tlsAgent }, onResponse)
      : requestPlain({ ...options, agent: plainAgent }, onResponse);
  }

  return {
    send: (sent) =>
      new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException) =>
          reject(new NoAnswer(`the server did not answer (${error.code ?? "the connection ended"})`));
        let request: ClientRequest;
        try {
          request = open(sent, (response) => void read(response).then(resolve, fail));
        } catch (error) {
          if (!isUnsendable(error)) throw error;
          // Of ours there is nothing like that.
          return reject(new NoAnswer("the server gave a token or an id that no request can hold"));
        }
        request.setTimeout(patienceMs, () => request.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
        request.on("error", fail);
        request.end(sent.body);
      }),
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

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > bodyBytesMax) throw Object.assign(new Error(), { code: "more than 1 MiB came" });
    chunks.push(bytes);
  }
  const headers: (readonly [string, string])[] = [];
  const { rawHeaders, statusCode = 0 } = response;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.push([(rawHeaders[at] ?? "").toLowerCase(), rawHeaders[at + 1] ?? ""]);
  return { status: statusCode, headers, body: Buffer.concat(chunks).toString("utf8") };
}

export function headerOf({ headers }: Answer, name: string): string | undefined {
  return headers.find(([one]) => one === name)?.[1];
}

/** The members of a JSON object; none when it is no such thing. */
export function membersOf({ body }: Pick<Answer, "body">): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
