// `ampho/client/api-keys`: the API keys of the user (docs/guides/api-keys.md), by any client.
import type { ApiKeyView, NewApiKey } from "../wire/api-keys.js";
import { sendBy } from "./calls.js";
import type { Client } from "./core.js";

export type { ApiKeyView, NewApiKey } from "../wire/api-keys.js";

/**
 * Every call rejects with AmphoError. `recent` stands for `login_too_old` and `login_too_weak`, which `onStepUp` of
 * `ampho/client/full` handles.
 */
export interface ApiKeysClient {
  /** The API keys of the user. */
  readonly apiKeys: {
    /**
     * Creates a key, which only this result has: show it once. `expires` is in Unix seconds, at most 366 days ahead and
     * by default in 90 days. Rejects with `recent`, or with `invalid_request` for scopes that the user does not have.
     * @example const { key } = await apiKeys.create({ name: "Backup", scopes: ["articles:read"] });
     */
    create(options: {
      readonly name: string;
      readonly scopes: readonly string[];
      readonly expires?: number | undefined;
    }): Promise<NewApiKey>;
    /**
     * The keys, the oldest first.
     * @example for (const { name, start, last_used } of await apiKeys.list()) show(name, start, last_used);
     */
    list(): Promise<readonly ApiKeyView[]>;
    /**
     * Creates a successor with the same name and scopes. The old key ends after `overlap` seconds, by default at once.
     * Rejects with `recent` or `not_found`.
     * @example const { key } = await apiKeys.rotate(id, 3600);
     */
    rotate(id: string, overlap?: number): Promise<NewApiKey>;
    /**
     * Ends a key. Within a second every process rejects it. Rejects with `not_found`.
     * @example await apiKeys.remove(id);
     */
    remove(id: string): Promise<void>;
  };
}

/**
 * Adds the functions for API keys to any client. `prefix` is AMPHO_SECURITY_REST_PREFIX, `/api/security` by default.
 * @example
 * const { apiKeys } = createApiKeys(client);
 * const { key } = await apiKeys.create({ name: "Backup", scopes: ["articles:read"] });
 * show(key, (await apiKeys.list()).length);
 */
export function createApiKeys(
  client: Pick<Client, "fetch">,
  { prefix = "/api/security" }: { readonly prefix?: string | undefined } = {},
): ApiKeysClient {
  const send = sendBy(client.fetch, prefix.replace(/\/+$/, ""));
  const pathOf = (id: string) => `/api-keys/${encodeURIComponent(id)}` as const;
  return {
    apiKeys: {
      create: async (options) => (await send("POST", "/api-keys", options)) as NewApiKey,
      list: async () => ((await send("GET", "/api-keys")) as { api_keys: ApiKeyView[] }).api_keys,
      rotate: async (id, overlap = 0) => (await send("POST", `${pathOf(id)}/rotate`, { overlap })) as NewApiKey,
      async remove(id) {
        await send("DELETE", pathOf(id));
      },
    },
  };
}
