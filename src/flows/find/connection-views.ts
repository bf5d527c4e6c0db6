// The connections of a user, as the user and operators see them.
import type { StoredConnection } from "../../store/sql/rows/connection-rows.js";
import { dynamicClient, peekJwt } from "../../tokens/jwt.js";
import type { ConnectionView } from "../../wire/connect.js";
import type { Deps } from "../deps.js";

export async function listConnectionsOf(
  { store, clock }: Pick<Deps, "store" | "clock">,
  userId: string,
): Promise<readonly ConnectionView[]> {
  const all = await store.listConnections({ userId, now: clock.now() });
  const names = new Map<string, string | null>();
  for (const { client } of all)
    if (!names.has(client))
      names.set(client, unregisteredName(client) ?? (await store.findService(client))?.name ?? null);
  return all.map((one) => toConnectionView(one, names.get(one.client) ?? null));
}

/** The host of a client that is known by its document, whose `client_id` is a URL. Undefined for any other. */
export const documentHost = (client: string): string | undefined =>
  /^https?:\/\//.test(client) && URL.canParse(client) ? new URL(client).host : undefined;

/** The name of a client that no operator has registered: its host, or in quotes what it calls itself. */
export function unregisteredName(client: string): string | undefined {
  const host = documentHost(client);
  const read = host === undefined ? peekJwt(client) : undefined;
  if (read?.header.typ !== dynamicClient.typ) return host;
  const { name } = read.claims;
  return typeof name === "string" ? `“${name}”` : "unknown application";
}

export function toConnectionView(connection: StoredConnection, name: string | null): ConnectionView {
  const { id, client, resource = null, scopes, createdAt, renewedAt, expiresAt, address } = connection;
  return { id, client, name, resource, scopes, created: createdAt, renewed: renewedAt, expires: expiresAt, address };
}
