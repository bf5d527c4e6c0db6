// `ampho/client/connections`: the connected applications of the user, and the consent (docs/guides/connect.md), by any
// client.
import type { ConnectionView, ConnectView } from "../wire/connect.js";
import { sendBy } from "./calls.js";
import type { Client } from "./core.js";

export type { ConnectionView, ConnectView, ScopeView } from "../wire/connect.js";

/**
 * Every call rejects with AmphoError. `recent` stands for `login_too_old` and `login_too_weak`, which `onStepUp` of
 * `ampho/client/full` handles. `query` is the text of the URL's query, without `ampho`.
 */
export interface ConnectionsClient {
  /** The connected applications of the user, and the consent. */
  readonly connections: {
    /**
     * Returns what an application asks for. Rejects with `recent`, with `not_found` for an unknown application, and
     * with errors whose `details.location` is the URL by which the application learns of them.
     * @example const { client, scopes, transaction } = await connections.ask(query);
     */
    ask(query: string): Promise<ConnectView>;
    /**
     * Connects the account, and returns the URL to which the browser goes. `scopes`: some of those that were asked for,
     * by default all. Rejects with `recent`, and with `transaction_over` within a second.
     * @example location.assign(await connections.allow(query, transaction));
     */
    allow(query: string, transaction: string, scopes?: readonly string[]): Promise<string>;
    /**
     * Connects nothing, and returns the URL to which the browser goes.
     * @example location.assign(await connections.reject(query, transaction));
     */
    reject(query: string, transaction: string): Promise<string>;
    /**
     * The connections, the newest first.
     * @example for (const { name, scopes, renewed } of await connections.list()) show(name, scopes, renewed);
     */
    list(): Promise<readonly ConnectionView[]>;
    /**
     * Ends a connection. Within a second every process rejects its tokens. Rejects with `not_found`.
     * @example await connections.end(id);
     */
    end(id: string): Promise<void>;
  };
}

/**
 * Adds the functions for connected applications to any client. `prefix` is AMPHO_SECURITY_REST_PREFIX,
 * `/api/security` by default.
 * @example
 * const { connections } = createConnections(client);
 * for (const { id, name } of await connections.list()) show(id, name);
 */
export function createConnections(
  client: Pick<Client, "fetch">,
  { prefix = "/api/security" }: { readonly prefix?: string | undefined } = {},
): ConnectionsClient {
  const send = sendBy(client.fetch, prefix.replace(/\/+$/, ""));
  const respond = async (body: object) => ((await send("POST", "/connect", body)) as { location: string }).location;
  return {
    connections: {
      ask: async (query) => (await send("GET", `/connect?${query}`)) as ConnectView,
      allow: (query, transaction, scopes) => respond({ query, transaction, allow: true, scopes }),
      reject: (query, transaction) => respond({ query, transaction, allow: false }),
      list: async () => ((await send("GET", "/connections")) as { connections: ConnectionView[] }).connections,
      async end(id) {
        await send("DELETE", `/connections/${encodeURIComponent(id)}`);
      },
    },
  };
}
