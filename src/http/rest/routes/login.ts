// POST /login: proves factors, and creates, re-authenticates or raises a session. GET /login: the ways to sign in.
import * as z from "zod";
import { invalidRequest } from "../../../errors.js";
import { isTransactionFor } from "../../../factors/transactions.js";
import type { SentLogin } from "../../../flows/ways/sent.js";
import type { Grant } from "../../../wire/login.js";
import { fields } from "../request/input.js";
import { type Call, idempotencyHelp, route } from "../route.js";
import { none, optional } from "../route-access.js";
import {
  body,
  factorInputs,
  grant,
  listOf,
  login,
  mailedCode,
  nullableText,
  onlyFactorOf,
  opaque,
  password,
  textAs,
} from "../schemas.js";
import { mailedLink, mailProofErrors, match, proofOf } from "./mail.js";
import { outsideResponse } from "./outside.js";

const credentials = z.object({
  login: login.optional(),
  password: password.optional(),
  transaction: opaque
    .optional()
    .describe("a text: the `transaction` of `factor_needed` or `link_needed`, or of the request that began the login"),
  ...factorInputs("the `transaction` of `GET /login` or `factor_needed`"),
  code: mailedCode.optional(),
  link: mailedLink.optional(),
  match: match.optional(),
  outside: outsideResponse.optional(),
  remember: z
    .boolean()
    .optional()
    .describe("true or false: whether the next logins on this device need no second factor"),
  captcha: opaque.optional().describe("a text: the token of a solved captcha, after `captcha_needed`"),
  device: opaque.optional().describe("a text: the `device` of an earlier login"),
});

type LoginCall = Call<z.output<typeof credentials>, undefined>;

function logIn(call: LoginCall): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const device = input.device ?? cookies.device;
  const { remember } = input;
  return flows.login({ sent: sentOf(call), bearer, device, remember, idempotencyKey, superseded: cookies }, caller);
}

/** The way of a body. Rejects with `invalid_request` for members of two ways. */
function sentOf({ input, bearer, cookies }: LoginCall): SentLogin {
  const { login, password, captcha, outside } = input;
  const factor = onlyFactorOf(input);
  if (factor?.name === "passkey" && login !== undefined)
    throw invalidRequest('Send "passkey" with a "transaction" and without "login".');
  // Beside a login, only the transaction of `link_needed` has a meaning. That of the cookie is then over.
  const isSent = input.transaction && input.transaction !== cookies.transaction;
  if (login !== undefined && isSent && !isTransactionFor(input.transaction, "identity"))
    throw invalidRequest('Send "login" without the "transaction" of another login.');
  const hasOther = (login ?? password ?? factor) !== undefined;
  const isMailed = input.code !== undefined || input.link !== undefined;
  if (isMailed && hasOther) throw invalidRequest('Send "code" or "link" without a login and without another factor.');
  if (isMailed) return sentByMail(input, cookies);
  if (outside !== undefined && hasOther)
    throw invalidRequest('Send "outside" with a "transaction" and without another factor.');
  if (outside !== undefined)
    return { way: "outside", transaction: input.transaction ?? cookies.transaction ?? "", response: outside };
  // Never the cookie alone: another person can have left an identity there.
  if (login !== undefined) return { way: "password", login, password, factor, captcha, linking: input.transaction };
  // In cookie mode `{}` asks for the factors of the session, whatever login was begun before.
  const pending = factor !== undefined || bearer === undefined ? cookies.transaction : undefined;
  const transaction = input.transaction ?? pending;
  if (transaction !== undefined && factor?.name === "passkey" && isTransactionFor(transaction, "login"))
    return { way: "passkey", transaction, passkey: factor.value };
  if (transaction !== undefined) return { way: "second", transaction, factor };
  if (bearer !== undefined) return { way: "stepUp", bearer, factor };
  throw invalidRequest('"login" must be a text of 1 to 255 characters without control characters.', "login");
}

function sentByMail(input: LoginCall["input"], cookies: LoginCall["cookies"]): SentLogin {
  const { transaction, code } = input;
  if (code !== undefined && transaction !== undefined && isTransactionFor(transaction, "identity"))
    return { way: "identityCode", transaction, code };
  return { way: "mail", proof: proofOf(input, cookies) };
}

const provider = z.object({
  name: textAs("The name for `POST /login/outside`."),
  label: textAs("The text of a button."),
});

const ways = z.object({
  password: z.boolean().describe("Users can sign in with a password."),
  passkey: z.boolean().describe("Users can sign in with a passkey."),
  mail: z.boolean().describe("Users can sign in by a mailed code or link."),
  providers: listOf(provider, "Outside providers with which users can sign in."),
  registration: z
    .enum(["closed", "invite", "open"])
    .describe("`closed` if only operators and the application create users, else `invite` or `open`."),
});

export const waysIn = body("WaysIn", {
  ways: ways.describe("The ways to sign in."),
  transaction: nullableText("The transaction for a login by passkey, or null while passkeys are not offered."),
  passkey: z.looseObject({}).nullable().describe("The PublicKeyCredentialRequestOptionsJSON for that login."),
  captcha: z
    .object({ when: z.literal("throttled") })
    .nullable()
    .describe("When a login asks for a captcha (only where the throttle would reject it), or null for never."),
});

const identityErrors = ["link_needed", "registration_closed", "address_needed", "account_pending"] as const;
/** A login with a bearer token re-authenticates or raises its session. */
const sessionErrors = ["invalid_token", "credential_not_accepted"] as const;

export const loginRoutes = [
  route("POST", "/login", "login", {
    summary: "Sign in",
    notes: [
      "Creates a session and returns its first tokens.",
      "An account with a second factor also needs `totp` or `recovery_code` in the same request, or one of these or `passkey` in a second request with the `transaction` of `factor_needed`.",
      "With the bearer token of a live session of the same user, the login re-authenticates that session and creates no other one. Use this after `login_too_old`.",
      "With the bearer token and only `totp` or `recovery_code`, it raises the level of that session. Use this after `login_too_weak`. With an empty object it returns the factors of the account.",
      "With only a `transaction`, it returns `factor_needed` again, so that a page after a redirect has the options of a passkey.",
      "After `captcha_needed`, the token of a solved captcha as `captcha` buys one attempt (docs/operate/throttling.md).",
      "`login` without `password` gets `invalid_credentials`.",
      "A second step, and a login by passkey, mail or provider, can be repeated for 60 seconds with the same `Idempotency-Key`.",
    ],
    headers: { "Idempotency-Key": idempotencyHelp },
    access: optional,
    input: fields(credentials),
    output: grant,
    errors: [...mailProofErrors, ...identityErrors, ...sessionErrors, "unknown_passkey", "captcha_needed"],
    endpoint: logIn,
  }),
  route("GET", "/login", "readWays", {
    summary: "Read the ways to sign in",
    notes: [
      "The response depends on the configuration alone, and has a new transaction each time.",
      "A login page needs no other request before a login.",
    ],
    access: none,
    output: waysIn,
    errors: ["unavailable"],
    endpoint: ({ flows, caller }) => flows.readWays(undefined, caller),
  }),
] as const;
