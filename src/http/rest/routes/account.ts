// /password and /account: the user's own account.

import { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Grant } from "../../../wire/login.js";
import { fields, noInput } from "../request/input.js";
import type { Call } from "../route.js";
import { recentNote, route } from "../route.js";
import { session } from "../route-access.js";
import { grant, login, password, seconds } from "../schemas.js";
import { passkeyView } from "./factors.js";
import { apiKeyView } from "./keys.js";
import { sessionView } from "./sessions.js";

/** The policy checks the length of the new password, so that its rejection states a reason. */
const newPassword = z.string().meta({ ...password.meta() });

const passwordChange = z.object({ password: password.optional(), new_password: newPassword });

function changePassword(call: Call<z.output<typeof passwordChange>, Auth>): Promise<Grant> {
  const { flows, auth, input, caller } = call;
  return flows.changePassword({ auth, password: input.password, newPassword: input.new_password }, caller);
}

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
          address: z.string().nullable().meta({ description: "The client's IP address, or null." }),
          agent: z.string().nullable().meta({ description: "The client's `User-Agent`, or null." }),
        }),
      )
      .readonly()
      .meta({ description: "The newest 1000 entries of the audit log about the user." }),
  })
  .meta({ title: "AccountExport" });

const loginChange = z.object({ login });

export const accountRoutes = [
  route({
    method: "POST",
    path: "/password",
    name: "changePassword",
    summary: "Change the password",
    notes: [
      "Sets the new password and ends the user's other sessions.",
      "A user without a password leaves `password` out, and then needs a recent login.",
      "Returns 404 when the application keeps its own user table without `setPassword`.",
    ],
    access: session,
    input: fields(passwordChange),
    status: 200,
    output: grant,
    grants: true,
    finishes: false,
    errors: [
      "password_rejected",
      "invalid_credentials",
      "login_too_old",
      "login_too_weak",
      "too_many_attempts",
      "overloaded",
      "unavailable",
    ],
    available: ({ changesPasswords }) => changesPasswords,
    endpoint: changePassword,
  }),
  route({
    method: "DELETE",
    path: "/password",
    name: "removePassword",
    summary: "Remove the password",
    notes: ["Ends the user's other sessions. Needs a passkey that signs in alone, and recovery codes.", recentNote],
    access: session,
    input: noInput,
    status: 200,
    output: grant,
    grants: true,
    finishes: false,
    errors: ["login_too_old", "login_too_weak", "not_found", "last_way_in", "unavailable"],
    available: ({ keepsPasswords }) => keepsPasswords,
    endpoint: ({ flows, auth, caller }) => flows.removePassword({ auth }, caller),
  }),
  route({
    method: "GET",
    path: "/account",
    name: "readAccount",
    summary: "Read the account",
    access: session,
    input: noInput,
    status: 200,
    output: ownAccount,
    errors: [],
    endpoint: ({ flows, auth, caller }) => flows.readAccount({ auth }, caller),
  }),
  route({
    method: "GET",
    path: "/account/export",
    name: "exportAccount",
    summary: "Export the account",
    notes: ["Returns what the database has about the user, without secrets and keys.", recentNote],
    access: session,
    input: noInput,
    status: 200,
    output: accountExport,
    errors: ["login_too_old", "login_too_weak"],
    endpoint: ({ flows, auth, caller }) => flows.exportAccount({ auth }, caller),
  }),
  route({
    method: "POST",
    path: "/account/login",
    name: "changeLogin",
    summary: "Change the login",
    notes: [
      "Ends all sessions, also the current one, because their tokens carry the old login. A change of the spelling ends none, except in an application's own table.",
      "A login that is an e-mail address must be the proven address of the account.",
      recentNote,
    ],
    access: session,
    input: fields(loginChange),
    status: 204,
    errors: ["login_too_old", "login_too_weak", "login_taken", "too_many_attempts"],
    available: ({ account }) => account.login,
    endpoint: ({ flows, auth, input, caller }) => flows.changeLogin({ auth, login: input.login }, caller),
  }),
  route({
    method: "DELETE",
    path: "/account",
    name: "removeAccount",
    summary: "Delete the account",
    notes: ["Deletes the user and ends all sessions. The audit log keeps the id only.", recentNote],
    access: session,
    input: noInput,
    status: 204,
    errors: ["login_too_old", "login_too_weak"],
    ends: true,
    available: ({ account }) => account.removal,
    endpoint: ({ flows, auth, caller }) => flows.removeAccount({ auth }, caller),
  }),
] as const;
