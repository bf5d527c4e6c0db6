// GET and DELETE /account, GET /account/export, POST /account/login: the user's own account.
import { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";
import { login, seconds } from "../schemas.js";
import { apiKeyView } from "./keys.js";
import { passkeyView } from "./passkeys.js";
import { sessionView } from "./sessions.js";

const identity = z.object({
  id: z.string().meta({ description: "The id, for `DELETE /identities/{id}`." }),
  provider: z.string().meta({ description: "The name of the outside provider." }),
});

const account = z
  .object({
    id: z.string().meta({ description: "The user's id." }),
    login: z.string().meta({ description: "The user's login." }),
    email: z.string().nullable().meta({ description: "The address of the user, or null." }),
    email_proven: z.boolean().meta({ description: "True if the user has proven the address." }),
    created: seconds.nullable().meta({
      description: "The creation of the account, in Unix seconds, or null for an application's own user table.",
    }),
    policy: z.enum(["optional", "required", "phr"]).meta({ description: "How much a login must prove." }),
    password: z.boolean().meta({ description: "True if the user has a password." }),
    passkeys: z.array(passkeyView).readonly().meta({ description: "The passkeys of the account." }),
    totp: z.object({ since: seconds }).nullable().meta({ description: "The authenticator app, or null." }),
    recovery_codes: z.int().meta({ description: "The number of recovery codes that are left." }),
    identities: z.array(identity).readonly().meta({ description: "The accounts at outside providers." }),
  })
  .meta({ title: "Account" });

export const ownAccount = account;

export const accountExport = z
  .object({
    account: account.meta({ description: "The account, as `GET /account` returns it." }),
    passkeys: z.array(passkeyView).readonly().meta({ description: "The passkeys of the account." }),
    identities: z.array(identity).readonly().meta({ description: "The accounts at outside providers." }),
    keys: z.array(apiKeyView).readonly().meta({ description: "The API keys, without the keys themselves." }),
    sessions: z.array(sessionView).readonly().meta({ description: "The newest 1000 live sessions." }),
    events: z
      .array(
        z.object({
          at: seconds.meta({ description: "The time of the event, in Unix seconds." }),
          event: z.string().meta({ description: "The event, as docs/reference/audit-events.md lists it." }),
          reason: z.string().nullable().meta({ description: "The reason of a rejection or an end, or null." }),
          session: z.string().nullable().meta({ description: "The id of the session, or null." }),
          actor: z.enum(["user", "operator", "application"]).meta({ description: "The one who caused the event." }),
          address: z.string().nullable().meta({ description: "The client's address, or null." }),
          agent: z.string().nullable().meta({ description: "The client's `User-Agent`, or null." }),
        }),
      )
      .readonly()
      .meta({ description: "The newest 1000 entries of the audit log about the user." }),
  })
  .meta({ title: "AccountExport" });

export const loginChange = z.object({ login });

type OwnCall = Call<undefined, Auth>;

export function readAccount({ flows, auth, caller }: OwnCall): Promise<z.input<typeof account>> {
  return flows.readAccount({ auth }, caller);
}

export function exportAccount({ flows, auth, caller }: OwnCall): Promise<z.input<typeof accountExport>> {
  return flows.exportAccount({ auth }, caller);
}

export function changeLogin({ flows, auth, input, caller }: Call<z.output<typeof loginChange>, Auth>): Promise<void> {
  return flows.changeLogin({ auth, login: input.login }, caller);
}

export function removeAccount({ flows, auth, caller }: OwnCall): Promise<void> {
  return flows.removeAccount({ auth }, caller);
}
