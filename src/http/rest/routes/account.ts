// /password and /account: the user's own account.
import * as z from "zod";
import { confirmables } from "../../../flows/account/confirm.js";
import { fields } from "../request/input.js";
import { confirmedErrors, confirmedNote, limitErrors, recentErrors, recentNote, route } from "../route.js";
import { body, grant, listOf, login, mailedCode, nullableText, opaque, password, seconds, textAs } from "../schemas.js";
import { apiKeyView } from "./api-keys.js";
import { connectionView } from "./connect.js";
import { passkeyView } from "./factors.js";
import { sessionView } from "./sessions.js";

/** The policy checks the length of the new password, so that its rejection states a reason. */
const newPassword = z.string().meta({ ...password.meta() });

const passwordChange = z.object({ password: password.optional(), new_password: newPassword });

const identity = z.object({
  id: textAs("The id, for `DELETE /identities/{id}`."),
  provider: textAs("The name of the outside provider."),
});

export const ownAccount = body("Account", {
  id: textAs("The user's id."),
  login: textAs("The user's login."),
  email: nullableText("The address of the user, or null."),
  email_proven: z.boolean().describe("True if the user has proven the address."),
  email_change: z
    .object({ to: textAs("The new address."), from: seconds.describe("The time at which its code is mailed.") })
    .nullable()
    .describe("The address that waits because the user has lost the mailbox, or null."),
  created: seconds
    .nullable()
    .describe("The creation of the account, in Unix seconds, or null for an application's own user table."),
  policy: z.enum(["optional", "required", "phr"]).describe("How much a login must prove."),
  password: z.boolean().describe("True if the user has a password."),
  passkeys: listOf(passkeyView, "The passkeys of the account."),
  totp: z.object({ since: seconds }).nullable().describe("The authenticator app, or null."),
  recovery_codes: z.int().describe("The number of recovery codes that are left."),
  identities: listOf(identity, "The accounts at outside providers."),
});

const exportedEvent = z.object({
  at: seconds.describe("The time of the event, in Unix seconds."),
  event: textAs("The event, as docs/reference/audit-events.md lists it."),
  reason: nullableText("The reason of a rejection or an end, or null."),
  session: nullableText("The id of the session, or null."),
  actor: z.enum(["user", "operator", "application"]).describe("The one who caused the event."),
  address: nullableText("The client's IP address, or null."),
  agent: nullableText("The client's `User-Agent`, or null."),
});

export const accountExport = body("AccountExport", {
  account: ownAccount.describe("The account, as `GET /account` returns it."),
  passkeys: listOf(passkeyView, "The passkeys of the account."),
  identities: listOf(identity, "The accounts at outside providers."),
  api_keys: listOf(apiKeyView, "The API keys, without the keys themselves."),
  connections: listOf(connectionView, "The connected applications."),
  sessions: listOf(sessionView, "The newest 1000 live sessions."),
  events: listOf(exportedEvent, "The newest 1000 entries of the audit log about the user."),
});

const accessItem = z.object({
  kind: z
    .enum([
      "session",
      "passkey",
      "totp",
      "recovery_codes",
      "identity",
      "api_key",
      "connection",
      "password",
      "address",
      "login",
    ])
    .describe("The kind of the way in or of the credential."),
  id: nullableText("The id with which it is ended, or null."),
  name: nullableText("Its name, its provider, the address or login itself, or how many codes are left."),
  created: seconds.nullable().describe("The time at which it was added, in Unix seconds, or null."),
  address: nullableText("The client's IP address of that time, as long as the audit log is kept."),
  browser: nullableText("The name of the browser of that time, or null."),
  actor: z
    .enum(["user", "operator", "application"])
    .nullable()
    .describe("The one who added it (`user`, `operator` or `application`), or null."),
  used: seconds.nullable().describe("The time of its last use, in Unix seconds, or null."),
  confirmed: z
    .boolean()
    .nullable()
    .describe("True if a code of the mailbox or a passkey has confirmed it, and null if it needs none."),
  current: z
    .boolean()
    .describe("True for the session of the token that asks, and for what this session has proven itself."),
});

export const accessList = body("Access", {
  access: listOf(
    accessItem,
    "Everything that can still sign in, with the newest 200 sessions, API keys and connections.",
  ),
  weaker_policy: z
    .enum(["optional", "required", "phr"])
    .nullable()
    .describe("A policy that an operator has set, weaker than that of the roles, or null."),
});

export const confirmationBegun = body("ConfirmationBegun", {
  transaction: textAs("The transaction for `POST /account/confirm/finish`, which is never in a cookie."),
  expires: seconds.describe("The end of the code, in Unix seconds."),
});

const confirmationStart = z.object({
  change: z.enum(confirmables).describe("the change that `confirmation_needed` names, or `review`"),
});

export const accountRoutes = [
  route("POST", "/password", "changePassword", {
    summary: "Change the password",
    notes: [
      "Sets the new password and ends the user's other sessions.",
      "A user without a password leaves `password` out, and then needs a recent login.",
      "Returns 404 when the application keeps its own user table without `setPassword`.",
    ],
    input: fields(passwordChange),
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, ...limitErrors, "password_rejected", "invalid_credentials"],
    available: ({ changesPasswords }) => changesPasswords,
    endpoint: ({ flows, auth, input, caller }) =>
      flows.changePassword({ auth, password: input.password, newPassword: input.new_password }, caller),
  }),
  route("DELETE", "/password", "removePassword", {
    summary: "Remove the password",
    notes: ["Ends the user's other sessions. Needs a passkey that signs in alone, and recovery codes.", confirmedNote],
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, "not_found", "last_way_in", "unavailable"],
    available: ({ keepsPasswords }) => keepsPasswords,
    endpoint: ({ flows, auth, caller }) => flows.removePassword({ auth }, caller),
  }),
  route("GET", "/account", "readAccount", {
    summary: "Read the account",
    output: ownAccount,
    endpoint: ({ flows, auth, caller }) => flows.readAccount({ auth }, caller),
  }),
  route("GET", "/account/access", "readAccess", {
    summary: "List everything that can still sign in or act",
    notes: ["Read it after a reset, an alarm or a recovery, and end what the user does not know."],
    output: accessList,
    endpoint: ({ flows, auth, caller }) => flows.readAccess({ auth }, caller),
  }),
  route("DELETE", "/account/access", "endAccess", {
    summary: "End everything else that can sign in or act",
    notes: [
      "Ends the other sessions, and every passkey, app, recovery code, identity and API key whose `current` is not true.",
      "Returns 409 `last_way_in`, and ends nothing, if what is left would not be enough to sign in.",
      confirmedNote,
    ],
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, "last_way_in", "unavailable"],
    endpoint: ({ flows, auth, caller }) => flows.endAccess({ auth }, caller),
  }),
  route("GET", "/account/export", "exportAccount", {
    summary: "Export the account",
    notes: ["Returns what the database has about the user, without secrets and keys.", recentNote],
    output: accountExport,
    errors: [...recentErrors],
    endpoint: ({ flows, auth, caller }) => flows.exportAccount({ auth }, caller),
  }),
  route("POST", "/account/login", "changeLogin", {
    summary: "Change the login",
    notes: [
      "Ends all sessions, also the current one, because their tokens carry the old login. A change of the spelling ends none, except in an application's own table.",
      "A login that is an e-mail address must be the proven address of the account.",
      confirmedNote,
    ],
    input: fields(z.object({ login })),
    errors: [...confirmedErrors, "login_taken", "too_many_attempts"],
    available: ({ account }) => account.login,
    endpoint: ({ flows, auth, input, caller }) => flows.changeLogin({ auth, login: input.login }, caller),
  }),
  route("POST", "/account/confirm", "beginConfirmation", {
    summary: "Ask for a code that confirms a change",
    notes: [
      "Mails a code to the address of the account. It confirms this change of this session, within 300 seconds after its use.",
      "`review` confirms all removals of second factors, identities and the password, within 900 seconds.",
      recentNote,
    ],
    input: fields(confirmationStart),
    output: confirmationBegun,
    inBody: true,
    errors: [...recentErrors, ...limitErrors],
    available: ({ mails }) => mails.alarm,
    endpoint: ({ flows, auth, input, caller }) => flows.beginConfirmation({ auth, change: input.change }, caller),
  }),
  route("POST", "/account/confirm/finish", "finishConfirmation", {
    summary: "Confirm a change",
    notes: ["Returns new tokens, and rejects the former ones of the session. Send the change again with them."],
    input: fields(
      z.object({
        transaction: opaque.describe("a text: the `transaction` of `POST /account/confirm`"),
        code: mailedCode,
      }),
    ),
    output: grant,
    finishes: false,
    errors: ["invalid_credentials", "transaction_over", ...limitErrors],
    available: ({ mails }) => mails.alarm,
    endpoint: ({ flows, auth, input, caller }) => flows.finishConfirmation({ auth, ...input }, caller),
  }),
  route("DELETE", "/account", "removeAccount", {
    summary: "Delete the account",
    notes: ["Deletes the user and ends all sessions. The audit log keeps the id only.", confirmedNote],
    errors: [...confirmedErrors],
    ends: true,
    available: ({ account }) => account.removal,
    endpoint: ({ flows, auth, caller }) => flows.removeAccount({ auth }, caller),
  }),
] as const;
