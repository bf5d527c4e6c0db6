// The tokens in mailed links that begin nothing: the alarm of a notice, and an invitation. They are signed when the
// mail is sent and have no row of their own.
import { createHash } from "node:crypto";
import { AmphoError } from "../errors.js";
import { type MailTokenClaims, mailToken } from "../tokens/jwt.js";
import type { Keyring } from "../tokens/keyring.js";

export interface MailTokens {
  /**
   * `notice`: the number of the mail, which can be sent twice with the same link. Throws if the signing key is revoked.
   */
  alarm(userId: string, notice: string, now: number, exp: number): string;
  /**
   * The user, the number of the notice, and the name under which the store spends the link. Undefined for a token that
   * is not valid.
   */
  readAlarm(
    token: string,
    now: number,
  ): { readonly userId: string; readonly notice: number; readonly hash: string; readonly exp: number } | undefined;
  invitation(id: string, now: number, exp: number): string;
  /** The id of an invitation, which can be used or taken back by now. */
  readInvitation(token: string, now: number): string | undefined;
}

const alarmPrefix = "alarm ";

export function createMailTokens(keyring: Pick<Keyring, "requireSigning" | "sign" | "verify">): MailTokens {
  function sign(claims: MailTokenClaims): string {
    keyring.requireSigning();
    return keyring.sign(mailToken, claims);
  }

  function read(token: string, use: MailTokenClaims["for"], now: number): MailTokenClaims | undefined {
    try {
      const { claims } = keyring.verify(mailToken, token, now);
      return claims.for === use && now < claims.exp ? claims : undefined;
    } catch (error) {
      if (error instanceof AmphoError) return undefined;
      throw error;
    }
  }

  return {
    alarm: (sub, notice, iat, exp) => sign({ jti: `${alarmPrefix}${notice}`, for: "alarm", sub, iat, exp }),
    readAlarm(token, now) {
      const claims = read(token, "alarm", now);
      if (claims === undefined) return undefined;
      const { sub: userId, jti, exp } = claims;
      const notice = Number(jti.slice(alarmPrefix.length));
      return { userId, notice, hash: createHash("sha256").update(`${jti} ${userId}`).digest("base64url"), exp };
    },
    invitation: (sub, iat, exp) => sign({ jti: sub, for: "invite", sub, iat, exp }),
    readInvitation: (token, now) => read(token, "invite", now)?.sub,
  };
}
