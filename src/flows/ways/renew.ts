// Renewal (docs/reference/contract.md §4, POST /renew): a session moves one generation on.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import type { EndReason } from "../../store/sql/rows/session-rows.js";
import { isStorableText } from "../../store/storable-text.js";
import { endedMessage, SupersededToken } from "../../tokens/rejection.js";
import { type Account, toAccount } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps, Flow } from "../deps.js";
import { digestOfKey } from "../gate/grant.js";

const graceSeconds = 10;

const ended = () => new AmphoError("session_ended", endedMessage);
const failures: Readonly<Record<string, () => AmphoError>> = {
  reauthenticated: () => new SupersededToken(),
  too_late: () =>
    new AmphoError(
      "session_ended",
      "An access token no longer renews this session. Send the refresh_token, or sign in.",
    ),
};

export type RenewInput = (
  | { readonly refreshToken: string; readonly accessToken?: undefined }
  | { readonly accessToken: string; readonly refreshToken?: undefined }
) & { readonly idempotencyKey: string | undefined };

/**
 * Rejects with `invalid_token`, `credential_not_accepted`, `session_ended`, `invalid_request` (renewal by access token
 * is off) or `unavailable`.
 */
export const renew: Flow<Grant, RenewInput> = async (deps, input, origin) => {
  const { store, directory, tokens, settings, clock } = deps;
  tokens.requireSigningKey();
  const now = clock.now();
  const presented = readToken(deps, input, now);
  const renewal = {
    sessionId: presented.sid,
    gen: presented.gen,
    repeatsOnly: presented.isOver,
    now,
    accessTtlSeconds: settings.tokenTtl,
    idleSeconds: settings.sessionIdleTtl,
    graceSeconds,
    idempotency: digestOfKey(input.idempotencyKey),
    by: presented.by,
    refreshedWithin: presented.by === "access_token" ? settings.renewByToken : undefined,
    origin,
    rolePolicies: settings.factors,
  };
  const own = await directory.forTable(async () => ({ account: await askApplication(deps, presented.sid, origin) }));
  const outcome = await store.renewSession({ ...renewal, ownRoles: own && (own.account?.roles ?? []) });
  if (outcome.outcome === "ended") throw (failures[outcome.reason] ?? ended)();
  const user = outcome.user === undefined ? own?.account : toAccount(outcome.user);
  if (user === undefined) throw ended();
  return tokens.grant(outcome.session, user, { refresh: presented.by === "refresh_token", now });
};

function readToken({ tokens, settings }: Deps, input: RenewInput, now: number) {
  if (input.refreshToken !== undefined) {
    const { sid, gen, expires } = tokens.readRefresh(input.refreshToken, now);
    const isOver = expires <= now;
    // With its key, an attempt whose response was lost is repeated, however late.
    if (isOver && input.idempotencyKey === undefined) throw ended();
    return { sid, gen, isOver, by: "refresh_token" as const };
  }
  if (settings.renewByToken === 0) throw invalidRequest("Renewal by access token is off. Send the refresh_token.");
  // The revocations are not checked here. The database rejects an ended session, and a removed role does not matter.
  const { sid, gen } = tokens.verifySession(input.accessToken, now);
  if (gen === undefined || !isStorableText(sid)) throw ended();
  return { sid, gen, isOver: false, by: "access_token" as const };
}

/** A renewal reads the user again. An application's own table is read before the session moves. */
async function askApplication({ store, directory, clock }: Deps, sessionId: string, origin: Origin) {
  const found = await store.findSession({ id: sessionId, now: clock.now() });
  if (found === undefined) return undefined; // renewSession finds the reason and records it.
  const { session } = found;
  const account = await directory.findSessionUser(session);
  const reason = reasonToEnd(account, session.userId);
  if (reason === undefined) return account;
  await store.endSession({ id: session.id, userId: session.userId, reason, now: clock.now(), origin });
  throw ended();
}

function reasonToEnd(account: Account | undefined, userId: string): EndReason | undefined {
  if (account === undefined) return "user_deleted";
  if (account.disabled) return "user_disabled";
  return account.id === userId ? undefined : "user_changed";
}
