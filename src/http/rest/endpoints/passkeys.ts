// POST /passkeys/options, POST /passkeys, GET /passkeys, POST and DELETE /passkeys/{id}: the passkeys of the user's own account.

import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { isCredentialId } from "../../../factors/passkey/webauthn-response.js";
import { isTransaction } from "../../../factors/transactions.js";
import type { Auth } from "../../../tokens/auth.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { grant, mailedCode, opaque, seconds } from "../schemas.js";

const name = z.string().max(1024).meta({ description: "a text of at most 1024 characters, cut to 100" });

export const passkeyStart = z.object({
  use: z.enum(["login", "second"]).optional().meta({ description: "`login` (the default) or `second`" }),
  upgrade: z.literal(true).optional().meta({
    description: "true: the browser creates the passkey without asking, after a login by password",
  }),
  transaction: opaque.optional().meta({ description: "a text: the `transaction` of `factor_needed` with `enroll`" }),
  code: mailedCode.optional(),
});

export const passkeySetUp = z
  .object({
    transaction: z.string().optional().meta({
      description: "The transaction for `POST /passkeys`, in a cookie with AMPHO_SECURITY_COOKIES.",
    }),
    passkey: z.looseObject({}).meta({ description: "The PublicKeyCredentialCreationOptionsJSON." }),
  })
  .meta({ title: "PasskeySetUp" });

export function beginPasskey(
  call: Call<z.output<typeof passkeyStart> | undefined, undefined>,
): Promise<z.input<typeof passkeySetUp>> {
  const { flows, input, bearer, cookies, caller, authenticate } = call;
  const pending = input?.transaction ?? (isTransaction(bearer) ? bearer : undefined);
  const { use, upgrade, code } = input ?? {};
  return flows.beginPasskey({ pending, pendingCookie: cookies.transaction, code, authenticate, use, upgrade }, caller);
}

export const passkeyView = z.object({
  id: z.string().meta({ description: "The credential id, base64url." }),
  name: z.string().meta({ description: "The name in the user's list." }),
  created: seconds.meta({ description: "The time of the registration, in Unix seconds." }),
  used: seconds.nullable().meta({ description: "The time of the last use, in Unix seconds." }),
  synced: z.boolean().meta({ description: "True if the passkey is backed up." }),
  transports: z
    .array(z.string())
    .readonly()
    .meta({ description: "How the browser reaches the authenticator (WebAuthn L3 §5.8.4)." }),
  provider: z.string().nullable().meta({ description: "The name of the passkey's provider, where it is known." }),
});

export const newPasskey = z.object({
  transaction: opaque.optional().meta({ description: "a text: the `transaction` of `POST /passkeys/options`" }),
  passkey: z.looseObject({}).meta({ description: "an object: the RegistrationResponseJSON" }),
  name: name.optional(),
});

export const addedPasskey = z
  .object({
    passkey: passkeyView.meta({ description: "The new passkey." }),
    recovery_codes: z.array(z.string()).readonly().optional().meta({
      description: "Eight codes, if this is the first second factor of the account.",
    }),
  })
  .extend(grant.shape)
  .meta({ title: "AddedPasskey" });

export function addPasskey(call: Call<z.output<typeof newPasskey>, undefined>) {
  const { flows, input, cookies, caller, authenticate } = call;
  const transaction = input.transaction ?? cookies.transaction ?? "";
  return flows.addPasskey(
    { transaction, passkey: input.passkey, name: input.name, superseded: cookies, authenticate },
    caller,
  );
}

export const passkeyList = z
  .object({
    passkeys: z.array(passkeyView).readonly().meta({ description: "The passkeys of the account." }),
    rp: z.string().meta({ description: "The relying party." }),
    user: z
      .string()
      .nullable()
      .meta({ description: "The user handle of the account, or null before the first registration." }),
    accepted: z.array(z.string()).readonly().meta({ description: "All credential ids, for the Signal API." }),
  })
  .meta({ title: "PasskeyList" });

export function listPasskeys({ flows, auth, caller }: Call<undefined, Auth>): Promise<z.input<typeof passkeyList>> {
  return flows.listPasskeys({ auth }, caller);
}

/** A text that cannot be an id is not passed to the database. */
function idOf({ id = "" }: Readonly<Record<string, string>>): string {
  if (!isCredentialId(id)) throw new AmphoError("not_found", "You have no passkey with this id.");
  return id;
}

export const passkeyName = z.object({ name });

export function renamePasskey(call: Call<z.output<typeof passkeyName>, Auth>): Promise<void> {
  const { flows, auth, caller, parameters, input } = call;
  return flows.renamePasskey({ auth, id: idOf(parameters), name: input.name }, caller);
}

export function removePasskey({ flows, auth, caller, parameters }: Call<undefined, Auth>): Promise<Grant> {
  return flows.removePasskey({ auth, id: idOf(parameters) }, caller);
}
