// The session that makes a change of its account. Its older tokens end with the change, because a thief can have copies of them. The
// response has new ones.

import type { OwnSession } from "../../store/sql/changes.js";
import type { Revocation } from "../../store/sql/revocations.js";
import type { Session } from "../../store/sql/session-rows.js";
import type { TokenSession } from "../../store/sql/sessions.js";
import type { Auth } from "../../tokens/auth.js";
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

/** The generation of a token. */
export const genOf = ({ claims }: Pick<Auth, "claims">): number =>
  typeof claims["gen"] === "number" ? claims["gen"] : 0;

/** Returns the new tokens of the session that made the change. */
export async function grantAfter(
  { tokens, revocations }: Pick<Deps, "tokens" | "revocations">,
  account: Account,
  changed: { readonly session?: Session | undefined; readonly revocations: readonly Revocation[] },
): Promise<Grant> {
  const { session } = changed;
  revocations.add(changed.revocations);
  // A logout came between the check and the new tokens. The change was made.
  if (session === undefined) throw endedSession();
  return tokens.grant(session, account, { refresh: true, now: session.provedAt });
}
