// GET /session: the user and the session of the token, from the token alone.
import { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";
import { seconds } from "../schemas.js";

export const currentSession = z
  .object({
    id: z.string().nullable().meta({ description: "The user's id." }),
    login: z.string().meta({ description: "The user's login." }),
    roles: z.array(z.string()).readonly().meta({ description: "The user's roles, as the token carries them." }),
    scopes: z.array(z.string()).readonly().meta({ description: "The scopes of those roles." }),
    session: z
      .object({
        id: z.string().meta({ description: "The session's id." }),
        authenticated: seconds.nullable().meta({ description: "The time of the login, in Unix seconds." }),
      })
      .nullable()
      .meta({ description: "The session, or null for a token without one." }),
    amr: z
      .array(z.string())
      .readonly()
      .meta({ description: "The methods that the user proved at the login (RFC 8176)." }),
    acr: z.string().nullable().meta({ description: "The level of the login: `1fa`, `2fa` or `phr`." }),
    starts: seconds.nullable().meta({ description: "The token's `nbf`, in Unix seconds." }),
    expires: seconds.meta({ description: "The token's `exp`, in Unix seconds." }),
  })
  .meta({ title: "Session" });

export function readSession({ auth }: Call<undefined, Auth>): z.input<typeof currentSession> {
  const { id = null, login, roles, scopes, session, amr, acr = null, starts = null, expires, claims } = auth;
  const { auth_time: time } = claims;
  const authenticated = typeof time === "number" ? time : null;
  return {
    id,
    login,
    roles,
    scopes,
    session: session === undefined ? null : { id: session, authenticated },
    amr,
    acr,
    starts,
    expires,
  };
}
