// `ampho/client/ways`: the client with passkeys, second factors, step-up, and tokens in cookies (docs/guides/client.md).
import { createWays, type WaysClient, type WaysOptions } from "./ways-client.js";

export type { Client, ClientOptions, ClientSession, ClientStorage, ErrorCode, ErrorDetails } from "./client.js";
export { AmphoError } from "./client.js";
export type { EnteredSession, SecondFactor, TypedFactor } from "./factor-needed.js";
export { FactorNeeded } from "./factor-needed.js";
export type { PasskeyLogin, PasskeyLoginOptions, Ways } from "./passkey-login.js";
export type { NewPasskey, Passkey, PasskeyAdded, Passkeys } from "./passkeys.js";
export type { OnStepUp } from "./step-up-fetch.js";
export type { Totp, TotpSetup } from "./totp.js";
export type { LoginProof, WaysClient, WaysOptions } from "./ways-client.js";

/**
 * Creates the client with second factors, passkeys and step-up. Throws TypeError if `baseUrl` is not a URL.
 * @example
 * const client = createClient({ baseUrl: "https://app.example" });
 * await client.login("alice", password);
 */
export function createClient(options: WaysOptions): WaysClient {
  return createWays(options).client;
}
