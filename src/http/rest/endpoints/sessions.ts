// GET /sessions, DELETE /sessions, DELETE /sessions/{id}: the caller's own sessions.

import { AmphoError } from "../../../errors.js";
import type { SessionView } from "../../../flows/sessions.js";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";

export async function listSessions({
  flows,
  auth,
  caller,
}: Call<undefined, Auth>): Promise<{ sessions: readonly SessionView[] }> {
  return { sessions: await flows.listSessions({ auth }, caller) };
}

export function endSessions({ flows, auth, caller }: Call<undefined, Auth>): Promise<void> {
  return flows.endSessions({ auth }, caller);
}

export async function endSession({ flows, auth, caller, parameters }: Call<undefined, Auth>): Promise<void> {
  const { id = "" } = parameters;
  // What cannot be an id never reaches the store.
  if (!/^[\w.-]{1,128}$/.test(id)) throw new AmphoError("not_found", "There is no such session.");
  await flows.endSession({ auth, sessionId: id }, caller);
}
