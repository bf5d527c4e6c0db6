// The connections of the user: listed, ended.
import { AmphoError } from "../../errors.js";
import type { StoredConnection } from "../../store/sql/rows/connection-rows.js";
import { isStorableText } from "../../store/storable-text.js";
import type { ConnectionView } from "../../wire/connect.js";
import type { Deps, OwnFlow } from "../deps.js";
import { requireSession } from "../find/own-session.js";

export const listOwnConnections: OwnFlow<readonly ConnectionView[]> = async (deps, { auth }) => {
  const { userId } = requireSession(auth);
  return listConnectionsOf(deps, userId);
};

export async function listConnectionsOf(
  { store, clock }: Pick<Deps, "store" | "clock">,
  userId: string,
): Promise<readonly ConnectionView[]> {
  const all = await store.listConnections({ userId, now: clock.now() });
  const names = new Map<string, string | null>();
  for (const { client } of all)
    if (!names.has(client)) names.set(client, (await store.findService(client))?.name ?? null);
  return all.map((one) => toView(one, names.get(one.client) ?? null));
}

function toView(connection: StoredConnection, name: string | null): ConnectionView {
  const { id, client, resource = null, scopes, createdAt, renewedAt, expiresAt, address } = connection;
  return { id, client, name, resource, scopes, created: createdAt, renewed: renewedAt, expires: expiresAt, address };
}

/** Any session can end one. Rejects with `not_found` unless it is the user's. */
export const endOwnConnection: OwnFlow<void, { readonly id: string }> = async (
  { store, clock },
  { auth, id },
  origin,
) => {
  const { userId } = requireSession(auth);
  const ending = { id, userId, reason: "ended_by_user", now: clock.now(), origin } as const;
  if (!isStorableText(id) || !(await store.endConnection(ending)))
    throw new AmphoError("not_found", "You have no connection with this id.");
};
