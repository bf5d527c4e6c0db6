// Checks an assertion (WebAuthn L3 §7.2). The gate uses up its transaction, and the counter of the passkey.
import type { Origin } from "../../audit/entry.js";
import { syncedPasskey } from "../../audit/events.js";
import { transactionOver } from "../../errors.js";
import { offeredAlgorithms } from "../../factors/passkey/cose.js";
import { passkeyProviders } from "../../factors/passkey/passkey-providers.js";
import type { RelyingParty } from "../../factors/passkey/relying-party.js";
import { type VerifiedAssertion, verifyAssertion, verifyRegistration } from "../../factors/passkey/webauthn.js";
import { isCredentialId, WebAuthnError } from "../../factors/passkey/webauthn-response.js";
import type { LoginTransaction, Secretive, Spendable } from "../../factors/transactions.js";
import { passkeyMethod } from "../../levels/methods.js";
import type { PublicJwk } from "../../signing-keys/key.js";
import type { FoundPasskey, NewPasskeyRow } from "../../store/sql/factors/passkeys.js";
import type { FactorUse } from "../../store/sql/factors/rows.js";
import type { Attempt } from "../../throttle/attempt.js";
import { type Account, originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { isDead, proveUnlessOver, unknownPasskey, wrongCredentials } from "../find/errors.js";
import { cleanName } from "../find/name.js";

export interface ProvenFactor {
  /** For `amr`. With `mfa` for a passkey that is enough alone. */
  readonly methods: readonly string[];
  readonly use: FactorUse;
  readonly factorsVersion: number;
  /** Undefined for a passkey, which cannot be guessed. */
  readonly attempt?: Attempt;
}

export function requireParty({ relyingParty: party }: Pick<Deps, "relyingParty">): RelyingParty {
  // A way in that is switched off rejects every login.
  if (party === undefined) throw wrongCredentials();
  return party;
}

/** Rejects with `unknown_passkey` if no account has it. */
export async function findPasskeyOf({ store, directory }: Deps, response: unknown): Promise<FoundPasskey> {
  const id = typeof response === "object" && response !== null && "id" in response ? response.id : undefined;
  if (!isCredentialId(id)) throw wrongCredentials();
  const found = await store.findPasskey(id);
  // An import that is not published yet hides its users.
  const isHidden = await directory.fromRows(async () => found?.user === undefined);
  if (found === undefined || isHidden === true) throw unknownPasskey();
  return found;
}

/** A passkey of the account of a pending login or of a session, for the challenge of that transaction. */
export async function proveOwnPasskey(
  deps: Deps,
  account: Account,
  response: unknown,
  transaction: (Spendable & Pick<LoginTransaction, "factorsVersion">) | undefined,
  origin: Origin,
): Promise<ProvenFactor> {
  if (transaction === undefined) throw transactionOver();
  const { methods, ...proven } = await proveUnlessOver(deps, transaction, async () => {
    const found = await findUnchanged(deps, account, response, transaction);
    if (found.passkey.userId !== account.id) {
      await recordRejection(deps, account, "credential_id", origin);
      throw wrongCredentials();
    }
    const presented = { found, account, response, transaction, origin, isKnown: true };
    return judgeSignCount(deps, presented, await verifyPasskey(deps, presented));
  });
  // After a first factor, a passkey is the second one, whatever it verified.
  return { ...proven, methods: methods.filter((method) => method !== "mfa") };
}

/** Rejects with `transaction_over` if the factors have changed since the transaction was issued. */
async function findUnchanged(
  deps: Deps,
  { id }: Account,
  response: unknown,
  { factorsVersion }: Pick<LoginTransaction, "factorsVersion">,
) {
  const found = await findPasskeyOf(deps, response).catch(async (error: unknown) => {
    // The passkey can have been the factor that was removed.
    if ((await deps.store.listFactors(id)).factorsVersion !== factorsVersion) throw transactionOver();
    throw error;
  });
  if (found.passkey.userId === id && found.account.factorsVersion !== factorsVersion) throw transactionOver();
  return found;
}

interface Presented {
  readonly found: FoundPasskey;
  readonly account: Account;
  readonly response: unknown;
  readonly transaction: Spendable;
  readonly origin: Origin;
  /** The account was known before the ceremony. Otherwise the response must name its user handle. */
  readonly isKnown: boolean;
}

/** Rejects with `invalid_credentials`. The reason is in the audit log. */
export async function verifyPasskey(
  deps: Deps,
  { found, account, response, transaction, origin, isKnown }: Presented,
): Promise<VerifiedAssertion> {
  const party = requireParty(deps);
  const { id, alg, signCount, backupEligible, publicKey, ownHandle } = found.passkey;
  try {
    return verifyAssertion({
      response,
      challenge: deps.transactions.passkeyChallenge(transaction),
      origins: party.origins,
      rpId: party.id,
      credential: {
        // The row was written from a checked key.
        id,
        alg,
        signCount,
        backupEligible,
        publicKey: publicKey as unknown as PublicJwk,
        // An account without a handle has no passkey that needs it, so that an empty one rejects.
        userHandle: ownHandle === "" ? undefined : (ownHandle ?? found.account.handle ?? ""),
      },
      userHandleRequired: !isKnown,
    });
  } catch (error) {
    if (!(error instanceof WebAuthnError)) throw error;
    await recordRejection(deps, account, error.reason, origin);
    throw wrongCredentials();
  }
}

export async function judgeSignCount(
  deps: Deps,
  { found, account, origin, transaction }: Pick<Presented, "found" | "account" | "origin" | "transaction">,
  { userVerified, backedUp, signCount, counter }: VerifiedAssertion,
): Promise<ProvenFactor> {
  const { id, signCount: seenCount, backupEligible } = found.passkey;
  const { store, clock } = deps;
  if (counter === "behind") {
    // The same assertion was sent twice, which is no copy.
    if (await isDead(deps, transaction)) throw transactionOver();
    const { id: userId, login } = account;
    const reason = backupEligible ? syncedPasskey : undefined;
    const audit = { reason, userId, login, origin: originFor(account, origin), detail: { passkey: id } };
    await store.recordAudit({ at: clock.now(), event: "passkey_cloned", ...audit });
    // The counter of a synced passkey means nothing.
    if (!backupEligible) throw wrongCredentials();
  }
  const method = passkeyMethod(backupEligible);
  return {
    methods: userVerified ? [method, "mfa"] : [method],
    use: { factor: "passkey", id, seenCount, signCount, backedUp, userVerified },
    factorsVersion: found.account.factorsVersion,
  };
}

async function recordRejection({ store, clock }: Deps, { id: userId, login }: Account, reason: string, origin: Origin) {
  const audit = { reason: `passkey_${reason}`, userId, login, origin };
  await store.recordAudit({ at: clock.now(), event: "factor_refused", ...audit });
}

export async function verifyNewPasskey(
  { transactions }: Pick<Deps, "transactions">,
  party: RelyingParty,
  input: {
    readonly response: unknown;
    readonly name: string | undefined;
    readonly transaction: Secretive;
    readonly use: string | undefined;
  },
  record: (reason: string) => Promise<void>,
): Promise<NewPasskeyRow> {
  const { response, name, transaction, use } = input;
  try {
    const verified = verifyRegistration({
      response,
      challenge: transactions.passkeyChallenge(transaction),
      origins: party.origins,
      rpId: party.id,
      userVerification: use === "login" ? "required" : "discouraged",
      algorithms: offeredAlgorithms,
      upgrade: use === "upgrade",
    });
    return {
      ...verified,
      publicKey: { ...verified.publicKey },
      rp: party.id,
      discoverable: isResident(response),
      ownHandle: undefined,
      name: cleanName(name, passkeyProviders[verified.aaguid]),
    };
  } catch (error) {
    if (!(error instanceof WebAuthnError)) throw error;
    await record(error.reason);
    throw wrongCredentials();
  }
}

/** `credProps.rk` (WebAuthn L3 §10.1.3). It is not signed, so it decides nothing. */
function isResident(response: unknown): boolean | undefined {
  const results = memberOf(response, "clientExtensionResults");
  const resident = memberOf(memberOf(results, "credProps"), "rk");
  return typeof resident === "boolean" ? resident : undefined;
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
