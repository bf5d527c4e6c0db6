import type { Origin } from "../../audit/entry.js";
import type { DeviceProof } from "../../factors/device-proofs.js";
import type { LoginTransaction, Spendable } from "../../factors/transactions.js";
import type { Acr } from "../../levels/acr.js";
import type { SessionRequest } from "../../store/sql/gate/session-grants.js";
import type { ProvenFactor } from "../prove/passkey.js";
import type { SupersededTokens } from "./end-sessions.js";

/** The proof with which a user comes to the gate. `attempt`: at the first factor. */
export interface GateProof
  extends Pick<SessionRequest, "attempt" | "provesEmail" | "identity" | "register" | "spend" | "way"> {
  /** The methods (RFC 8176), without that of `factor`. Empty for a step-up, which adds to those of the session. */
  readonly amr: readonly string[];
  readonly at: number;
  /** The same, where that was before this login or its transaction, as at a provider. 0 if it is unknown. */
  readonly authTime?: number | undefined;
  readonly factor?: ProvenFactor | undefined;
  /** The version of the account's factors before the proof. The login is rejected if it has changed. */
  readonly factorsVersion?: number | undefined;
  readonly transaction?: RedeemedTransaction | undefined;
  /** A pending login has set up its first second factor, which is proven by that. */
  readonly enrol?: { readonly factor: NonNullable<SessionRequest["enrol"]>; readonly method: string } | undefined;
  /** The user was created for this login, also by an application's own table. */
  readonly isNewUser?: true;
  /** The application vouches for the user, and the gate does not decide. */
  readonly acr?: Acr | undefined;
}

type RedeemedTransaction = Spendable & {
  readonly [K in "login" | "passwordVersion" | "factorsVersion" | "aut"]?: LoginTransaction[K] | undefined;
};

export interface LoginContext {
  readonly origin: Origin;
  readonly now: number;
  readonly superseded: SupersededTokens | undefined;
  /** The session that is raised. `only`: no other session is created instead, as for a step-up. */
  readonly live?: { readonly sessionId: string; readonly gen?: number | undefined; readonly only?: true } | undefined;
  readonly device?: DeviceProof | undefined;
  /** The id of that device, where its proof is not at hand. */
  readonly deviceId?: string | undefined;
  /** The login as the client typed it. A pending login holds it. */
  readonly typed?: string | undefined;
  readonly remember?: boolean | undefined;
  /** The digest of the idempotency key and the proof. */
  readonly idempotency?: string | undefined;
}
