// The view of an account, and its export (docs/guides/account.md). It needs no key, so that commands can load it.
import type { AuditRow, Origin } from "../../audit/entry.js";
import { policyFor, policyOf } from "../../levels/policy.js";
import { identityIdOf } from "../../store/sql/rows/identities.js";
import type { Account } from "../../users/directory.js";
import type { AccountExport, AccountView, ExportedEvent } from "../../wire/account.js";
import type { Deps } from "../deps.js";
import { toApiKeyView } from "../find/api-key.js";
import { listConnectionsOf } from "../find/connection-views.js";
import { findEmailWait } from "../find/email-wait.js";
import { viewOfFactors } from "../find/factor-views.js";
import { toSessionView } from "./sessions.js";

const sessionsMax = 1000;
const eventsMax = 1000;

type ViewDeps = Pick<Deps, "store" | "settings" | "clock">;

export async function accountViewOf(deps: ViewDeps, account: Account): Promise<AccountView> {
  const { store, settings } = deps;
  const { id, login, email, stored, roles } = account;
  const [factors, listed, identities, wait] = await Promise.all([
    store.listFactors(id),
    store.listPasskeys(id),
    store.listIdentities(id),
    findEmailWait(deps, account),
  ]);
  return {
    id,
    login,
    email: email?.address ?? null,
    email_proven: email?.provenAt !== undefined,
    email_change: wait === undefined ? null : { to: wait.row.address, from: wait.from },
    created: stored?.createdAt ?? null,
    policy: policyFor(factors, policyOf(roles, settings.factors)),
    password: stored === undefined || stored.passwordHash !== null,
    ...viewOfFactors({ ...factors, ...listed }),
    identities: identities.map((identity) => ({ id: identityIdOf(identity), provider: identity.provider })),
  };
}

/** Holds no secret and no key. The events are the newest. */
export async function exportOf(deps: ViewDeps, account: Account, origin: Origin): Promise<AccountExport> {
  const { store, clock } = deps;
  const { id: userId, login } = account;
  const now = clock.now();
  const events = await store.exportAccount({ userId, login, now, origin, eventsMax });
  const sessions = await store.listSessions({ userId, now });
  const keys = await store.listApiKeys(userId);
  const { passkeys, identities, ...view } = await accountViewOf(deps, account);
  return {
    account: { ...view, passkeys, identities },
    passkeys,
    identities,
    api_keys: keys.map(toApiKeyView),
    connections: await listConnectionsOf(deps, userId),
    sessions: sessions.slice(0, sessionsMax).map(toSessionView),
    events: events.map(toExportedEvent),
  };
}

function toExportedEvent(row: AuditRow): ExportedEvent {
  const { at, event, reason = null, sessionId: session = null } = row;
  const { actor, address = null, agent = null } = row.origin;
  return { at, event, actor, session, reason: actor === "operator" ? null : reason, address, agent };
}
