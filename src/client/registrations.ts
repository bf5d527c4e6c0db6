// The end of a registration: a proof of the address, and a password or a passkey.
import { AmphoError } from "../errors.js";
import type { EnteredSession } from "./factor-needed.js";
import { createKeys } from "./idempotency-keys.js";
import type { WaysParts } from "./ways-client.js";
import { createCredential, type WebAuthnJson } from "./webauthn.js";

/** Either a password or a passkey. */
export interface NewAccount {
  /** The password. The policy of the server applies. */
  readonly password?: string | undefined;
  /** Creates a passkey in place of a password. */
  readonly passkey?: true | undefined;
  /** The name of the passkey. */
  readonly name?: string | undefined;
}

/** A new account, and its session. */
export interface Registered {
  /** The session of the new account. */
  readonly session: EnteredSession;
  /** Eight codes with a passkey. The user must keep them. They are never shown again. */
  readonly recoveryCodes: readonly string[];
}

export type Register = (proof: object, account: NewAccount) => Promise<Registered>;

export type Registrations = (login: string, options?: WebAuthnJson | null) => Register;

export function createRegistrations({ steps, ceremonies }: WaysParts): Registrations {
  return (login, options) => {
    let created: WebAuthnJson | undefined;
    const keyOf = createKeys();
    return async (proof, { passkey, ...account }) => {
      if (passkey && !options) throw new AmphoError("not_found", "Passkeys are not offered here.");
      // After a wrong code, the passkey exists already.
      if (passkey && options)
        created ??= await ceremonies.modal((signal) => createCredential(options, signal, undefined));
      const body = { ...proof, ...account, passkey: passkey && created };
      const { session, recoveryCodes } = await steps.enter("/register/finish", login, body, keyOf(body));
      return { session, recoveryCodes };
    };
  };
}
