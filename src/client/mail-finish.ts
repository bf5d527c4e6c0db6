// The end of a registration and of a reset: a proof of the mailbox, with a password, a passkey or a second factor.
import { AmphoError } from "../errors.js";
import type { WebAuthnJson } from "../wire/begun.js";
import { createIdempotencyKeys } from "./calls.js";
import type { EnteredSession, SecondFactor } from "./factor-needed.js";
import type { ClientInternals } from "./full-client.js";
import type { TransactionStore } from "./transaction-store.js";
import { createCredential, getCredential } from "./webauthn.js";

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

export function createRegistrations({ steps, ceremonies }: ClientInternals) {
  return (login: string, options?: WebAuthnJson | null) => {
    let created: WebAuthnJson | undefined;
    const keyOf = createIdempotencyKeys();
    return async (proof: object, { passkey, ...account }: NewAccount): Promise<Registered> => {
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

export type Registrations = ReturnType<typeof createRegistrations>;

/** A new password, and a second factor where the account has one. */
export interface ResetProof extends Pick<SecondFactor, "totp" | "recoveryCode"> {
  /** The new password. The policy of the server applies. */
  readonly newPassword: string;
  /** Asks the browser for a passkey of the account, after `factor_needed`. */
  readonly passkey?: true | undefined;
}

export function createResets({ call, ceremonies }: ClientInternals, transactions: TransactionStore) {
  return () => {
    let options: WebAuthnJson | null | undefined;
    return async (proof: object, about: ResetProof): Promise<void> => {
      const { newPassword: new_password, recoveryCode: recovery_code, totp, passkey: wanted } = about;
      const asked = wanted && options;
      const passkey = asked ? await ceremonies.modal((signal) => getCredential(asked, signal)) : undefined;
      try {
        await call("/password/reset/finish", { ...proof, new_password, totp, recovery_code, passkey });
        await transactions.forget();
      } catch (cause) {
        if (cause instanceof AmphoError && cause.code === "factor_needed") options = cause.details.passkey;
        throw cause;
      }
    };
  };
}

export type Resets = ReturnType<typeof createResets>;
