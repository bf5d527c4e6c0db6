// The tokens of a login that the gate has granted, with the proof of its device.
import { createHash } from "node:crypto";
import type { Origin } from "../../audit/entry.js";
import { AmphoError, hasCode, ignoreRejection } from "../../errors.js";
import type { LoginTransaction, Spendable } from "../../factors/transactions.js";
import type { GrantOutcome, SessionRequest } from "../../store/sql/gate/session-grants.js";
import type { Spending } from "../../store/sql/rows/spent.js";
import { type Account, toAccount } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { requireAccount } from "../find/account.js";
import { proveUnlessOver } from "../find/errors.js";
import { supersededIds } from "./end-sessions.js";
import type { LoginContext } from "./gate-proof.js";

/** The row that uses a transaction up. It stays until no process accepts the transaction any more. */
export function spendingOf(
  { transactions, settings, throttle }: Deps,
  transaction: Spendable,
  idempotency: string | undefined,
): Spending {
  const hash = transactions.spentHash(transaction);
  const [counter] = throttle.countersOf(hash);
  return { hash, until: transaction.exp + settings.tokenLeeway, idempotency, counter };
}

/** Since the first factor another request can have changed the password, or disabled the user. */
export function storedOf(
  { stored }: Account,
  transaction: Pick<LoginTransaction, "passwordVersion"> | undefined,
): SessionRequest["stored"] {
  if (stored === undefined) return false;
  return { passwordVersion: transaction?.passwordVersion ?? stored.passwordVersion };
}

export const willRemember = ({ settings }: Deps, { remember }: LoginContext) =>
  remember === true && settings.remember > 0;

export async function issueGrant(
  deps: Deps,
  account: Account,
  granted: Extract<GrantOutcome, { readonly outcome: "granted" }>,
  context: LoginContext,
): Promise<Grant> {
  const { tokens, deviceProofs, settings } = deps;
  const { now, device } = context;
  const { session, versions, codesLeft, review } = granted;
  const user = granted.user === undefined ? account : toAccount(granted.user);
  const grant = await tokens.grant(session, user, { refresh: true, now });
  const remember =
    willRemember(deps, context) && session.amr.includes("mfa")
      ? { until: now + settings.remember, ...versions }
      : device?.remember;
  const deviceId = device?.deviceId ?? context.deviceId;
  return {
    ...grant,
    device: deviceProofs.issue(user, deviceId, now, remember),
    ...(review && { review }),
    ...(codesLeft !== undefined && { recovery_codes_left: codesLeft }),
  };
}

/**
 * Returns the grant again that this transaction bought, to the client that lost the response and sends its proof again.
 * An unknown account costs as much. `codes`: the hashes of recovery codes, which replace those of the lost response.
 */
export async function grantAgain(
  deps: Deps,
  account: Account | undefined,
  transaction: Pick<LoginTransaction, "jti"> & { readonly passwordVersion?: number | undefined },
  context: LoginContext,
  codes?: readonly string[],
): Promise<Grant | undefined> {
  const { idempotency, now } = context;
  if (idempotency === undefined) return undefined;
  const hash = deps.transactions.spentHash(transaction);
  const repeat = { hash, idempotency, now, origin: context.origin, accessTtlSeconds: deps.settings.tokenTtl };
  const superseded = supersededIds(deps, context.superseded, now);
  const userId = account?.id ?? "";
  const stored = account !== undefined && storedOf(account, transaction);
  const outcome = await deps.store.repeatGrant({ ...repeat, superseded, codes, userId, stored });
  if (account === undefined || outcome?.outcome !== "granted") return undefined;
  return issueGrant(deps, account, outcome, context);
}

type UnnamedRequest = Pick<LoginContext, "remember" | "superseded"> & { readonly device: string | undefined };

/** The same for a login whose request names no account: the session that it bought does. */
export async function grantAgainUnnamed(
  deps: Deps,
  transaction: Pick<LoginTransaction, "jti">,
  idempotency: string | undefined,
  { device, remember, superseded }: UnnamedRequest,
  origin: Origin,
): Promise<Grant | undefined> {
  if (idempotency === undefined) return undefined;
  const now = deps.clock.now();
  const hash = deps.transactions.spentHash(transaction);
  const repeat = { hash, idempotency, now, origin, accessTtlSeconds: deps.settings.tokenTtl };
  const ids = supersededIds(deps, superseded, now);
  const { anyUser: stored } = deps.directory;
  const outcome = await deps.store.repeatGrant({ ...repeat, superseded: ids, userId: undefined, stored });
  if (outcome?.outcome !== "granted") return undefined;
  const named = { user: outcome.user, userId: outcome.session.userId };
  const account = await proveUnlessOver(deps, transaction, () => requireAccount(deps, named, origin));
  const context = { origin, now, remember, superseded, device: deps.deviceProofs.readOf(account, device, now) };
  return issueGrant(deps, account, outcome, context);
}

/**
 * Returns what the same request has bought before, or else what `prove` resolves to. The client can have lost the first
 * response, or send the request twice at once.
 */
export async function repeatable<T>(again: () => Promise<T | undefined>, prove: () => Promise<T>): Promise<T> {
  const repeated = await again();
  if (repeated !== undefined) return repeated;
  try {
    return await prove();
  } catch (error) {
    // These ask for more, and have used the transaction up.
    if (!(error instanceof AmphoError) || hasCode(error, "factor_needed", "link_needed", "match_needed")) throw error;
    // The first request was still running when this one began.
    const first = await again().catch(ignoreRejection);
    if (first !== undefined) return first;
    throw error;
  }
}

/** For a renewal, whose token is its proof. */
export const digestOfKey = (idempotencyKey: string | undefined): string | undefined =>
  idempotencyKey === undefined ? undefined : hash(idempotencyKey);

/** With the proof: the key alone is no credential, and nothing stored helps to guess a code. Undefined without both. */
export function digestOfProof(
  idempotencyKey: string | undefined,
  proof: Readonly<Record<string, unknown>>,
): string | undefined {
  if (idempotencyKey === undefined || Object.values(proof).every((sent) => sent === undefined)) return undefined;
  return hash(JSON.stringify([idempotencyKey, proof]));
}

const hash = (text: string) => createHash("sha256").update(text).digest("base64url");
