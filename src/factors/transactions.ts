// Login transactions: a login or an enrolment that was begun and has no row. The client carries it, signed and opaque,
// and redeems it once. The store spends the hash of `jti` together with the effect, so the file keeps no state.
// `tokens/jwt.ts` has the members.
import { createHash, createHmac } from "node:crypto";
import { recoveryDelaySeconds, transactionTtlSeconds } from "../clock.js";
import { randomId } from "../crypto/random.js";
import { transactionOver, unlessRejected } from "../errors.js";
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

const loginMembers = ["did", "sid", "uh", "use", "email", "prv", "ret", "idn", "aut"] as const;
const openMembers = ["login", "email", "uh", "inv", "recovery", "prv", "ret", "idn", "max", "aut"] as const;

/** RFC 4226 §4 recommends 160 bits. */
const seedBytes = 20;

/** The parts of a transaction that derive its secrets and redeem it. */
export interface Spendable {
  readonly jti: string;
  readonly exp: number;
  readonly kid: string;
}

export interface OpenTransaction extends Reserved, OpenContents {
  readonly for: OpenPurpose;
}

/** A transaction of a user whose first factor was right, or of a session. */
export interface LoginTransaction extends Reserved, TransactionContents {
  readonly for: Purpose;
}

export type TransactionContents = Pick<TransactionClaims, "login" | "sub" | "amr"> &
  Members<TransactionClaims, (typeof loginMembers)[number]> & {
    /** The version of the user's password. A user of an application's own table has none. */
    readonly passwordVersion?: number | undefined;
    readonly factorsVersion: number;
  };

export type OpenContents = Members<OpenClaims, (typeof openMembers)[number]>;

type Members<C, Name extends keyof C> = { readonly [K in Name]?: C[K] | undefined };

/** The facts on which a mailed code and link depend. If one of them changes, both are void. */
export interface MailBinding {
  readonly purpose: string;
  readonly address: string;
  readonly userId?: string | undefined;
  readonly passwordVersion?: number | undefined;
  readonly factorsVersion?: number | undefined;
}

/** The set of revocations, which rejects what began before a logout, a disabling or `session-end --all`. */
interface Revocations {
  find(claims: Pick<LoginTransaction, "login" | "iat"> & Partial<Pick<LoginTransaction, "sub" | "sid">>): unknown;
}

export type OutsideSecrets = Readonly<Record<"state" | "nonce" | "verifier", string>>;

export interface Reserved extends Spendable {
  readonly iat: number;
}

/** The parts that derive the secrets of a transaction, so that no row holds them. */
export type Secretive = Pick<Spendable, "jti" | "kid">;

export type Transactions = ReturnType<typeof createTransactions>;

export function createTransactions(
  keyring: Pick<Keyring, "requireSigning" | "signingKid" | "sign" | "signUnder" | "verify" | "secretFor">,
  revocations: Revocations,
) {
  // The key of the transaction and not the signing key: a rotation between the steps does not change the secret.
  function derive(use: SecretUse, { jti, kid }: Secretive, binding?: MailBinding): Buffer {
    const secret = keyring.secretFor(use, kid);
    if (secret === undefined) throw transactionOver();
    const text = binding === undefined ? jti : textOf(jti, binding);
    return createHmac("sha256", secret).update(text).digest();
  }

  /** No leeway for `exp`: the store forgets a spent transaction some time after it. */
  function requireOpen(isWanted: boolean, { iat, exp }: Omit<Reserved, "jti" | "kid">, now: number): void {
    if (!isWanted || now >= exp || exp - iat > transactionTtlSeconds) throw transactionOver();
  }

  /** Throws `transaction_over` for everything that is wrong with it. */
  function readAs(kind: typeof openTransaction, token: string, purposes: readonly OpenPurpose[], now: number) {
    const { claims, key } = orOver(() => keyring.verify(kind, token, now));
    requireOpen(purposes.includes(claims.for), claims, now);
    const { jti, iat, exp, login = "", recovery } = claims;
    // A recovery without the factors was begun before it works. A revocation of the time between rejects it too.
    const begunAt = recovery === "without_factors" ? iat - recoveryDelaySeconds : iat;
    if (revocations.find({ login, iat: begunAt }) !== undefined) throw transactionOver();
    const read: OpenTransaction = { jti, iat, exp, for: claims.for, kid: key.kid, ...optional(claims, openMembers) };
    return read;
  }

  const toClaims = ({ jti, for: purpose, iat, exp, ...contents }: OpenTransaction) => {
    return { jti, for: purpose, iat, exp, ...optional(contents, openMembers) };
  };

  return {
    /**
     * Signs a transaction. An enrolment passes its first transaction, so that both together are used once and end after
     * ten minutes. Throws `unavailable` while the signing key is revoked.
     */
    begin(purpose: Purpose, contents: TransactionContents, now: number, first?: Omit<Reserved, "kid">): string {
      keyring.requireSigning();
      // A second transaction keeps the start time of the first. A revocation between them rejects both.
      const { jti, iat, exp } = first ?? { jti: randomId(), iat: now, exp: now + transactionTtlSeconds };
      const { login, sub, passwordVersion: pwv, factorsVersion: fv, amr } = contents;
      const members = { ...(pwv !== undefined && { pwv }), ...optional(contents, loginMembers) };
      return keyring.sign(loginTransaction, { jti, for: purpose, iat, exp, login, sub, fv, amr, ...members });
    },
    /** Chooses what identifies a transaction that `begin` signs later. */
    reserve: (iat: number, ttlSeconds = transactionTtlSeconds): Reserved => ({
      jti: randomId(),
      iat,
      exp: iat + ttlSeconds,
      kid: keyring.signingKid(),
    }),
    /**
     * Signs a transaction before any user is known. It contains only what the client sent. Revocations are not looked
     * at, because the response must be the same for a user who was disabled in this second and for an unknown login.
     */
    beginOpen(purpose: OpenPurpose, contents: OpenContents, now: number) {
      keyring.requireSigning();
      const members = optional(contents, openMembers);
      const claims = { jti: randomId(), for: purpose, iat: now, exp: now + transactionTtlSeconds, ...members };
      const begun: OpenTransaction = { ...claims, kid: keyring.signingKid() };
      return { token: keyring.sign(openTransaction, claims), begun };
    },
    readOpen: (token: string, purposes: readonly OpenPurpose[], now: number) =>
      readAs(openTransaction, token, purposes, now),
    /** Signs it again, for a browser that has proven the mailbox. Undefined if its key cannot sign any more. */
    signAgain: (transaction: OpenTransaction) =>
      keyring.signUnder(transaction.kid, openTransaction, toClaims(transaction)),
    /** The same for a mailed link. Only `readLink` accepts it: its reader must not hold the browser's transaction. */
    signLink: (transaction: OpenTransaction) =>
      keyring.signUnder(transaction.kid, linkTransaction, toClaims(transaction)),
    readLink: (token: string, purposes: readonly OpenPurpose[], now: number) =>
      readAs(linkTransaction, token, purposes, now),
    /** Throws like `readOpen`. */
    read(token: string, purposes: readonly Purpose[], now: number): LoginTransaction {
      const { claims, key } = orOver(() => keyring.verify(loginTransaction, token, now));
      requireOpen(purposes.includes(claims.for), claims, now);
      if (revocations.find(claims) !== undefined) throw transactionOver();
      const { jti, iat, exp, login, sub, pwv: passwordVersion, fv: factorsVersion, amr } = claims;
      const read = { jti, iat, exp, for: claims.for, login, sub, passwordVersion, factorsVersion, amr, kid: key.kid };
      return { ...read, ...optional(claims, loginMembers) };
    },
    /** The name under which the store spends the transaction. The database reveals no `jti`. */
    spentHash: ({ jti }: Pick<Spendable, "jti">) => createHash("sha256").update(jti).digest("base64url"),
    totpSeed: (transaction: Secretive): Buffer => derive("totpSeed", transaction).subarray(0, seedBytes),
    /** The challenge of a passkey (WebAuthn L3 §13.4.3). */
    passkeyChallenge: (transaction: Secretive): Buffer => derive("passkeyChallenge", transaction),
    /** The secrets of a login at an outside provider (RFC 9700 §2.1), as RFC 7636 §4.1 wants the verifier of PKCE. */
    outsideSecrets: (transaction: Secretive): OutsideSecrets => ({
      state: derive("outsideState", transaction).toString("base64url"),
      nonce: derive("outsideNonce", transaction).toString("base64url"),
      verifier: derive("outsideVerifier", transaction).toString("base64url"),
    }),
    // 64 bits make every code as likely as every other, to one part in 10^11.
    mailedCode: (transaction: Secretive, binding: MailBinding) =>
      digitsOf(derive("mailedCode", transaction, binding), 8),
    /** The part of a mailed link that the asking browser does not know. */
    linkProof: (transaction: Secretive, binding: MailBinding) =>
      derive("mailedLink", transaction, binding).toString("base64url"),
    match: (transaction: Secretive) => digitsOf(derive("match", transaction), 2),
  };
}

const digitsOf = (bytes: Buffer, digits: number): string =>
  String(bytes.readBigUInt64BE() % 10n ** BigInt(digits)).padStart(digits, "0");

/** JSON keeps the parts apart, whatever they contain. */
const textOf = (jti: string, { purpose, address, userId, passwordVersion, factorsVersion }: MailBinding): string =>
  JSON.stringify([jti, purpose, address, userId ?? null, passwordVersion ?? null, factorsVersion ?? null]);

const optional = <T extends object, const K extends keyof T>(from: T, names: readonly K[]) =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as Defined<
    T,
    K
  >;

type Defined<T, K extends keyof T> = { readonly [N in K]?: Exclude<T[N], undefined> };

function orOver<T>(verify: () => T): T {
  const verified = unlessRejected(verify);
  if (verified === undefined) throw transactionOver();
  return verified;
}

/** True if the claims of a transaction name this purpose. It can still be forged or over. */
export const isTransactionFor = (token: string | undefined, purpose: OpenPurpose | Purpose): token is string =>
  token !== undefined && readTransaction(token)?.claims["for"] === purpose;

/** True if the header of a token names it a transaction. It can still be forged or over. */
export const isTransaction = (token: string | undefined): boolean =>
  token !== undefined && readTransaction(token) !== undefined;

function readTransaction(token: string): ReturnType<typeof peekJwt> {
  const jwt = peekJwt(token);
  return String(jwt?.header["typ"]).toLowerCase() === loginTransaction.typ ? jwt : undefined;
}
