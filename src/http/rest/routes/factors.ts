// /totp, /passkeys, /recovery-codes and /devices: the second factors of the user's own account.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { isCredentialId } from "../../../factors/passkey/webauthn-response.js";
import { isTransaction } from "../../../factors/transactions.js";
import { fields, optionalFields } from "../request/input.js";
import { recentErrors, recentNote, route, tokenErrors } from "../route.js";
import { optional, session } from "../route-access.js";
import { grant, mailedCode, opaque, seconds, totp } from "../schemas.js";

const totpStart = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `factor_needed` with `enroll`"),
  code: mailedCode.optional(),
});

export const totpSetUp = z
  .object({
    transaction: z
      .string()
      .optional()
      .describe("The transaction for `POST /totp/confirm`, in a cookie with AMPHO_SECURITY_COOKIES."),
    secret: z.string().describe("The secret in base32, for authenticator apps without a camera."),
    uri: z.string().describe("An `otpauth:` URI, to be shown as a QR code."),
  })
  .meta({ title: "TotpSetUp" });

const totpConfirmation = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `POST /totp`"),
  totp,
});

export const newRecoveryCodes = z
  .object({
    recovery_codes: z.array(z.string()).readonly().describe("Eight codes that work once each and are not shown again."),
  })
  .extend(grant.shape)
  .meta({ title: "NewRecoveryCodes" });

const name = z.string().max(1024).describe("a text of at most 1024 characters, cut to 100");

const passkeyStart = z.object({
  use: z.enum(["login", "second"]).optional().describe("`login` (the default) or `second`"),
  upgrade: z
    .literal(true)
    .optional()
    .describe("true: the browser creates the passkey without asking, after a login by password"),
  transaction: opaque.optional().describe("a text: the `transaction` of `factor_needed` with `enroll`"),
  code: mailedCode.optional(),
});

export const passkeySetUp = z
  .object({
    transaction: z
      .string()
      .optional()
      .describe("The transaction for `POST /passkeys`, in a cookie with AMPHO_SECURITY_COOKIES."),
    passkey: z.looseObject({}).describe("The PublicKeyCredentialCreationOptionsJSON."),
  })
  .meta({ title: "PasskeySetUp" });

export const passkeyView = z.object({
  id: z.string().describe("The credential id, base64url."),
  name: z.string().describe("The name in the user's list."),
  created: seconds.describe("The time of the registration, in Unix seconds."),
  used: seconds.nullable().describe("The time of the last use, in Unix seconds."),
  synced: z.boolean().describe("True if the passkey is backed up."),
  transports: z
    .array(z.string())
    .readonly()
    .describe("How the browser reaches the authenticator (WebAuthn L3 §5.8.4)."),
  provider: z.string().nullable().describe("The name of the passkey's provider, where it is known."),
});

const newPasskey = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `POST /passkeys/options`"),
  passkey: z.looseObject({}).describe("an object: the RegistrationResponseJSON"),
  name: name.optional(),
});

export const addedPasskey = z
  .object({
    passkey: passkeyView.describe("The new passkey."),
    recovery_codes: z
      .array(z.string())
      .readonly()
      .optional()
      .describe("Eight codes, if this is the first second factor of the account."),
  })
  .extend(grant.shape)
  .meta({ title: "AddedPasskey" });

export const passkeyList = z
  .object({
    passkeys: z.array(passkeyView).readonly().describe("The passkeys of the account."),
    rp: z.string().describe("The relying party."),
    user: z.string().nullable().describe("The user handle of the account, or null before the first registration."),
    accepted: z.array(z.string()).readonly().describe("All credential ids, for the Signal API."),
  })
  .meta({ title: "PasskeyList" });

/** A text that cannot be an id is not passed to the database. */
function idOf({ id = "" }: Readonly<Record<string, string>>): string {
  if (!isCredentialId(id)) throw new AmphoError("not_found", "You have no passkey with this id.");
  return id;
}

const enrolErrors = [
  ...tokenErrors,
  ...recentErrors,
  "transaction_over",
  "invalid_credentials",
  "too_many_attempts",
] as const;

export const factorsRoutes = [
  route({
    method: "POST",
    path: "/totp",
    name: "beginTotp",
    summary: "Begin to set up an authenticator app",
    notes: [
      "Returns a new secret (RFC 6238) and writes nothing. `POST /totp/confirm` stores it.",
      recentNote,
      "A login that got `factor_needed` with `enroll` sends its `transaction` in place of a bearer token, and the mailed `code` if the error has `mail`.",
    ],
    access: optional,
    input: optionalFields(totpStart),
    output: totpSetUp,
    errors: [...enrolErrors, "factor_needed"],
    endpoint: ({ flows, input, bearer, cookies, caller, authenticate }) => {
      const pending = input?.transaction ?? (isTransaction(bearer) ? bearer : undefined);
      return flows.beginTotp({ pending, pendingCookie: cookies.transaction, code: input?.code, authenticate }, caller);
    },
  }),
  route({
    method: "POST",
    path: "/totp/confirm",
    name: "confirmTotp",
    summary: "Confirm the authenticator app",
    notes: [
      "Stores the secret, replaces an earlier one, and returns eight new recovery codes. The code counts as used.",
      "The first second factor ends the sessions that were opened without one. A replaced one ends all other sessions.",
      "A login that had to set up a factor also gets its tokens.",
    ],
    access: optional,
    input: fields(totpConfirmation),
    output: newRecoveryCodes,
    errors: [...tokenErrors, "invalid_credentials", "factor_needed", "transaction_over"],
    endpoint: ({ flows, input, cookies, caller, authenticate }) => {
      const transaction = input.transaction ?? cookies.transaction ?? "";
      return flows.confirmTotp({ transaction, totp: input.totp, superseded: cookies, authenticate }, caller);
    },
  }),
  route({
    method: "POST",
    path: "/passkeys/options",
    name: "beginPasskey",
    summary: "Begin to register a passkey",
    notes: [
      "Returns the options for `navigator.credentials.create` and writes nothing.",
      recentNote,
      "A login that got `factor_needed` with `enroll` sends its `transaction` in place of a bearer token, and the mailed `code` if the error has `mail`.",
    ],
    access: optional,
    input: optionalFields(passkeyStart),
    output: passkeySetUp,
    errors: [...enrolErrors, "insufficient_scope"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, input, bearer, cookies, caller, authenticate }) => {
      const pending = input?.transaction ?? (isTransaction(bearer) ? bearer : undefined);
      const { use, upgrade, code } = input ?? {};
      return flows.beginPasskey(
        { pending, pendingCookie: cookies.transaction, code, authenticate, use, upgrade },
        caller,
      );
    },
  }),
  route({
    method: "POST",
    path: "/passkeys",
    name: "addPasskey",
    summary: "Register a passkey",
    notes: [
      "The first second factor of an account returns eight recovery codes, and ends the sessions that were opened without one.",
      "A login that had to set up a factor also gets its tokens.",
    ],
    access: optional,
    input: fields(newPasskey),
    output: addedPasskey,
    errors: [...tokenErrors, "invalid_credentials", "factor_needed", "transaction_over"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, input, cookies, caller, authenticate }) => {
      const transaction = input.transaction ?? cookies.transaction ?? "";
      return flows.addPasskey(
        { transaction, passkey: input.passkey, name: input.name, superseded: cookies, authenticate },
        caller,
      );
    },
  }),
  route({
    method: "GET",
    path: "/passkeys",
    name: "listPasskeys",
    summary: "List the passkeys",
    access: session,
    output: passkeyList,
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller }) => flows.listPasskeys({ auth }, caller),
  }),
  route({
    method: "POST",
    path: "/passkeys/{id}",
    name: "renamePasskey",
    summary: "Rename a passkey",
    access: session,
    input: fields(z.object({ name })),
    errors: ["not_found"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller, parameters, input }) =>
      flows.renamePasskey({ auth, id: idOf(parameters), name: input.name }, caller),
  }),
  route({
    method: "DELETE",
    path: "/passkeys/{id}",
    name: "removePasskey",
    summary: "Remove a passkey",
    notes: ["Ends all other sessions. The last second factor takes the recovery codes with it.", recentNote],
    access: session,
    output: grant,
    finishes: false,
    errors: [...recentErrors, "not_found", "last_way_in", "unavailable"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller, parameters }) => flows.removePasskey({ auth, id: idOf(parameters) }, caller),
  }),
  route({
    method: "DELETE",
    path: "/totp",
    name: "removeTotp",
    summary: "Remove the authenticator app",
    notes: ["Ends all other sessions. The last second factor takes the recovery codes with it.", recentNote],
    access: session,
    output: grant,
    finishes: false,
    errors: [...recentErrors, "not_found", "last_way_in", "unavailable"],
    endpoint: ({ flows, auth, caller }) => flows.removeTotp({ auth }, caller),
  }),
  route({
    method: "POST",
    path: "/recovery-codes",
    name: "renewRecoveryCodes",
    summary: "Replace the recovery codes",
    notes: ["Returns eight new codes. The old ones are void, and all other sessions end.", recentNote],
    access: session,
    output: newRecoveryCodes,
    finishes: false,
    errors: [...recentErrors, "not_found", "unavailable"],
    endpoint: ({ flows, auth, caller }) => flows.renewRecoveryCodes({ auth }, caller),
  }),
  route({
    method: "DELETE",
    path: "/devices",
    name: "forgetDevices",
    summary: "Forget all remembered devices",
    notes: ["The next login on each device needs the second factor again."],
    access: session,
    endpoint: ({ flows, auth, caller }) => flows.forgetDevices({ auth }, caller),
  }),
] as const;
