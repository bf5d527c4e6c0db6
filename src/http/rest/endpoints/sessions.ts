// GET /sessions, DELETE /sessions and DELETE /sessions/{id}: the caller's own sessions.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { acrs } from "../../../levels/acr.js";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";
import { seconds } from "../schemas.js";

export const sessionView = z.object({
  id: z.string().meta({ description: "The session's id, for `DELETE /sessions/{id}`." }),
  created: seconds.meta({ description: "The time of the login, in Unix seconds." }),
  renewed: seconds.meta({ description: "The time of the last renewal, in Unix seconds." }),
  expires: seconds.meta({ description: "The end of the session, in Unix seconds, unless it is renewed." }),
  address: z.string().nullable().meta({ description: "The client's address at the last renewal." }),
  agent: z.string().nullable().meta({ description: "The client's `User-Agent` at the last renewal." }),
  browser: z.string().nullable().meta({ description: "The name of the browser, or null if it is unknown." }),
  amr: z.array(z.string()).readonly().meta({ description: "How the user logged in (RFC 8176)." }),
  acr: z.enum(acrs).meta({ description: "The level of the login: `1fa`, `2fa` or `phr`." }),
});

export const sessionList = z
  .object({
    sessions: z
      .array(
        sessionView.extend({
          current: z.boolean().meta({ description: "True for the session of the token that asks." }),
        }),
      )
      .readonly()
      .meta({ description: "The live sessions, the newest first." }),
  })
  .meta({ title: "SessionList" });

export async function listSessions({
  flows,
  auth,
  caller,
}: Call<undefined, Auth>): Promise<z.input<typeof sessionList>> {
  return { sessions: await flows.listSessions({ auth }, caller) };
}

export function endSessions({ flows, auth, caller }: Call<undefined, Auth>): Promise<void> {
  return flows.endSessions({ auth }, caller);
}

export async function endSession({ flows, auth, caller, parameters }: Call<undefined, Auth>): Promise<void> {
  const { id = "" } = parameters;
  // A text that cannot be an id is not passed to the database.
  if (!/^[\w.-]{1,128}$/.test(id)) throw new AmphoError("not_found", "You have no session with this id.");
  await flows.endSession({ auth, sessionId: id }, caller);
}
