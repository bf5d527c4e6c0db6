// POST /totp, POST /totp/confirm, DELETE /totp, POST /recovery-codes, DELETE /devices: the second factors of the user's own
// account.
import { z } from "zod";
import { isTransaction } from "../../../factors/transactions.js";
import type { Auth } from "../../../tokens/auth.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { grant, mailedCode, opaque, totp } from "../schemas.js";

export const totpStart = z.object({
  transaction: opaque.optional().meta({ description: "a text: the `transaction` of `factor_needed` with `enroll`" }),
  code: mailedCode.optional(),
});

export const totpSetUp = z
  .object({
    transaction: z.string().optional().meta({
      description: "The transaction for `POST /totp/confirm`, in a cookie with AMPHO_SECURITY_COOKIES.",
    }),
    secret: z.string().meta({ description: "The secret in base32, for authenticator apps without a camera." }),
    uri: z.string().meta({ description: "An `otpauth:` URI, to be shown as a QR code." }),
  })
  .meta({ title: "TotpSetUp" });

export function beginTotp(call: Call<z.output<typeof totpStart> | undefined, undefined>) {
  const { flows, input, bearer, cookies, caller, authenticate } = call;
  const pending = input?.transaction ?? (isTransaction(bearer) ? bearer : undefined);
  return flows.beginTotp({ pending, pendingCookie: cookies.transaction, code: input?.code, authenticate }, caller);
}

export const totpConfirmation = z.object({
  transaction: opaque.optional().meta({ description: "a text: the `transaction` of `POST /totp`" }),
  totp,
});

export const newRecoveryCodes = z
  .object({
    recovery_codes: z.array(z.string()).readonly().meta({
      description: "Eight codes that work once each and are not shown again.",
    }),
  })
  .extend(grant.shape)
  .meta({ title: "NewRecoveryCodes" });

export function confirmTotp(call: Call<z.output<typeof totpConfirmation>, undefined>) {
  const { flows, input, cookies, caller, authenticate } = call;
  const transaction = input.transaction ?? cookies.transaction ?? "";
  return flows.confirmTotp({ transaction, totp: input.totp, superseded: cookies, authenticate }, caller);
}

export function removeTotp({ flows, auth, caller }: Call<undefined, Auth>): Promise<Grant> {
  return flows.removeTotp({ auth }, caller);
}

export function renewRecoveryCodes({ flows, auth, caller }: Call<undefined, Auth>) {
  return flows.renewRecoveryCodes({ auth }, caller);
}

export function forgetDevices({ flows, auth, caller }: Call<undefined, Auth>): Promise<void> {
  return flows.forgetDevices({ auth }, caller);
}
