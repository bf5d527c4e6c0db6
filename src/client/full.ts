// `ampho/client/full`: the client with passkeys, second factors, step-up, and tokens in cookies
// (docs/guides/client.md).
import { createFullClient, type FullClient, type FullClientOptions } from "./full-client.js";

export type { PasskeyView } from "../wire/account.js";
export type { Ways } from "../wire/login.js";
export type { Client, ClientOptions, ClientSession, ClientStorage, ErrorCode, ErrorDetails } from "./client.js";
export { AmphoError } from "./client.js";
export type { ConfirmationNeeded, OnConfirm } from "./confirm-fetch.js";
export type { EnteredSession, SecondFactor, TypedFactor } from "./factor-needed.js";
export { FactorNeeded } from "./factor-needed.js";
export type { FullClient, FullClientOptions, LoginProof, OnStepUp } from "./full-client.js";
export type { PasskeyLogin, PasskeyLoginOptions } from "./passkey-login.js";
export type { NewPasskey, PasskeyAdded, Passkeys } from "./passkeys.js";
export { type AskText, askWith, type StepUpQuestions } from "./step-up.js";
export type { StepUpError } from "./step-up-fetch.js";
export type { Totp, TotpConfirmed, TotpSetup } from "./totp.js";

/**
 * Creates the client with second factors, passkeys and step-up. Throws TypeError if `baseUrl` or one of `origins` is
 * not a URL.
 * @example
 * const client = createClient({ baseUrl: "https://app.example" });
 * await client.login("alice", password);
 */
export function createClient(options: FullClientOptions): FullClient {
  return createFullClient(options).client;
}
