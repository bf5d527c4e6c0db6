// POST /login: proves one or two factors, and creates, re-authenticates or raises a session. GET /login: the ways to log in.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { isTransactionFor } from "../../../factors/transactions.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { login, mailedCode, opaque, password, recoveryCode, totp } from "../schemas.js";
import { mailedLink, match, proofOf } from "./mail.js";
import { outsideResponse } from "./outside.js";

export const credentials = z.object({
  login: login.optional(),
  password: password.optional(),
  transaction: opaque.optional().meta({
    description:
      "a text: the `transaction` of `factor_needed` or `link_needed`, or of the request that began the login",
  }),
  totp: totp.optional(),
  recovery_code: recoveryCode.optional(),
  passkey: z.looseObject({}).optional().meta({
    description:
      "an object: the AuthenticationResponseJSON of a passkey, for the `transaction` of `GET /login` or `factor_needed`",
  }),
  code: mailedCode.optional(),
  link: mailedLink.optional(),
  match: match.optional(),
  outside: outsideResponse.optional(),
  remember: z.boolean().optional().meta({
    description: "true or false: whether the next logins on this device need no second factor",
  }),
  captcha: opaque.optional().meta({ description: "a text: the token of a solved captcha, after `captcha_needed`" }),
  device: opaque.optional().meta({ description: "a text: the `device` of an earlier login" }),
});

export function logIn(call: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const { login, password, totp, passkey, remember, captcha, recovery_code: recoveryCode } = input;
  if ([totp, recoveryCode, passkey].filter((sent) => sent !== undefined).length > 1)
    throw new AmphoError("invalid_request", 'Send one of "totp", "recovery_code" and "passkey".');
  if (passkey !== undefined && login !== undefined)
    throw new AmphoError("invalid_request", 'Send "passkey" with a "transaction" and without "login".');
  // Beside a login, only the transaction of `link_needed` has a meaning. That of the cookie is then over.
  const isSent = input.transaction && input.transaction !== cookies.transaction;
  if (login !== undefined && isSent && !isTransactionFor(input.transaction, "identity"))
    throw new AmphoError("invalid_request", 'Send "login" without the "transaction" of another login.');
  if (input.code !== undefined || input.link !== undefined) return logInByMail(call);
  if (input.outside !== undefined) return logInOutside(call);
  // In cookie mode `{}` asks for the factors of the session, whatever login was begun before.
  const sent = totp ?? recoveryCode ?? passkey;
  const pending = login === undefined && (sent !== undefined || bearer === undefined) ? cookies.transaction : undefined;
  const transaction = login === undefined ? (input.transaction ?? pending) : undefined;
  // A login beside the transaction of `link_needed` proves the account that gets the identity.
  const linking = login === undefined ? undefined : input.transaction;
  const linkingCookie = login === undefined ? undefined : cookieFor("identity", cookies.transaction);
  const device = input.device ?? cookies.device;
  return flows.login(
    {
      ...{ login, password, transaction, linking, linkingCookie, totp, recoveryCode, passkey, remember, captcha },
      ...{ device, bearer, idempotencyKey, superseded: cookies },
    },
    caller,
  );
}

/** The response of a provider is a first factor. */
function logInOutside(call: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const { login, password, totp, recovery_code: recoveryCode, passkey, outside, remember } = input;
  if ([login, password, totp, recoveryCode, passkey, input.code, input.link].some((sent) => sent !== undefined))
    throw new AmphoError("invalid_request", 'Send "outside" with a "transaction" and without another factor.');
  const transaction = input.transaction ?? cookies.transaction;
  const device = input.device ?? cookies.device;
  const sent = { transaction, outside, remember, device, bearer, idempotencyKey, superseded: cookies };
  return flows.login(sent, caller);
}

/** The transaction of a cookie can belong to something else that was begun. */
const cookieFor = (purpose: "identity", transaction: string | undefined) =>
  isTransactionFor(transaction, purpose) ? transaction : undefined;

/** A mailed code or link is a first factor. */
function logInByMail(call: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const { login, password, totp, recovery_code: recoveryCode, passkey, remember } = input;
  if ([login, password, totp, recoveryCode, passkey].some((sent) => sent !== undefined))
    throw new AmphoError("invalid_request", 'Send "code" or "link" without a login and without another factor.');
  const device = input.device ?? cookies.device;
  return flows.login(
    { mailed: proofOf(input, cookies), remember, device, bearer, idempotencyKey, superseded: cookies },
    caller,
  );
}

export const waysIn = z
  .object({
    ways: z
      .object({
        password: z.boolean().meta({ description: "Users can log in with a password." }),
        passkey: z.boolean().meta({ description: "Users can log in with a passkey." }),
        mail: z.boolean().meta({ description: "Users can log in by a mailed code or link." }),
        providers: z
          .array(
            z.object({
              name: z.string().meta({ description: "The name for `POST /login/outside`." }),
              label: z.string().meta({ description: "The text of a button." }),
            }),
          )
          .readonly()
          .meta({ description: "Outside providers with which users can log in." }),
        registration: z.enum(["closed", "invite", "open"]).meta({
          description: "`closed` if only operators and the application create users, else `invite` or `open`.",
        }),
      })
      .meta({ description: "The ways to log in." }),
    transaction: z.string().nullable().meta({
      description: "The transaction for a login by passkey, or null while passkeys are not offered.",
    }),
    passkey: z.looseObject({}).nullable().meta({
      description: "The PublicKeyCredentialRequestOptionsJSON for that login.",
    }),
    captcha: z
      .object({ when: z.literal("throttled") })
      .nullable()
      .meta({
        description: "When a login asks for a captcha (only where the throttle would reject it), or null for never.",
      }),
  })
  .meta({ title: "WaysIn" });

export function readWays({ flows, caller }: Call<undefined, undefined>): Promise<z.input<typeof waysIn>> {
  return flows.readWays(undefined, caller);
}
