// /totp, /passkeys, /recovery-codes and /devices: the second factors of the user's own account.
import * as z from "zod";
import { isCredentialId } from "../../../factors/passkey/webauthn-response.js";
import { isTransaction } from "../../../factors/transactions.js";
import { fields, idOf, optionalFields, transactionOf } from "../request/input.js";
import { confirmedErrors, confirmedNote, route, tokenErrors } from "../route.js";
import { optional } from "../route-access.js";
import {
  body,
  grant,
  listOf,
  mailedCode,
  nullableText,
  opaque,
  optionalText,
  seconds,
  textAs,
  totp,
} from "../schemas.js";

const totpStart = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `factor_needed` with `enroll`"),
  code: mailedCode.optional(),
});

export const totpSetUp = body("TotpSetUp", {
  transaction: optionalText("The transaction for `POST /totp/confirm`, in a cookie with AMPHO_SECURITY_COOKIES."),
  secret: textAs("The secret in base32, for authenticator apps without a camera."),
  uri: textAs("An `otpauth:` URI, to be shown as a QR code."),
});

const totpConfirmation = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `POST /totp`"),
  totp,
});

export const newRecoveryCodes = body("NewRecoveryCodes", {
  recovery_codes: listOf(z.string(), "Eight codes that work once each and are not shown again."),
  ...grant.shape,
});

const name = z.string().max(1024).describe("a text of at most 1024 characters, cut to 100");

const passkeyStart = z.object({
  use: z.enum(["login", "second"]).optional().describe("`login` (the default) or `second`"),
  upgrade: z
    .literal(true)
    .optional()
    .describe("true: the browser creates the passkey without asking, after a login by password"),
  ...totpStart.shape,
});

export const passkeySetUp = body("PasskeySetUp", {
  transaction: optionalText("The transaction for `POST /passkeys`, in a cookie with AMPHO_SECURITY_COOKIES."),
  passkey: z.looseObject({}).describe("The PublicKeyCredentialCreationOptionsJSON."),
});

export const passkeyView = z.object({
  id: textAs("The credential id, base64url."),
  name: textAs("The name in the user's list."),
  created: seconds.describe("The time of the registration, in Unix seconds."),
  used: seconds.nullable().describe("The time of the last use, in Unix seconds."),
  synced: z.boolean().describe("True if the passkey is backed up."),
  transports: listOf(z.string(), "How the browser reaches the authenticator (WebAuthn L3 §5.8.4)."),
  provider: nullableText("The name of the passkey's provider, where it is known."),
});

const newPasskey = z.object({
  transaction: opaque.optional().describe("a text: the `transaction` of `POST /passkeys/options`"),
  passkey: z.looseObject({}).describe("an object: the RegistrationResponseJSON"),
  name: name.optional(),
});

export const addedPasskey = body("AddedPasskey", {
  passkey: passkeyView.describe("The new passkey."),
  recovery_codes: listOf(z.string(), "Eight codes, if this is the first second factor of the account.").optional(),
  ...grant.shape,
});

export const passkeyList = body("PasskeyList", {
  passkeys: listOf(passkeyView, "The passkeys of the account."),
  rp: textAs("The relying party."),
  user: nullableText("The user handle of the account, or null before the first registration."),
  accepted: listOf(z.string(), "All credential ids, for the Signal API."),
});

const passkeyIdOf = (parameters: Readonly<Record<string, string>>) =>
  idOf(parameters, isCredentialId, "You have no passkey with this id.");

const proofErrors = [...tokenErrors, "invalid_credentials", "transaction_over"] as const;
const enrolErrors = [...proofErrors, ...confirmedErrors, "too_many_attempts"] as const;

export const factorsRoutes = [
  route("POST", "/totp", "beginTotp", {
    summary: "Begin to set up an authenticator app",
    notes: [
      "Returns a new secret (RFC 6238) and writes nothing. `POST /totp/confirm` stores it.",
      confirmedNote,
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
  route("POST", "/totp/confirm", "confirmTotp", {
    summary: "Confirm the authenticator app",
    notes: [
      "Stores the secret, replaces an earlier one, and returns eight new recovery codes. The code counts as used.",
      "The first second factor ends the sessions that were opened without one. A replaced one ends all other sessions.",
      "A login that had to set up a factor also gets its tokens.",
    ],
    access: optional,
    input: fields(totpConfirmation),
    output: newRecoveryCodes,
    errors: [...proofErrors, "factor_needed", "confirmation_needed"],
    endpoint: ({ flows, input, cookies, caller, authenticate }) => {
      const transaction = transactionOf(input, cookies);
      return flows.confirmTotp({ transaction, totp: input.totp, superseded: cookies, authenticate }, caller);
    },
  }),
  route("POST", "/passkeys/options", "beginPasskey", {
    summary: "Begin to register a passkey",
    notes: [
      "Returns the options for `navigator.credentials.create` and writes nothing.",
      confirmedNote,
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
      const sent = { pending, pendingCookie: cookies.transaction, code, use, upgrade };
      return flows.beginPasskey({ ...sent, authenticate }, caller);
    },
  }),
  route("POST", "/passkeys", "addPasskey", {
    summary: "Register a passkey",
    notes: [
      "The first second factor of an account returns eight recovery codes, and ends the sessions that were opened without one.",
      "A login that had to set up a factor also gets its tokens.",
    ],
    access: optional,
    input: fields(newPasskey),
    output: addedPasskey,
    errors: [...proofErrors, "factor_needed", "confirmation_needed"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, input, cookies, caller, authenticate }) => {
      const transaction = transactionOf(input, cookies);
      const { passkey, name } = input;
      return flows.addPasskey({ transaction, passkey, name, superseded: cookies, authenticate }, caller);
    },
  }),
  route("GET", "/passkeys", "listPasskeys", {
    summary: "List the passkeys",
    output: passkeyList,
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller }) => flows.listPasskeys({ auth }, caller),
  }),
  route("POST", "/passkeys/{id}", "renamePasskey", {
    summary: "Rename a passkey",
    input: fields(z.object({ name })),
    errors: ["not_found"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller, parameters, input }) =>
      flows.renamePasskey({ auth, id: passkeyIdOf(parameters), name: input.name }, caller),
  }),
  route("DELETE", "/passkeys/{id}", "removePasskey", {
    summary: "Remove a passkey",
    notes: ["Ends all other sessions. The last second factor takes the recovery codes with it.", confirmedNote],
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, "not_found", "last_way_in", "unavailable"],
    available: ({ offersPasskeys }) => offersPasskeys,
    endpoint: ({ flows, auth, caller, parameters }) =>
      flows.removePasskey({ auth, id: passkeyIdOf(parameters) }, caller),
  }),
  route("DELETE", "/totp", "removeTotp", {
    summary: "Remove the authenticator app",
    notes: ["Ends all other sessions. The last second factor takes the recovery codes with it.", confirmedNote],
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, "not_found", "last_way_in", "unavailable"],
    endpoint: ({ flows, auth, caller }) => flows.removeTotp({ auth }, caller),
  }),
  route("POST", "/recovery-codes", "renewRecoveryCodes", {
    summary: "Replace the recovery codes",
    notes: ["Returns eight new codes. The old ones are void, and all other sessions end.", confirmedNote],
    output: newRecoveryCodes,
    finishes: false,
    errors: [...confirmedErrors, "not_found", "unavailable"],
    endpoint: ({ flows, auth, caller }) => flows.renewRecoveryCodes({ auth }, caller),
  }),
  route("DELETE", "/devices", "forgetDevices", {
    summary: "Forget all remembered devices",
    notes: ["The next login on each device needs the second factor again."],
    endpoint: ({ flows, auth, caller }) => flows.forgetDevices({ auth }, caller),
  }),
] as const;
