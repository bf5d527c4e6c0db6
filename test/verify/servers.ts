// Verifiers that close at the end of their test, and an issuer behind a server.
import { onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { createVerifier, type Verifier, type VerifierOptions } from "../../dist/verify/verifier.js";
import { openAmpho } from "../world/ampho.js";
import { type Listening, listen } from "../world/listen.js";
import { until } from "../world/wait.js";

export const revocationFeedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";

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
export const becomes = (verdict: string, verifier: Pick<Verifier, "verify">, token: string): Promise<void> =>
  until(async () => (await verdictOf(verifier, token)) === verdict);
