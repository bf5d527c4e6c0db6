// Outside providers, as the flows use them. The types of adapters import this file, and must not need the package.
import type { RowLimit } from "../audit/row-limit.js";
import type { ProviderSettings } from "../config/provider-settings.js";
import type { OutsideSecrets } from "../factors/transactions.js";
import type { ClientSource } from "../outbound/places.js";

/** The response that the provider has sent to the callback (RFC 6749 §4.1.2, RFC 9207). */
export interface OutsideResponse {
  readonly code: string;
  readonly state: string;
  readonly iss?: string | undefined;
}

export interface Provider {
  readonly settings: ProviderSettings;
  /** The issuers of its identities: one, or one for each tenant. */
  readonly issuers: readonly string[];
  /** The URL at the provider, which asks again after a login older than `maxAge`. Rejects with ProviderFailure. */
  authorizationUrl(secrets: OutsideSecrets, maxAge: number | undefined): Promise<string>;
  /**
   * Redeems the code, and keeps no token. Rejects with OutsideRejection or ProviderFailure, and within the limits of
   * login-limits.ts with AmphoError `unavailable` or `transaction_over`.
   */
  identify(
    response: OutsideResponse,
    secrets: OutsideSecrets,
    source: ClientSource | undefined,
  ): Promise<OutsideIdentity>;
  /** Writes a line about a failure to the log, once for each cause until the provider works again. */
  report(failure: ProviderFailure): void;
  /** Limits the audit rows of rejected responses. */
  readonly isRecordable: RowLimit;
  close(): void;
}

/** A provider of one kind. */
export interface ProviderSteps extends Omit<Provider, "report" | "isRecordable" | "identify" | "authorizationUrl"> {
  authorizationUrl(secrets: OutsideSecrets, maxAge?: number): Promise<string>;
  identify(response: OutsideResponse, secrets: OutsideSecrets): Promise<OutsideIdentity>;
}

export interface Providers {
  /** In the order of the configuration. */
  readonly all: readonly Provider[];
  find(name: string): Provider | undefined;
  close(): void;
}

type OutsideRejectionReason =
  /** `state` or `iss` of the response is not that of this login (RFC 6749 §10.12, RFC 9207 §2.4). */
  | "response"
  /** The provider did not accept the code. */
  | "code"
  | "id_token"
  /** The provider named no user. */
  | "user";

export class OutsideRejection extends Error {
  override readonly name = "OutsideRejection";
  readonly reason: OutsideRejectionReason;

  constructor(reason: OutsideRejectionReason) {
    super(`the outside login was rejected: ${reason}`);
    this.reason = reason;
  }
}

/** The provider does not work, or not with this configuration. The message has no value of a response. */
export class ProviderFailure extends Error {
  override readonly name = "ProviderFailure";
}

// The result of a login at an outside provider. An identity is the issuer and the subject, compared exactly. An address
// can get another owner, so it never identifies a user (OpenID Connect Core §5.7).

export interface OutsideIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string;
  /** The provider reports that the user has proven the address. */
  readonly emailVerified: boolean;
  /** The provider speaks for this address: it hosts the mailbox, or the configuration believes it. */
  readonly speaksForEmail: boolean;
  /** The address is verified and of a domain for which the configuration calls the provider authoritative. */
  readonly ownsDomain: boolean;
  /** When the user has signed in at the provider, in Unix seconds, if it reports that. */
  readonly authTime?: number;
  /** The provider has checked a second factor of its own, and the configuration trusts it. */
  readonly hasSecondFactor: boolean;
}
