// Login transactions: a login or an enrolment that was begun and has no row. The client carries it, signed and opaque, and
// redeems it once. The store spends the hash of `jti` together with the effect, so the file keeps no state.
import { createHash, createHmac } from "node:crypto";
import { transactionTtlSeconds } from "../clock.js";
import { randomId } from "../crypto/random.js";
import { AmphoError, transactionOver } from "../errors.js";
import { loginTransaction, type Purpose, readJwt, type TransactionClaims } from "../tokens/jwt.js";
import type { Keyring, SecretUse } from "../tokens/keyring.js";

export type { Purpose } from "../tokens/jwt.js";

/** RFC 4226 §4 recommends 160 bits. */
const seedBytes = 20;

export interface LoginTransaction {
  readonly jti: string;
  readonly for: Purpose;
  readonly iat: number;
  readonly exp: number;
  /** As the client typed it, in its canonical form. */
  readonly login: string;
  /** The id of the user whose first factor was right. */
  readonly sub: string;
  /** The version of the user's password. A user of an application's own table has none. */
  readonly pwv?: number;
  /** The version of the user's factors. */
  readonly fv: number;
  /** The factors that were proven. */
  readonly amr: readonly string[];
  /** The known device on which the login began. */
  readonly did?: string;
  /** For a new passkey: the user handle of the account, and the use of the passkey. */
  readonly uh?: string;
  readonly use?: string;
  /** The session to which a step-up or an enrolment belongs. */
  readonly sid?: string;
  /** The key that signed the transaction. */
  readonly kid: string;
}

export type TransactionContents = Pick<LoginTransaction, "login" | "sub" | "fv" | "amr"> & {
  readonly pwv?: number | undefined;
  readonly did?: string | undefined;
  readonly sid?: string | undefined;
  readonly uh?: string | undefined;
  readonly use?: string | undefined;
};

/** The parts of a transaction that derive its secrets and redeem it. */
export type Redeemable = Pick<LoginTransaction, "jti" | "kid" | "exp">;

/** The set of revocations of `sessions/`, which rejects what began before a logout, a disabling or `session-end --all`. */
interface Revocations {
  find(claims: Pick<LoginTransaction, "login" | "sid" | "iat"> & { readonly sub?: string }): unknown;
}

export interface Transactions {
  /**
   * Signs a transaction. An enrolment passes `jti` and `exp` of its first transaction, so that both together are used
   * once and end after ten minutes. Throws `unavailable` while the signing key is revoked.
   */
  begin(
    purpose: Purpose,
    contents: TransactionContents,
    now: number,
    first?: { readonly jti: string; readonly exp: number },
  ): string;
  /** Signs a transaction of purpose `login`, before any user is known. */
  beginLogin(now: number): string;
  /** Throws `transaction_over` for everything that is wrong with it. */
  readLogin(token: string, now: number): Redeemable & Pick<LoginTransaction, "iat">;
  /** The same for the other purposes. */
  read(token: string, purposes: readonly Purpose[], now: number): LoginTransaction;
  /** Returns the name under which the store spends the transaction. The database reveals no `jti`. */
  spentHash(transaction: Pick<LoginTransaction, "jti">): string;
  /** Returns the seed of an authenticator during its set-up. It is derived, so nothing stores it before it is proven. */
  totpSeed(transaction: Pick<LoginTransaction, "jti" | "kid">): Buffer;
  /** Returns the challenge of a passkey (WebAuthn L3 §13.4.3). It is derived, so no row holds it. */
  passkeyChallenge(transaction: Pick<LoginTransaction, "jti" | "kid">): Buffer;
}

export function createTransactions(
  keyring: Pick<
    Keyring,
    "requireSigning" | "signTransaction" | "verifyTransaction" | "signChallenge" | "verifyChallenge" | "secretFor"
  >,
  revocations: Revocations,
): Transactions {
  // The key of the transaction and not the signing key: a rotation between the steps does not change the secret.
  function derive(use: SecretUse, { jti, kid }: Pick<LoginTransaction, "jti" | "kid">): Buffer {
    const secret = keyring.secretFor(use, kid);
    if (secret === undefined) throw transactionOver();
    return createHmac("sha256", secret).update(jti).digest();
  }

  return {
    begin(purpose, { login, sub, pwv, fv, amr, did, sid, uh, use }, now, first) {
      keyring.requireSigning();
      const { jti, exp } = first ?? { jti: randomId(), exp: now + transactionTtlSeconds };
      return keyring.signTransaction({
        jti,
        for: purpose,
        // Also of a second transaction the time at which the first one began. A revocation between them rejects both.
        iat: exp - transactionTtlSeconds,
        exp,
        ...{ login, sub, fv, amr },
        ...(pwv === undefined ? {} : { pwv }),
        ...(did === undefined ? {} : { did }),
        ...(sid === undefined ? {} : { sid }),
        ...(uh === undefined ? {} : { uh }),
        ...(use === undefined ? {} : { use }),
      });
    },
    beginLogin(now) {
      keyring.requireSigning();
      return keyring.signChallenge({ jti: randomId(), for: "login", iat: now, exp: now + transactionTtlSeconds });
    },
    readLogin(token, now) {
      const { claims, key } = orOver(() => keyring.verifyChallenge(token, now));
      const { jti, exp, iat } = claims;
      if (now >= exp || exp - iat > transactionTtlSeconds || revocations.find({ login: "", iat }) !== undefined)
        throw transactionOver();
      return { jti, exp, iat, kid: key.kid };
    },
    read(token, purposes, now) {
      const { claims, key } = orOver(() => keyring.verifyTransaction(token, now));
      // No leeway for `exp`: the store forgets a spent transaction some time after it.
      const expired = now >= claims.exp || claims.exp - claims.iat > transactionTtlSeconds;
      if (expired || !purposes.includes(claims.for) || revocations.find(claims) !== undefined) throw transactionOver();
      return toTransaction(claims, key.kid);
    },
    spentHash: ({ jti }) => createHash("sha256").update(jti).digest("base64url"),
    totpSeed: (transaction) => derive("totpSeed", transaction).subarray(0, seedBytes),
    passkeyChallenge: (transaction) => derive("passkeyChallenge", transaction),
  };
}

function orOver<T>(verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (error instanceof AmphoError) throw transactionOver();
    throw error;
  }
}

function toTransaction(claims: TransactionClaims, kid: string): LoginTransaction {
  const { jti, iat, exp, login, sub, pwv, fv, amr, did, sid, uh, use } = claims;
  return {
    ...{ jti, for: claims.for, iat, exp, login, sub, fv, amr, kid },
    ...(pwv === undefined ? {} : { pwv }),
    ...(did === undefined ? {} : { did }),
    ...(sid === undefined ? {} : { sid }),
    ...(uh === undefined ? {} : { uh }),
    ...(use === undefined ? {} : { use }),
  };
}

/** True if the claims of a transaction name the purpose `login`. It can still be forged or over. */
export function isLoginChallenge(token: string): boolean {
  return isTransaction(token) && readJwt(token).claims["for"] === "login";
}

/** True if the header of a token names it a transaction. It can still be forged or over. */
export function isTransaction(token: string | undefined): boolean {
  if (token === undefined) return false;
  try {
    return loginTransaction.types.has(String(readJwt(token).header["typ"]).toLowerCase());
  } catch (error) {
    if (error instanceof AmphoError) return false;
    throw error;
  }
}
