// POST /login/mail, /password/reset, /password/reset/finish, /register, /register/finish, /account/email, /account/email/finish,
// /alarm: what a user does by mail (docs/guides/mailed-links.md).
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { Auth } from "../../../tokens/auth.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { digits, grant, login, mailedCode, opaque, password, recoveryCode, seconds, totp } from "../schemas.js";

export const mailedLink = opaque.meta({ description: "a text: the part of a mailed link behind `#ampho=`" });
export const match = digits(2).meta({
  description: "a text of two digits, which the page shows that asked for the mail",
});
const email = z.string().max(320).meta({ description: "a text of at most 320 characters, one e-mail address" });
const transaction = opaque.optional();
const device = opaque.optional().meta({ description: "a text: the `device` of an earlier login" });

export const mailRequest = z.object({ login, device });

const transactionView = z.string().optional().meta({
  description: "The transaction for the next request, in a cookie with AMPHO_SECURITY_COOKIES.",
});
const matchView = z.string().meta({
  description: "Two digits that the page shows, for which a link in another browser asks.",
});
const expiresView = seconds.meta({ description: "The end of the code and the link, in Unix seconds." });

export const mailBegun = z
  .object({
    transaction: transactionView,
    match: matchView,
    expires: expiresView,
    resend: seconds.meta({ description: "The earliest time of the next mail, in Unix seconds." }),
  })
  .meta({ title: "MailBegun" });

type MailRequestCall = Call<z.output<typeof mailRequest>, undefined>;

export function beginMailLogin({ flows, input, cookies, caller }: MailRequestCall) {
  return flows.beginMailLogin({ login: input.login, device: input.device ?? cookies.device }, caller);
}

export function beginReset({ flows, input, cookies, caller }: MailRequestCall) {
  return flows.beginReset({ login: input.login, device: input.device ?? cookies.device }, caller);
}

const proof = {
  transaction: transaction.meta({ description: "a text: the `transaction` of the request that sent the mail" }),
  code: mailedCode.optional(),
  link: mailedLink.optional(),
  match: match.optional(),
};

/** The proof of a mailbox, with the transaction of the cookie where the body has none. */
export function proofOf(
  input: {
    readonly transaction?: string | undefined;
    readonly code?: string | undefined;
    readonly link?: string | undefined;
    readonly match?: string | undefined;
  },
  cookies: { readonly transaction: string | undefined },
) {
  const { code, link, match } = input;
  if (code !== undefined && link !== undefined)
    throw new AmphoError("invalid_request", 'Send "code" or "link", not both.');
  return { transaction: input.transaction ?? cookies.transaction, code, link, match };
}

export const passwordReset = z.object({
  ...proof,
  new_password: password,
  totp: totp.optional(),
  recovery_code: recoveryCode.optional(),
  passkey: z.looseObject({}).optional().meta({
    description: "an object: the AuthenticationResponseJSON of a passkey, for the options of `factor_needed`",
  }),
});

export function finishReset(call: Call<z.output<typeof passwordReset>, undefined>): Promise<void> {
  const { flows, input, cookies, caller } = call;
  const { new_password: newPassword, totp, recovery_code: recoveryCode, passkey } = input;
  return flows.finishReset({ ...proofOf(input, cookies), newPassword, totp, recoveryCode, passkey }, caller);
}

export const registrationStart = z.object({
  email,
  login: login.optional(),
  invite: opaque.optional().meta({ description: "a text: the part of an invitation's link behind `#ampho-invite=`" }),
});

export const registrationBegun = z
  .object({
    transaction: transactionView,
    match: matchView,
    expires: expiresView,
    passkey: z.looseObject({}).nullable().meta({
      description: "The PublicKeyCredentialCreationOptionsJSON of a passkey in place of a password.",
    }),
  })
  .meta({ title: "RegistrationBegun" });

export function beginRegistration({ flows, input, caller }: Call<z.output<typeof registrationStart>, undefined>) {
  const { email, login, invite } = input;
  return flows.beginRegistration({ email, login, invite }, caller);
}

export const registration = z.object({
  ...proof,
  password: password.optional(),
  passkey: z.looseObject({}).optional().meta({ description: "an object: the RegistrationResponseJSON of a passkey" }),
  name: z.string().max(1024).optional().meta({ description: "a text: the name of the passkey" }),
});

export const registered = grant
  .extend({
    recovery_codes: z.array(z.string()).readonly().optional().meta({
      description: "Eight codes, for a user who registered with a passkey.",
    }),
  })
  .meta({ title: "Registered" });

export function finishRegistration(call: Call<z.output<typeof registration>, undefined>) {
  const { flows, input, cookies, caller, idempotencyKey } = call;
  const { password, passkey, name } = input;
  return flows.finishRegistration(
    { ...proofOf(input, cookies), password, passkey, name, superseded: cookies, idempotencyKey },
    caller,
  );
}

export const emailChange = z.object({ email });

export const emailChangeBegun = z
  .object({ transaction: transactionView, match: matchView, expires: expiresView })
  .meta({ title: "EmailChangeBegun" });

export function beginEmailChange({ flows, auth, input, caller }: Call<z.output<typeof emailChange>, Auth>) {
  return flows.beginEmailChange({ auth, email: input.email }, caller);
}

export const emailProof = z.object({ transaction: proof.transaction, code: mailedCode });

export function finishEmailChange(call: Call<z.output<typeof emailProof>, Auth>): Promise<Grant> {
  const { flows, auth, input, cookies, caller } = call;
  const transaction = input.transaction ?? cookies.transaction ?? "";
  return flows.finishEmailChange({ auth, transaction, code: input.code }, caller);
}

export const alarm = z.object({
  alarm: opaque.meta({ description: "a text: the part of an alarm link behind `#ampho-alarm=`" }),
});

export function raiseAlarm({ flows, input, caller }: Call<z.output<typeof alarm>, undefined>): Promise<void> {
  return flows.raiseAlarm({ alarm: input.alarm }, caller);
}
