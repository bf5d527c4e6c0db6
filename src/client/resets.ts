// The end of a reset: a proof of the mailbox, the new password, and a second factor where the account has one.
import { AmphoError } from "../errors.js";
import type { PendingLogin, SecondFactor } from "./factor-needed.js";
import type { TransactionStore } from "./transaction-store.js";
import type { WaysParts } from "./ways-client.js";
import { getCredential, type WebAuthnJson } from "./webauthn.js";

/** A new password, and a second factor where the account has one. */
export interface ResetProof extends Pick<SecondFactor, "totp" | "recoveryCode"> {
  /** The new password. The policy of the server applies. */
  readonly newPassword: string;
  /** Asks the browser for a passkey of the account, after `factor_needed`. */
  readonly passkey?: true | undefined;
}

export type Resets = () => (proof: object, about: ResetProof) => Promise<void>;

export function createResets({ call, ceremonies }: WaysParts, transactions: TransactionStore): Resets {
  return () => {
    let options: WebAuthnJson | null | undefined;
    return async (proof, { newPassword: new_password, recoveryCode: recovery_code, totp, passkey: wanted }) => {
      const asked = wanted && options;
      const passkey = asked ? await ceremonies.modal((signal) => getCredential(asked, signal)) : undefined;
      try {
        await call("/password/reset/finish", { ...proof, new_password, totp, recovery_code, passkey });
        await transactions.forget();
      } catch (cause) {
        if (!(cause instanceof AmphoError) || cause.code !== "factor_needed") throw cause;
        const needed = Object(cause.cause) as PendingLogin;
        options = needed.passkey;
        throw new AmphoError(cause.code, cause.message, { factors: needed.factors ?? [] }, { cause });
      }
    };
  };
}
