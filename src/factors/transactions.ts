// Login transactions: a login or an enrolment that was begun and has no row. The client carries it, signed and opaque,
// and redeems it once. The store spends the hash of `jti` together with the effect, so the file keeps no state.
// `tokens/jwt.ts` has the members.
import { createHash, createHmac } from "node:crypto";
import { recoveryDelaySeconds, transactionTtlSeconds } from "../clock.js";
import { randomId } from "../crypto/random.js";
import { AmphoError, transactionOver } from "../errors.js";
import {
  linkTransaction,
  loginTransaction,
  type OpenClaims,
  type OpenPurpose,
  openTransaction,
  type Purpose,
  peekJwt,
  type TransactionClaims,
} from "../tokens/jwt.js";
import type { Keyring, SecretUse } from "../tokens/keyring.js";

export type { OpenPurpose, Purpose, Recovery } from "../tokens/jwt.js";

/** The members that not every transaction has. */
const loginMembers = ["pwv", "did", "sid", "uh", "use", "email", "prv", "ret", "idn", "aut"] as const;
const openMembers = ["login", "email", "uh", "inv", "recovery", "prv", "ret", "idn", "max", "aut"] as const;

/** RFC 4226 §4 recommends 160 bits. */
const seedBytes = 20;

/** The parts of a transaction that derive its secrets and redeem it. */
export interface Spendable {
  readonly jti: string;
  readonly exp: number;
  /** The key that signed the transaction. */
  readonly kid: string;
}

/** A transaction of a user whose first factor was right, or of a session. */
export interface LoginTransaction extends Spendable, TransactionContents {
  readonly for: Purpose;
  readonly iat: number;
}

export type TransactionContents = Pick<TransactionClaims, "login" | "sub" | "fv" | "amr"> &
  Members<TransactionClaims, (typeof loginMembers)[number]>;

/** A transaction whose user is not known yet. */
export interface OpenTransaction extends Spendable, OpenContents {
  readonly for: OpenPurpose;
  readonly iat: number;
}

export type OpenContents = Members<OpenClaims, (typeof openMembers)[number]>;

type Members<C, Name extends keyof C> = { readonly [K in Name]?: C[K] | undefined };

/** The facts on which a mailed code and link depend. If one of them changes, both are void. */
export interface MailBinding {
  readonly purpose: string;
  /** Canonical. */
  readonly address: string;
  readonly userId?: string | undefined;
  readonly passwordVersion?: number | undefined;
  readonly factorsVersion?: number | undefined;
}

/** In base64url, as RFC 7636 §4.1 wants the verifier of PKCE. */
export interface OutsideSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/**
 * The set of revocations of `sessions/`, which rejects what began before a logout, a disabling or `session-end --all`.
 */
interface Revocations {
  find(claims: {
    readonly login: string;
    readonly iat: number;
    readonly sub?: string | undefined;
    readonly sid?: string | undefined;
  }): unknown;
}

export interface Reserved extends Spendable {
  readonly iat: number;
}

export interface Transactions {
  /**
   * Signs a transaction. An enrolment passes its first transaction, so that both together are used once and end after
   * ten minutes. Throws `unavailable` while the signing key is revoked.
   */
  begin(purpose: Purpose, contents: TransactionContents, now: number, first?: Omit<Reserved, "kid">): string;
  /** Chooses what identifies a transaction that `begin` signs later. */
  reserve(begun: number, ttlSeconds?: number): Reserved;
  /**
   * Signs a transaction before any user is known. It contains only what the client sent. Revocations are not looked at,
   * because the response must be the same for a user who was disabled in this second and for an unknown login.
   */
  beginOpen(
    purpose: OpenPurpose,
    contents: OpenContents,
    now: number,
    ttlSeconds?: number,
  ): { readonly token: string; readonly begun: OpenTransaction };
  /** Throws `transaction_over` for everything that is wrong with it. */
  readOpen(token: string, purposes: readonly OpenPurpose[], now: number): OpenTransaction;
  /**
   * Signs an open transaction again, for a browser that has proven the mailbox. Undefined if its key cannot sign any
   * more.
   */
  signAgain(transaction: OpenTransaction): string | undefined;
  /**
   * The same for a mailed link. Only `readLink` accepts it, because a reader of the mail must not hold the transaction
   * of the browser that asked for it.
   */
  signLink(transaction: OpenTransaction): string | undefined;
  /** Throws like `readOpen`. */
  readLink(token: string, purposes: readonly OpenPurpose[], now: number): OpenTransaction;
  /** The same for the other purposes. */
  read(token: string, purposes: readonly Purpose[], now: number): LoginTransaction;
  /** Returns the name under which the store spends the transaction. The database reveals no `jti`. */
  spentHash(transaction: Pick<LoginTransaction, "jti">): string;
  /**
   * Returns the seed of an authenticator during its set-up. It is derived, so nothing stores it before it is proven.
   */
  totpSeed(transaction: Pick<LoginTransaction, "jti" | "kid">): Buffer;
  /** Returns the challenge of a passkey (WebAuthn L3 §13.4.3). It is derived, so no row holds it. */
  passkeyChallenge(transaction: Pick<LoginTransaction, "jti" | "kid">): Buffer;
  /** Returns the secrets of a login at an outside provider (RFC 9700 §2.1). They are derived, so no row holds them. */
  outsideSecrets(transaction: Pick<Spendable, "jti" | "kid">): OutsideSecrets;
  /** Returns the eight digits that are mailed. */
  mailedCode(transaction: Pick<Spendable, "jti" | "kid">, binding: MailBinding): string;
  /** Returns the part of a mailed link that the asking browser does not know. */
  linkProof(transaction: Pick<Spendable, "jti" | "kid">, binding: MailBinding): string;
  /** Returns the two digits that only the asking browser shows. */
  match(transaction: Pick<Spendable, "jti" | "kid">): string;
}

export function createTransactions(
  keyring: Pick<Keyring, "requireSigning" | "signingKid" | "sign" | "signUnder" | "verify" | "secretFor">,
  revocations: Revocations,
): Transactions {
  // The key of the transaction and not the signing key: a rotation between the steps does not change the secret.
  function derive(use: SecretUse, { jti, kid }: Pick<Spendable, "jti" | "kid">, binding?: MailBinding): Buffer {
    const secret = keyring.secretFor(use, kid);
    if (secret === undefined) throw transactionOver();
    return createHmac("sha256", secret)
      .update(binding === undefined ? jti : textOf(jti, binding))
      .digest();
  }

  /** No leeway for `exp`: the store forgets a spent transaction some time after it. */
  function requireOpen(isWanted: boolean, claims: { readonly iat: number; readonly exp: number }, now: number): void {
    const { iat, exp } = claims;
    if (!isWanted || now >= exp || exp - iat > transactionTtlSeconds) throw transactionOver();
  }

  function readAs(
    kind: typeof openTransaction,
    token: string,
    purposes: readonly OpenPurpose[],
    now: number,
  ): OpenTransaction {
    const { claims, key } = orOver(() => keyring.verify(kind, token, now));
    requireOpen(purposes.includes(claims.for), claims, now);
    const { jti, iat, exp, login = "", recovery } = claims;
    // A recovery without the factors was begun before it works. A revocation of the time between rejects it too.
    const begunAt = recovery === "without_factors" ? iat - recoveryDelaySeconds : iat;
    if (revocations.find({ login, iat: begunAt }) !== undefined) throw transactionOver();
    return { jti, iat, exp, for: claims.for, kid: key.kid, ...optional(claims, openMembers) };
  }

  const toClaims = ({ jti, for: purpose, iat, exp, ...contents }: OpenTransaction) => ({
    jti,
    for: purpose,
    iat,
    exp,
    ...optional(contents, openMembers),
  });

  return {
    begin(purpose, contents, now, first) {
      keyring.requireSigning();
      // A second transaction keeps the start time of the first. A revocation between them rejects both.
      const { jti, iat, exp } = first ?? { jti: randomId(), iat: now, exp: now + transactionTtlSeconds };
      const { login, sub, fv, amr } = contents;
      const members = optional(contents, loginMembers);
      return keyring.sign(loginTransaction, { jti, for: purpose, iat, exp, login, sub, fv, amr, ...members });
    },
    reserve: (iat, ttlSeconds = transactionTtlSeconds) => ({
      jti: randomId(),
      iat,
      exp: iat + ttlSeconds,
      kid: keyring.signingKid(),
    }),
    beginOpen(purpose, contents, now, ttlSeconds = transactionTtlSeconds) {
      keyring.requireSigning();
      const members = optional(contents, openMembers);
      const claims = { jti: randomId(), for: purpose, iat: now, exp: now + ttlSeconds, ...members };
      return { token: keyring.sign(openTransaction, claims), begun: { ...claims, kid: keyring.signingKid() } };
    },
    readOpen: (token, purposes, now) => readAs(openTransaction, token, purposes, now),
    readLink: (token, purposes, now) => readAs(linkTransaction, token, purposes, now),
    signAgain: (transaction) => keyring.signUnder(transaction.kid, openTransaction, toClaims(transaction)),
    signLink: (transaction) => keyring.signUnder(transaction.kid, linkTransaction, toClaims(transaction)),
    read(token, purposes, now) {
      const { claims, key } = orOver(() => keyring.verify(loginTransaction, token, now));
      requireOpen(purposes.includes(claims.for), claims, now);
      if (revocations.find(claims) !== undefined) throw transactionOver();
      const { jti, iat, exp, login, sub, fv, amr } = claims;
      const members = optional(claims, loginMembers);
      return { jti, iat, exp, for: claims.for, login, sub, fv, amr, kid: key.kid, ...members };
    },
    spentHash: ({ jti }) => createHash("sha256").update(jti).digest("base64url"),
    totpSeed: (transaction) => derive("totpSeed", transaction).subarray(0, seedBytes),
    passkeyChallenge: (transaction) => derive("passkeyChallenge", transaction),
    outsideSecrets: (transaction) => ({
      state: derive("outsideState", transaction).toString("base64url"),
      nonce: derive("outsideNonce", transaction).toString("base64url"),
      verifier: derive("outsideVerifier", transaction).toString("base64url"),
    }),
    // 64 bits make every code as likely as every other, to one part in 10^11.
    mailedCode: (transaction, binding) => digitsOf(derive("mailedCode", transaction, binding), 8),
    linkProof: (transaction, binding) => derive("mailedLink", transaction, binding).toString("base64url"),
    match: (transaction) => digitsOf(derive("match", transaction), 2),
  };
}

function digitsOf(bytes: Buffer, digits: number): string {
  return String(bytes.readBigUInt64BE() % 10n ** BigInt(digits)).padStart(digits, "0");
}

/** JSON keeps the parts apart, whatever they contain. */
function textOf(jti: string, { purpose, address, userId, passwordVersion, factorsVersion }: MailBinding): string {
  return JSON.stringify([jti, purpose, address, userId ?? null, passwordVersion ?? null, factorsVersion ?? null]);
}

/** The members that are there. */
function optional<T extends object, const K extends keyof T>(from: T, names: readonly K[]): Defined<Pick<T, K>> {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as Defined<Pick<T, K>>;
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function orOver<T>(verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (error instanceof AmphoError) throw transactionOver();
    throw error;
  }
}

/** True if the claims of a transaction name this purpose. It can still be forged or over. */
export function isTransactionFor(token: string | undefined, purpose: OpenPurpose | Purpose): token is string {
  return token !== undefined && readTransaction(token)?.claims["for"] === purpose;
}

/** True if the header of a token names it a transaction. It can still be forged or over. */
export function isTransaction(token: string | undefined): boolean {
  return token !== undefined && readTransaction(token) !== undefined;
}

function readTransaction(token: string): ReturnType<typeof peekJwt> {
  const jwt = peekJwt(token);
  return String(jwt?.header["typ"]).toLowerCase() === loginTransaction.typ ? jwt : undefined;
}
