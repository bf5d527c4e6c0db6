// The way of a login, with its proof, as a client sends it. The HTTP edge builds it, and nothing after it guesses.
import type { Grant } from "../../wire/login.js";
import type { Flow } from "../deps.js";
import type { SupersededTokens } from "../gate/end-sessions.js";
import type { SentFactor } from "../prove/factor.js";
import type { SentResponse } from "../prove/identity.js";
import type { SentProof } from "../prove/mailbox.js";

interface Proofs {
  readonly password: {
    readonly login: string;
    /** Undefined is rejected as a wrong one. */
    readonly password: string | undefined;
    readonly factor: SentFactor | undefined;
    /** The transaction of `link_needed`, with the login that proves the account. */
    readonly linking: string | undefined;
    /** The token of a solved captcha. It has no effect unless the throttle would reject the attempt. */
    readonly captcha: string | undefined;
  };
  /** A passkey alone: AuthenticationResponseJSON. */
  readonly passkey: { readonly transaction: string; readonly passkey: unknown };
  readonly mail: { readonly proof: SentProof };
  /** The code that was mailed for `link_needed`. */
  readonly identityCode: { readonly transaction: string; readonly code: string };
  readonly outside: { readonly transaction: string; readonly response: SentResponse };
  /** The transaction of `factor_needed`. Without a factor, the response is the same again. */
  readonly second: { readonly transaction: string; readonly factor: SentFactor | undefined };
  /** Raises the session of the bearer token. Without a factor, the response names those of the account. */
  readonly stepUp: { readonly bearer: string; readonly factor: SentFactor | undefined };
}

type Sent<W extends keyof Proofs> = { readonly way: W } & Proofs[W];

export type SentLogin = { [W in keyof Proofs]: Sent<W> }[keyof Proofs];

/** The members of every way. */
export interface LoginRequest {
  /** The token of a live session of the same user, which is then re-authenticated or raised. */
  readonly bearer: string | undefined;
  /** The proof that this user has signed in on this device before. An invalid proof is ignored. */
  readonly device: string | undefined;
  /** This device is remembered after a second factor. */
  readonly remember: boolean | undefined;
  readonly idempotencyKey: string | undefined;
  /** The tokens that the client overwrites with the new ones. Their session ends if it is another. */
  readonly superseded: SupersededTokens | undefined;
}

export type Way<W extends keyof Proofs> = Flow<Grant, LoginRequest & { readonly sent: Sent<W> }>;
