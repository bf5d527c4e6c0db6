// Why a login at an outside provider was rejected, in words for the audit log. The client learns none of them.

export type OutsideRejectionReason =
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

/** The provider does not work, or not with this configuration. The message is for the log and has no value of a response. */
export class ProviderFailure extends Error {
  override readonly name = "ProviderFailure";
}
