// The connections of a user, as the user and operators see them.
import type { StoredConnection } from "../../store/sql/rows/connection-rows.js";
import type { ConnectionView } from "../../wire/connect.js";
import type { Deps } from "../deps.js";

export async function listConnectionsOf(
  { store, clock }: Pick<Deps, "store" | "clock">,
  userId: string,
): Promise<readonly ConnectionView[]> {
  const all = await store.listConnections({ userId, now: clock.now() });
  const names = new Map<string, string | null>();
  for (const { client } of all)
    if (!names.has(client)) names.set(client, (await store.findService(client))?.name ?? null);
  return all.map((one) => toConnectionView(one, names.get(one.client) ?? null));
}

export function toConnectionView(connection: StoredConnection, name: string | null): ConnectionView {
  const { id, client, resource = null, scopes, createdAt, renewedAt, expiresAt, address } = connection;
  return { id, client, name, resource, scopes, created: createdAt, renewed: renewedAt, expires: expiresAt, address };
}
