// The tokens in mailed links that begin nothing: the alarm of a notice, and an invitation. They have no row.
import { createHash } from "node:crypto";
import { unlessRejected } from "../errors.js";
import { type MailTokenClaims, mailToken } from "../tokens/jwt.js";
import type { Keyring } from "../tokens/keyring.js";

export type MailTokens = ReturnType<typeof createMailTokens>;

const alarmPrefix = "alarm ";

/** The page of an alarm link names the change, which its reader must confirm. */
interface ReportedChange extends Pick<MailTokenClaims, "browser" | "login"> {
  /** The kind of the notice. */
  readonly change: string;
  /** `mailboxIdOf` the mailbox to which it is mailed. */
  readonly box: string;
}

/** Both kinds throw `unavailable` if the signing key is revoked. */
export function createMailTokens(keyring: Pick<Keyring, "requireSigning" | "sign" | "verify">) {
  function sign(claims: MailTokenClaims): string {
    keyring.requireSigning();
    return keyring.sign(mailToken, claims);
  }

  function read(token: string, use: MailTokenClaims["for"], now: number): MailTokenClaims | undefined {
    const claims = unlessRejected(() => keyring.verify(mailToken, token, now).claims);
    return claims?.for === use && now < claims.exp ? claims : undefined;
  }

  return {
    /** `notice`: the number of the mail, which can be sent twice with the same link. */
    alarm: (userId: string, notice: string, about: ReportedChange, iat: number, exp: number): string =>
      sign({ jti: `${alarmPrefix}${notice}`, for: "alarm", sub: userId, ...about, iat, exp }),
    /** `hash`: the name under which the store spends the link. Undefined for a token that is not valid. */
    readAlarm(token: string, now: number) {
      const claims = read(token, "alarm", now);
      if (claims === undefined) return undefined;
      const { sub: userId, jti, iat, exp, change, box: mailbox = "", login, browser } = claims;
      const hash = createHash("sha256").update(`${jti} ${userId}`).digest("base64url");
      return { userId, change, mailbox, login, browser, hash, iat, exp };
    },
    invitation: (id: string, iat: number, exp: number): string => sign({ jti: id, for: "invite", sub: id, iat, exp }),
    /** The id of an invitation, which can be used or taken back by now. */
    readInvitation: (token: string, now: number): string | undefined => read(token, "invite", now)?.sub,
  };
}
