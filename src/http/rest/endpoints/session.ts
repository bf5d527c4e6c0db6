// GET /session: who is asking, from the token alone.
import type { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";
import type { currentSession } from "../schemas.js";

export function readSession({ auth }: Call<undefined, Auth>): z.input<typeof currentSession> {
  const { id = null, login, roles, scopes, session, starts = null, expires, claims } = auth;
  const { auth_time: time } = claims;
  const authenticated = typeof time === "number" ? time : null;
  return {
    id,
    login,
    roles,
    scopes,
    session: session === undefined ? null : { id: session, authenticated },
    starts,
    expires,
  };
}
