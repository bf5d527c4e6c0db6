// `ampho/client`: a `fetch` that sends and renews the token, for browsers and Node (docs/guides/client.md).
import { type Client, type ClientOptions, createCore } from "./core.js";

export { AmphoError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { ClientSession } from "./session.js";
export type { ClientStorage } from "./storage.js";
export type { Client, ClientOptions };

/** Throws TypeError if `baseUrl` is not a URL. */
export function createClient(options: ClientOptions): Client {
  return createCore(options).client;
}
