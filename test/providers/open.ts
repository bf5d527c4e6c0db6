// Outside providers as the configuration creates them, without a database and without flows.
import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { readConfiguration } from "../../dist/config/configuration.js";
import type { OutsideSecrets } from "../../dist/factors/transactions.js";
import type { ClientSource } from "../../dist/outbound/places.js";
import type { OutsideResponse, Provider, ProviderSteps } from "../../dist/providers/provider.js";
import { createProviders, loadLibraryFor } from "../../dist/providers/providers.js";
import { type SettableClock, settableClock } from "../world/clock.js";
import { newKey } from "../world/tokens.js";

export const clientId = "client-1";
export const clientSecret = "a secret of the client / with + signs";
export const appUrl = "https://app.example/";

export interface Opened {
  readonly provider: Provider & ProviderSteps;
  readonly clock: SettableClock;
  readonly lines: string[];
}

/** Opens one provider, with a clock that the test moves. */
export async function openProvider(
  settings: Readonly<Record<string, unknown>>,
  clock = settableClock(),
): Promise<Opened> {
  const { configuration } = readConfiguration({
    env: {},
    cwd: "/",
    user: "me",
    host: "here",
    options: { key: newKey("key-1"), databaseUrl: "sqlite::memory:", appUrl, providers: { acme: settings } },
  });
  const lines: string[] = [];
  const library = await loadLibraryFor(configuration);
  const providers = createProviders(configuration, library, { clock, log: (line) => void lines.push(line) });
  onTestFinished(() => providers.close());
  const provider = providers.find("acme");
  if (provider === undefined) throw new Error("there is no provider acme");
  const identify: Provider["identify"] & ProviderSteps["identify"] = (
    response: OutsideResponse,
    secrets: OutsideSecrets,
    source: ClientSource | undefined = { address: "192.0.2.1", network: undefined },
  ) => provider.identify(response, secrets, source);
  return { provider: { ...provider, identify }, clock, lines };
}

export function newSecrets() {
  const secret = () => randomBytes(32).toString("base64url");
  return { state: secret(), nonce: secret(), verifier: secret() };
}
