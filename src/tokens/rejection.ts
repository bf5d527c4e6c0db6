// The reasons to reject a token, in words that contain nothing of the token. Over HTTP all of them are `invalid_token`.
import { AmphoError } from "../errors.js";

export const rejections = {
  tooLong: "The token is longer than 8 KiB.",
  form: "The token is neither three segments of base64url nor a complete API key of this server.",
  header: "The token's header is not a JSON object without repeated members, or a member has the wrong type.",
  extension: "The token's header asks for an extension (crit or b64).",
  unknownKey: "The token names a key that is not configured.",
  noKid: "The token does not name its key.",
  noKey: "The token names no key, and none is for its algorithm.",
  algorithm: "The token's algorithm is not the one of its key.",
  revokedSigningKey: "The key that signed the token was revoked.",
  signature: "The token's signature does not match.",
  type: "The token is of another type (typ).",
  payload: "The token's payload is not a JSON object without repeated members.",
  claim: "A claim of the token is missing or has the wrong type or range.",
  expired: "The token has expired.",
  notYet: "The token is not valid yet, or the clock of one of the machines is wrong.",
  issuedAhead: "The token was issued in the future, or the clock of one of the machines is wrong.",
  farAhead: "The token belongs to no session and expires too far ahead.",
  issuer: "The token is from another issuer.",
  audience: "The token is for another audience.",
  apiKeyAudience: "An API key has no audience, and this route takes only tokens for its resource.",
} as const;

export type RejectionReason = keyof typeof rejections;

/** An `invalid_token` that states which check failed, for callers that can act on it, such as fetch newer keys. */
export class TokenRejection extends AmphoError {
  readonly why: RejectionReason;

  constructor(why: RejectionReason) {
    super("invalid_token", rejections[why]);
    this.why = why;
  }
}

export const endedMessage = "The session has ended. Sign in again.";

/** A refresh token from before a re-authentication, in its first seconds. Another tab can have newer tokens. */
export class SupersededToken extends AmphoError {
  constructor() {
    super("session_ended", endedMessage);
  }
}

export function reject(why: RejectionReason): never {
  throw new TokenRejection(why);
}
