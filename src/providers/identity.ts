// The result of a login at an outside provider. An identity is the issuer and the subject, compared exactly. An address can get
// another owner, so it never identifies a user (OpenID Connect Core §5.7).

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
  /** When the user has logged in at the provider, in Unix seconds, if it reports that. */
  readonly authTime?: number;
  /** The provider has checked a second factor of its own, and the configuration trusts it. */
  readonly hasSecondFactor: boolean;
}
