// Servers on the loopback interface that behave as a test says, and verifiers that are closed when their test is over.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { createVerifier, type Verifier, type VerifierOptions } from "../../dist/verify/verifier.js";
import { openAmpho } from "../world/ampho.js";

export const revocationFeedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

export interface Listening {
  readonly url: string;
  /** Paths with queries, in the order in which they were asked for. */
  readonly asked: string[];
  /** From now on it answers so. */
  answer(by: Answering): void;
  close(): Promise<void>;
}

export async function listen(by: Answering, port = 0): Promise<Listening> {
  let answering = by;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answering(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  onTestFinished(close);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    answer: (next) => {
      answering = next;
    },
    close,
  };
}

export const sendJson =
  (value: unknown, headers: Readonly<Record<string, string>> = {}): Answering =>
  (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));

/** A verifier, with what it tells people. */
export function verifierFor(options: VerifierOptions): { readonly verifier: Verifier; readonly notices: string[] } {
  const notices: string[] = [];
  const verifier = createVerifier({ log: (line) => void notices.push(line), ...options });
  onTestFinished(() => verifier.close());
  return { verifier, notices };
}

export interface Issuer {
  readonly ampho: Ampho;
  readonly server: Listening;
  readonly jwksUrl: string;
  readonly revocations: { readonly url: string; readonly token: string };
}

/** An Ampho on a server. */
export async function issuer(options: AmphoOptions = {}, port = 0): Promise<Issuer> {
  const { ampho } = await openAmpho({ revocationFeedToken, ...options });
  const server = await listen(mount(ampho), port);
  onTestFinished(() => ampho.close());
  return {
    ampho,
    server,
    jwksUrl: `${server.url}/api/security/.well-known/jwks.json`,
    revocations: { url: `${server.url}/api/security/revocations`, token: revocationFeedToken },
  };
}

/** The code of the refusal, or "in". */
export async function judge(verifier: Pick<Verifier, "verify">, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return "in";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** Asks until the verdict is there; the test's own time limit is the bound. */
export async function becomes(verdict: string, verifier: Pick<Verifier, "verify">, token: string): Promise<void> {
  while ((await judge(verifier, token)) !== verdict) await new Promise((resolve) => setTimeout(resolve, 10));
}
