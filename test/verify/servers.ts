// Servers on the loopback interface with the behavior that a test needs, and verifiers that close at the end of their test.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { createVerifier, type Verifier, type VerifierOptions } from "../../dist/verify/verifier.js";
import { openAmpho } from "../world/ampho.js";

export const revocationFeedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";

export type Behavior = (request: IncomingMessage, response: ServerResponse) => void;

export interface Listening {
  readonly url: string;
  /** The paths with their queries, in the order of the requests. */
  readonly requested: string[];
  /** Changes the behavior for later requests. */
  answer(by: Behavior): void;
  close(): Promise<void>;
}

export async function listen(by: Behavior, port = 0): Promise<Listening> {
  let behavior = by;
  const requested: string[] = [];
  const server = createServer((request, response) => {
    requested.push(request.url ?? "");
    behavior(request, response);
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
    requested,
    answer: (next) => {
      behavior = next;
    },
    close,
  };
}

export const sendJson =
  (value: unknown, headers: Readonly<Record<string, string>> = {}): Behavior =>
  (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));

/** A verifier, with the lines that it logs. */
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

/** An Ampho behind a server. */
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

/** Returns the code of the error, or "accepted". */
export async function verdictOf(verifier: Pick<Verifier, "verify">, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return "accepted";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** Verifies the token until it gets the verdict. The time limit of the test ends the wait. */
export async function becomes(verdict: string, verifier: Pick<Verifier, "verify">, token: string): Promise<void> {
  while ((await verdictOf(verifier, token)) !== verdict) await new Promise((resolve) => setTimeout(resolve, 10));
}
