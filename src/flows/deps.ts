// The dependencies of the flows. compose/flow-deps.ts creates them once for each instance.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import type { DeviceProofs } from "../factors/device-proofs.js";
import type { MailTokens } from "../factors/mail-tokens.js";
import type { RelyingParty } from "../factors/passkey/relying-party.js";
import type { TotpSecrets } from "../factors/totp/totp.js";
import type { Transactions } from "../factors/transactions.js";
import type { Outbox } from "../mail/outbox.js";
import type { PasswordPolicy } from "../passwords/policy.js";
import type { PasswordPool } from "../passwords/pool.js";
import type { Providers } from "../providers/provider.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import type { SessionTokens } from "../sessions/session-tokens.js";
import type { Store } from "../store/store.js";
import type { Guesses } from "../throttle/guesses.js";
import type { Throttle } from "../throttle/throttle.js";
import type { Auth } from "../tokens/auth.js";
import type { Directory } from "../users/directory.js";
import type { Documents } from "./connect/documents.js";

export interface Deps {
  readonly store: Store;
  readonly directory: Directory;
  readonly passwords: PasswordPool;
  readonly policy: PasswordPolicy;
  /** A flow reads the tokens of sessions and no others. Guards read the rest. */
  readonly tokens: Omit<SessionTokens, "verifyAccess" | "verifyBearer">;
  readonly deviceProofs: DeviceProofs;
  readonly transactions: Transactions;
  readonly totpSecrets: TotpSecrets;
  readonly mailTokens: MailTokens;
  readonly relyingParty: RelyingParty | undefined;
  readonly outbox: Outbox | undefined;
  readonly providers: Providers;
  readonly throttle: Throttle;
  readonly guesses: Guesses;
  readonly offersCaptcha: boolean;
  readonly documents: Documents;
  readonly revocations: RevocationSet;
  readonly settings: Configuration;
  readonly clock: Clock;
}

/** The client of a request, as far as the host knows it. */
export interface Caller {
  /** The actor of what the request causes: always `user`. */
  readonly actor: "user";
  /** The client's IP address, after AMPHO_TRUST_PROXY. */
  readonly address: string | undefined;
  /** `User-Agent`, cut to 255 characters, without control characters. */
  readonly agent: string | undefined;
  /** The language of mails to the client, from `Accept-Language`. Undefined while no mails can be sent. */
  readonly language?: string | undefined;
}

/** A flow, by its result and its input. It rejects with AmphoError and knows no HTTP. */
export type Flow<R, I> = (deps: Deps, input: I, caller: Caller) => Promise<R>;

export interface Authenticated {
  readonly auth: Auth;
}

export type OwnFlow<R, I = unknown> = Flow<R, Authenticated & I>;
