// Checks the registration of a passkey (WebAuthn L3 §7.1), for an account and for one that is not created yet.

import { offeredAlgorithms } from "../../factors/passkey/cose.js";
import { passkeyProviders } from "../../factors/passkey/passkey-providers.js";
import type { RelyingParty } from "../../factors/passkey/relying-party.js";
import { verifyRegistration } from "../../factors/passkey/webauthn.js";
import { WebAuthnError } from "../../factors/passkey/webauthn-error.js";
import type { Redeemable } from "../../factors/transactions.js";
import type { NewPasskeyRow } from "../../store/sql/factors/passkeys.js";
import type { Deps } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";
import { cleanName } from "../find/name.js";

/** `record` receives the reason of a rejection. */
export async function verifyNewPasskey(
  { transactions }: Pick<Deps, "transactions">,
  party: RelyingParty,
  input: {
    readonly response: unknown;
    readonly name: string | undefined;
    readonly transaction: Pick<Redeemable, "jti" | "kid">;
    readonly use: string | undefined;
  },
  record: (reason: string) => Promise<void>,
): Promise<NewPasskeyRow> {
  const { response, name, transaction, use } = input;
  try {
    const verified = verifyRegistration({
      response,
      challenge: transactions.passkeyChallenge(transaction),
      origins: party.origins,
      rpId: party.id,
      userVerification: use === "login" ? "required" : "discouraged",
      algorithms: offeredAlgorithms,
      upgrade: use === "upgrade",
    });
    return {
      ...verified,
      publicKey: { ...verified.publicKey },
      rp: party.id,
      discoverable: isResident(response),
      name: cleanName(name, passkeyProviders[verified.aaguid]),
    };
  } catch (error) {
    if (!(error instanceof WebAuthnError)) throw error;
    await record(error.reason);
    throw wrongCredentials();
  }
}

/** `credProps.rk` (WebAuthn L3 §10.1.3). It is not signed, so it decides nothing. */
function isResident(response: unknown): boolean | undefined {
  const results = memberOf(response, "clientExtensionResults");
  const resident = memberOf(memberOf(results, "credProps"), "rk");
  return typeof resident === "boolean" ? resident : undefined;
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
