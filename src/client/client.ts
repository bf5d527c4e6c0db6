// `ampho/client`: a `fetch` that sends and renews the token, for browsers and Node (docs/guides/client.md).
import { type Client, type ClientOptions, coreOptions, createCore } from "./core.js";
import { requireKnown } from "./known.js";

export { AmphoError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { ClientSession } from "../wire/login.js";
export type { ClientStorage } from "./storage.js";
export type { Client, ClientOptions };

/**
 * Creates the client of a page, an app or a program on Node. Throws TypeError if `baseUrl` is not a URL.
 * @example
 * const client = createClient({ baseUrl: "https://app.example" });
 * await client.login("alice", password);
 * const response = await client.fetch("/articles");
 */
export function createClient(options: ClientOptions): Client {
  requireKnown(options, ...coreOptions);
  return createCore(options).client;
}
