// /login/mail, /password/reset, /register, /account/email and /alarm: flows by mail (docs/guides/mail-flows.md).
import * as z from "zod";
import { invalidRequest } from "../../../errors.js";
import { fields, transactionOf } from "../request/input.js";
import { confirmedErrors, confirmedNote, idempotencyHelp, limitErrors, recentErrors, route } from "../route.js";
import { none } from "../route-access.js";
import {
  body,
  digits,
  factorInputs,
  factorOf,
  grant,
  listOf,
  login,
  mailedCode,
  opaque,
  optionalText,
  password,
  seconds,
  textAs,
} from "../schemas.js";

export const mailedLink = opaque.describe("a text: the part of a mailed link behind `#ampho=`");
export const match = digits(2).describe("a text of two digits, which the page shows that asked for the mail");
const email = z.string().max(320).describe("a text of at most 320 characters, one e-mail address");
const transaction = opaque.optional();
const device = opaque.optional().describe("a text: the `device` of an earlier login");

const mailRequest = z.object({ login, device });

const transactionView = optionalText("The transaction for the next request, in a cookie with AMPHO_SECURITY_COOKIES.");
const matchView = textAs("Two digits that the page shows, for which a link in another browser asks.");
const expiresView = seconds.describe("The end of the code and the link, in Unix seconds.");

export const mailBegun = body("MailBegun", {
  transaction: transactionView,
  match: matchView,
  expires: expiresView,
  resend: seconds.describe("The earliest time of the next mail, in Unix seconds."),
});

const proof = {
  transaction: transaction.describe("a text: the `transaction` of the request that sent the mail"),
  code: mailedCode.optional(),
  link: mailedLink.optional(),
  match: match.optional(),
};

/** The proof of a mailbox, with the transaction of the cookie where the body has none. */
export function proofOf(
  input: { readonly [Name in keyof typeof proof]?: string | undefined },
  cookies: { readonly transaction: string | undefined },
) {
  const { code, link, match } = input;
  if (code !== undefined && link !== undefined) throw invalidRequest('Send "code" or "link", not both.');
  return { transaction: input.transaction ?? cookies.transaction, code, link, match };
}

const passwordReset = z.object({ ...proof, new_password: password, ...factorInputs("the options of `factor_needed`") });

const registrationStart = z.object({
  email,
  login: login.optional(),
  invite: opaque.optional().describe("a text: the part of an invitation's link behind `#ampho-invite=`"),
});

export const registrationBegun = body("RegistrationBegun", {
  transaction: transactionView,
  match: matchView,
  expires: expiresView,
  passkey: z
    .looseObject({})
    .nullable()
    .describe("The PublicKeyCredentialCreationOptionsJSON of a passkey in place of a password."),
});

const registration = z.object({
  ...proof,
  password: password.optional(),
  passkey: z.looseObject({}).optional().describe("an object: the RegistrationResponseJSON of a passkey"),
  name: z.string().max(1024).optional().describe("a text: the name of the passkey"),
});

export const registered = grant
  .extend({
    recovery_codes: listOf(z.string(), "Eight codes, for a user who registered with a passkey.").optional(),
  })
  .meta({ title: "Registered" });

const later = z.boolean().optional();

const emailChange = z.object({
  email,
  login: z.boolean().optional().describe("true: the address becomes the login name too"),
  later: later.describe("true: the user has lost the mailbox, and the change waits for 7 days"),
});

export const emailChangeBegun = body("EmailChangeBegun", {
  transaction: transactionView,
  match: matchView.optional(),
  from: seconds.optional().describe("With `later`, the time at which the code is mailed, in Unix seconds."),
  expires: expiresView,
});

const alarm = z.object({
  alarm: opaque.describe("a text: the part of an alarm link behind `#ampho-alarm=`"),
  change: z.string().max(64).describe("a text: the kind of the notice, which its reader must have confirmed"),
});

const proofErrors = ["invalid_credentials", "factor_needed", "match_needed", "transaction_over"] as const;
export const mailProofErrors = [...proofErrors, ...limitErrors] as const;

export const mailRoutes = [
  route("POST", "/login/mail", "beginMailLogin", {
    summary: "Ask for a login by mail",
    notes: [
      "Mails a code and a link to the user, if an account has this login. The response is the same if none has.",
      "`POST /login` takes the code with the `transaction`, or the link.",
      "Returns 404 without `AMPHO_SECURITY_MAIL_LOGIN`.",
    ],
    access: none,
    input: fields(mailRequest),
    output: mailBegun,
    errors: ["too_many_attempts", "unavailable"],
    available: ({ mails }) => mails.login,
    endpoint: ({ flows, input, cookies, caller }) =>
      flows.beginMailLogin({ login: input.login, device: input.device ?? cookies.device }, caller),
  }),
  route("POST", "/password/reset", "beginReset", {
    summary: "Ask for a new password by mail",
    notes: [
      "Mails a code and a link to the user, if an account has this login. The response is the same if none has.",
      "An account without an address or a password gets no mail.",
    ],
    access: none,
    input: fields(mailRequest),
    output: mailBegun,
    errors: ["too_many_attempts", "unavailable"],
    available: ({ mails }) => mails.reset,
    endpoint: ({ flows, input, cookies, caller }) =>
      flows.beginReset({ login: input.login, device: input.device ?? cookies.device }, caller),
  }),
  route("POST", "/password/reset/finish", "finishReset", {
    summary: "Set a new password by mail",
    notes: [
      "Sets the password and ends all sessions of the user. It creates no session.",
      "An account with a second factor also needs it, in the same request. `factor_needed` lists what the account can prove.",
    ],
    access: none,
    input: fields(passwordReset),
    finishes: true,
    errors: [...mailProofErrors, "password_rejected", "unknown_passkey"],
    available: ({ mails }) => mails.resetFinish,
    endpoint: ({ flows, input, cookies, caller }) => {
      const { new_password: newPassword } = input;
      return flows.finishReset({ proof: proofOf(input, cookies), factor: factorOf(input), newPassword }, caller);
    },
  }),
  route("POST", "/register", "beginRegistration", {
    summary: "Begin a registration",
    notes: [
      "Mails a code and a link to the address. Nothing of an account exists before the address is proven.",
      "If the address has an account, only the mail reports it. The response is the same.",
    ],
    access: none,
    input: fields(registrationStart),
    output: registrationBegun,
    errors: ["registration_closed", "too_many_attempts", "unavailable"],
    available: ({ mails }) => mails.registration,
    endpoint: ({ flows, input, caller }) => {
      const { email, login, invite } = input;
      return flows.beginRegistration({ email, login, invite }, caller);
    },
  }),
  route("POST", "/register/finish", "finishRegistration", {
    summary: "Finish a registration",
    notes: [
      "Creates the user with a password or a passkey, and returns the first tokens.",
      "A request with an `Idempotency-Key` can be repeated for 60 seconds.",
    ],
    headers: { "Idempotency-Key": idempotencyHelp },
    access: none,
    input: fields(registration),
    output: registered,
    errors: [...mailProofErrors, "password_rejected", "registration_closed", "account_pending", "login_taken"],
    available: ({ mails }) => mails.registration,
    endpoint: ({ flows, input, cookies, caller, idempotencyKey }) => {
      const { password, passkey, name } = input;
      const sent = { ...proofOf(input, cookies), password, passkey, name };
      return flows.finishRegistration({ ...sent, superseded: cookies, idempotencyKey }, caller);
    },
  }),
  route("POST", "/account/email", "beginEmailChange", {
    summary: "Begin to change the address",
    notes: [
      "Mails a code to the new address. If it has an account, only the mail reports it.",
      "With `login`, the code also makes the address the login name. The same session goes on.",
      "With `later`, it needs no `confirmation_needed`. The present mailbox gets three mails in 7 days, and can stop it. Then the new address gets its code, which is good for 3 days.",
      confirmedNote,
    ],
    input: fields(emailChange),
    output: emailChangeBegun,
    errors: [...confirmedErrors, "too_many_attempts"],
    available: ({ mails }) => mails.email,
    endpoint: ({ flows, auth, input, caller }) => flows.beginEmailChange({ auth, ...input }, caller),
  }),
  route("POST", "/account/email/finish", "finishEmailChange", {
    summary: "Change the address",
    notes: [
      "The old address gets a notice, if it was proven.",
      "With `later`, for a change that has waited, it needs a recent login and no `transaction`.",
    ],
    input: fields(
      z.object({
        transaction: proof.transaction,
        code: mailedCode,
        later: later.describe("true: the code of a change that has waited"),
      }),
    ),
    output: grant,
    errors: [
      ...recentErrors,
      "confirmation_needed",
      "invalid_credentials",
      "transaction_over",
      "email_taken",
      "too_many_attempts",
      "unavailable",
    ],
    available: ({ mails }) => mails.email,
    endpoint: ({ flows, auth, input, cookies, caller }) =>
      flows.finishEmailChange({ ...input, auth, transaction: transactionOf(input, cookies) }, caller),
  }),
  route("DELETE", "/account/email", "stopEmailChange", {
    summary: "Stop a change of the address that waits",
    notes: ["The address stays as it is. Any session of the user can do this."],
    available: ({ mails }) => mails.email,
    endpoint: ({ flows, auth, caller }) => flows.stopEmailChange({ auth }, caller),
  }),
  route("POST", "/alarm", "raiseAlarm", {
    summary: "Raise the alarm of a notice",
    notes: [
      "Ends all sessions and device proofs of the user, and what ended sessions have added unconfirmed, once for each notice.",
      "The password of an account without a second factor is rejected from then on. A link for a new one is mailed.",
      "It needs no login. An account has five alarms a day.",
    ],
    access: none,
    input: fields(alarm),
    errors: ["transaction_over", "settled", "too_many_attempts", "unavailable"],
    available: ({ mails }) => mails.alarm,
    endpoint: ({ flows, input: { alarm, change }, caller }) => flows.raiseAlarm({ alarm, change }, caller),
  }),
] as const;
