// The connections of the user: listed, ended.
import { AmphoError } from "../../errors.js";
import { isStorableText } from "../../store/storable-text.js";
import type { ConnectionView } from "../../wire/connect.js";
import type { OwnFlow } from "../deps.js";
import { listConnectionsOf } from "../find/connection-views.js";
import { requireSession } from "../find/own-session.js";

export const listOwnConnections: OwnFlow<readonly ConnectionView[]> = async (deps, { auth }) => {
  const { userId } = requireSession(auth);
  return listConnectionsOf(deps, userId);
};

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

/** Any session can end all, or those with a client. The response does not show whether there were any. */
export const endOwnConnections: OwnFlow<void, { readonly client: string | undefined }> = async (
  { store, clock },
  { auth, client },
  origin,
) => {
  const { userId } = requireSession(auth);
  const ending = { userId, client, reason: "ended_by_user", now: clock.now(), origin } as const;
  if (client === undefined || isStorableText(client)) await store.endUserConnections(ending);
};
