// The set-up of TOTP: by a user who is signed in, or by a pending login whose account must have a second factor.
import type { TotpSetUp } from "../wire/begun.js";
import type { RecoveryCodes } from "../wire/login.js";
import type { ClientCall, Send } from "./calls.js";
import type { EnteredSession, FactorNeeded } from "./factor-needed.js";
import { type LoginSteps, pendingOf } from "./login-steps.js";

/** A set-up that waits for its first code. */
export interface TotpSetup extends Omit<TotpSetUp, "transaction"> {
  /**
   * Sends the first code of the user's TOTP application. Stores the session of a pending login like `login`.
   * @example const { recoveryCodes } = await setup.confirm("123456");
   */
  confirm(totp: string): Promise<TotpConfirmed>;
}

/** A confirmed authenticator app. */
export interface TotpConfirmed {
  /** The user must keep them. They are never shown again. */
  readonly recoveryCodes: readonly string[];
  /** The session of a pending login. */
  readonly session?: EnteredSession;
}

/** The authenticator app of the user who is signed in. */
export interface Totp {
  /**
   * Begins a set-up for the user who is signed in, or for the pending login of an error with `enroll`. `code` is the
   * mailed code that an error with `mail` needs.
   * @example const { secret, uri } = await client.totp.begin();
   */
  begin(pending?: FactorNeeded, proof?: { readonly code?: string | undefined }): Promise<TotpSetup>;
  /**
   * Rejects with `last_way_in` if the account must keep its second factor.
   * @example await client.totp.remove();
   */
  remove(): Promise<void>;
}

export function createTotp({ enter }: LoginSteps, call: ClientCall, send: Send): Totp {
  return {
    async begin(pending, proof) {
      const body = pending && { ...pendingOf(pending), code: proof?.code };
      const setup = await (body ? call("/totp", body) : send("POST", "/totp"));
      const { secret, uri, transaction } = setup as TotpSetUp;
      return {
        secret,
        uri,
        async confirm(totp) {
          const proof = { transaction, totp };
          if (pending) {
            const { session, recoveryCodes } = await enter("/totp/confirm", pending.login, proof);
            return { session, recoveryCodes };
          }
          const { recovery_codes } = (await send("POST", "/totp/confirm", proof)) as RecoveryCodes;
          return { recoveryCodes: recovery_codes };
        },
      };
    },
    async remove() {
      await send("DELETE", "/totp");
    },
  };
}
