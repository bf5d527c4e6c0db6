// A login by passkey alone (docs/guides/passkeys.md). The challenge comes from a transaction that any page can begin, and the passkey
// names its account.

import type { Origin } from "../audit/entry.js";
import { AmphoError, transactionOver } from "../errors.js";
import { requestOptions } from "../factors/passkey-options.js";
import type { Grant } from "../sessions/session-tokens.js";
import type { FoundPasskey } from "../store/sql/passkeys.js";
import { type Account, toAccount } from "../users/directory.js";
import { accountById } from "./create-session.js";
import type { Caller, Deps } from "./deps.js";
import { type Entrance, enter, repeat } from "./enter.js";
import { wrongCredentials } from "./login-errors.js";
import { findPasskeyOf, judgeSignCount, requireParty, verifyPasskey } from "./prove-passkey.js";
import { sessionIdOf } from "./second-step.js";

export interface WaysIn {
  readonly ways: {
    readonly password: boolean;
    readonly passkey: boolean;
    readonly mail: boolean;
    readonly providers: readonly { readonly name: string; readonly label: string }[];
    readonly registration: "closed" | "invite" | "open";
  };
  /** For a login by passkey. Null while passkeys are not offered. */
  readonly transaction: string | null;
  readonly passkey: Readonly<Record<string, unknown>> | null;
  /** When a login asks for a captcha. Null: never. */
  readonly captcha: { readonly when: "throttled" } | null;
}

/** The same for every caller, without a query and without a row. */
export async function readWays(
  deps: Pick<Deps, "relyingParty" | "transactions" | "clock" | "outbox" | "offersCaptcha" | "settings" | "providers">,
): Promise<WaysIn> {
  const { relyingParty: party, transactions, clock, outbox, settings, providers } = deps;
  const captcha = deps.offersCaptcha ? { when: settings.captchaWhen } : null;
  const ways = {
    password: true,
    passkey: party !== undefined,
    mail: outbox !== undefined && settings.mailLogin,
    providers: providers.all.map(({ settings: { name, label } }) => ({ name, label })),
    registration: outbox === undefined ? "closed" : settings.registration,
  } as const;
  if (party === undefined) return { ways, transaction: null, passkey: null, captcha };
  const now = clock.now();
  const { token, begun } = transactions.beginOpen("login", {}, now);
  const challenge = transactions.passkeyChallenge(begun);
  return { ways, transaction: token, passkey: requestOptions(party, challenge), captcha };
}

export interface PasskeyLoginInput {
  readonly transaction: string;
  readonly passkey: unknown;
  readonly device: string | undefined;
  readonly bearer: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Rejects with `unknown_passkey`, `invalid_credentials`, `factor_needed` or `transaction_over`. */
export async function logInByPasskey(deps: Deps, input: PasskeyLoginInput, caller: Caller): Promise<Grant> {
  const { transactions, deviceProofs, store, clock } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const transaction = transactions.readOpen(input.transaction, ["login"], clock.now());
  requireParty(deps);
  const found = await findPasskeyOf(deps, input.passkey);
  const account = await accountOfPasskey(deps, found);
  if (account === undefined || account.disabled) {
    const about = { userId: found.passkey.userId, login: account?.login, origin };
    const reason = account === undefined ? "unknown" : "disabled";
    await store.recordAudit({ at: clock.now(), event: "login_rejected", reason, ...about });
    throw wrongCredentials();
  }
  // An assertion that an attacker has kept is void when the user is disabled, or gets a new password, meanwhile.
  const { id: sub, login } = account;
  if (deps.revocations.find({ login, sub, iat: transaction.iat }) !== undefined) throw transactionOver();
  const presented = { found, account, transaction, origin, response: input.passkey, isKnown: false };
  const verified = await verifyPasskey(deps, presented);
  const now = clock.now();
  const device = deviceProofs.readOf(account, input.device, now);
  const sessionId = sessionIdOf(deps, input.bearer, account.id);
  const live = sessionId === undefined ? undefined : { sessionId };
  const { idempotencyKey } = input;
  const entrance: Entrance = { origin, now, device, live, idempotencyKey };
  // After a lost response the same assertion comes again. Its counter is that of the row then, which shows no copy.
  const repeated = verified.counter === "behind" ? await repeat(deps, account, transaction, entrance) : undefined;
  if (repeated !== undefined) return repeated;
  const factor = await judgeSignCount(deps, presented, verified);
  return enter(deps, account, { amr: [], at: now, factor, transaction }, entrance);
}

/** Undefined if the user was deleted, or if the application's own table does not find the user. */
async function accountOfPasskey(deps: Deps, { user, passkey }: FoundPasskey): Promise<Account | undefined> {
  if (user !== undefined) return toAccount(user);
  try {
    return await accountById(deps, passkey.userId);
  } catch (error) {
    if (error instanceof AmphoError && error.code === "not_found") return undefined;
    throw error;
  }
}
