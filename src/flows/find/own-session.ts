// The session that makes a change. Its older tokens end, because a thief can have copies.
import type { TransactionContents } from "../../factors/transactions.js";
import { canonicalLogin } from "../../logins/login-name.js";
import type { OwnSession } from "../../store/sql/effects/changes.js";
import type { Session } from "../../store/sql/rows/session-rows.js";
import type { TokenSession } from "../../store/sql/rows/sessions.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Auth } from "../../tokens/auth.js";
import { notAccepted } from "../../tokens/credential.js";
import type { Account } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { endedSession } from "./account.js";

/** Throws `unavailable` while no key can sign the new tokens, so that the change is not made. */
export function ownSession(
  { tokens, settings }: Pick<Deps, "tokens" | "settings">,
  { sessionId, gen }: TokenSession,
): OwnSession {
  tokens.requireSigningKey();
  return { sessionId, gen, accessTtlSeconds: settings.tokenTtl, idleSeconds: settings.sessionIdleTtl };
}

export const genOf = ({ claims }: Pick<Auth, "claims">): number =>
  typeof claims["gen"] === "number" ? claims["gen"] : 0;

export async function grantAfter(
  { tokens }: Pick<Deps, "tokens">,
  account: Account,
  { session }: { readonly session?: Session | undefined },
): Promise<Grant> {
  // A logout came between the check and the new tokens. The change was made.
  if (session === undefined) throw endedSession();
  return tokens.grant(session, account, { refresh: true, now: session.provedAt });
}

/** The contents of a transaction that belongs to a session. Nothing is proven in it yet. */
export function sessionTransaction(account: Account, factorsVersion: number, sessionId: string): TransactionContents {
  const { id: sub, login, stored } = account;
  return {
    // An application's own table finds a user by the spelling that it knows.
    login: stored === undefined ? login : canonicalLogin(login),
    sub,
    passwordVersion: stored?.passwordVersion,
    factorsVersion,
    amr: [],
    sid: sessionId,
  };
}

/** Returns the user and the session of a token. Throws `credential_not_accepted` for a token without a session. */
export function requireSession({ id, session }: Auth): { readonly userId: string; readonly sessionId: string } {
  if (id === undefined || session === undefined || !isStorableText(id) || !isStorableText(session))
    throw notAccepted(["session"]);
  return { userId: id, sessionId: session };
}
