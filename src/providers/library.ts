// The optional package that does the steps of the protocol (OAuth 2.0, OpenID Connect), loaded on demand.
import type { Clock } from "../clock.js";
import type { ProviderSettings } from "../config/provider-settings.js";
import { ConfigurationError, isNotInstalled } from "../errors.js";

export type ProtocolLibrary = typeof import("oauth4webapi");

/** Rejects with ConfigurationError if the package is not installed. */
export async function loadProtocolLibrary(): Promise<ProtocolLibrary> {
  try {
    return await import("oauth4webapi");
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new ConfigurationError(
      "AMPHO_SECURITY_PROVIDERS needs the package oauth4webapi. Install it: npm install oauth4webapi",
    );
  }
}

export interface ProviderDeps {
  readonly library: ProtocolLibrary;
  readonly settings: ProviderSettings;
  /** The callback of this provider. Each has its own, against mix-up (RFC 9700 §4.4.2.2). */
  readonly redirectUri: string;
  readonly leewaySeconds: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}
