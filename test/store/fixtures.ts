// Inputs of operations with usual values, for tests to vary.
import type { Origin } from "../../dist/audit/entry.js";
import type { Revocation } from "../../dist/store/revocation.js";
import type { OwnSession } from "../../dist/store/sql/effects/changes.js";
import type { Invitation } from "../../dist/store/sql/effects/registrations.js";
import type { Renewal } from "../../dist/store/sql/gate/renewal.js";
import type { NewSession, SessionRequest } from "../../dist/store/sql/gate/session-grants.js";
import type { Session } from "../../dist/store/sql/rows/session-rows.js";
import type { NewUserRow, UserEmail } from "../../dist/store/sql/rows/users.js";
import type { MailRequest } from "../../dist/store/sql/upkeep/mail.js";
import type { Store } from "../../dist/store/store.js";
import type { Attempt } from "../../dist/throttle/attempt.js";

export const origin: Origin = { actor: "user", address: "192.0.2.7", agent: "curl/8" };
export const operator: Origin = { actor: "operator", operator: "root" };
export const start = 1_790_000_000;

export const ann: NewUserRow = {
  id: "u-ann",
  login: "Ann",
  canonical: "ann",
  passwordHash: "hash-1",
  roles: ["editor"],
};

export async function addUser(store: Store, user: Partial<NewUserRow> = {}): Promise<void> {
  await store.createUser({ user: { ...ann, ...user }, now: start, origin: operator });
}

let random = 0;

type LoginChanges = Partial<SessionRequest & NewSession>;

/** A login by password that the gate grants. With `live`, it re-authenticates that session. */
export function login({ random: given, maxSeconds, sessionsPerUser, ...changes }: LoginChanges = {}): SessionRequest {
  random += 1;
  const create = {
    random: given ?? `random-${random}`,
    maxSeconds: maxSeconds ?? 50_000,
    sessionsPerUser: sessionsPerUser ?? 100,
  };
  return {
    userId: ann.id,
    login: ann.login,
    now: start,
    accessTtlSeconds: 900,
    idleSeconds: 10_000,
    origin,
    stored: {},
    amr: ["pwd"],
    provenAt: changes.now ?? start,
    gate: { roles: [], rolePolicies: {} },
    create,
    ...changes,
  };
}

export async function openSession(store: Store, changes: LoginChanges = {}): Promise<Session> {
  const entered = await store.grantSession(login(changes));
  if (entered.outcome !== "granted") throw new Error("the session was rejected");
  return entered.session;
}

export function renewal(session: Pick<Session, "id" | "gen">, changes: Partial<Renewal> = {}): Renewal {
  return {
    sessionId: session.id,
    gen: session.gen,
    repeatsOnly: false,
    now: start + 100,
    accessTtlSeconds: 900,
    idleSeconds: 10_000,
    graceSeconds: 10,
    idempotency: undefined,
    by: "refresh_token",
    origin,
    ownRoles: undefined,
    rolePolicies: {},
    ...changes,
  };
}

/** The result of calls, and the revocations that the store reports meanwhile. */
export async function revoking<T>(store: Store, call: (store: Store) => Promise<T>) {
  const revocations: Revocation[] = [];
  store.onRevoked((revoked) => revocations.push(...revoked));
  const result = await call(store);
  store.onRevoked(() => {});
  return { result, revocations };
}

/** The session that makes a change of its account. */
export const ownSession = (sessionId: string): OwnSession => ({
  sessionId,
  gen: 1_000,
  accessTtlSeconds: 900,
  idleSeconds: 10_000,
});

export async function eventsOf(store: Store): Promise<readonly string[]> {
  const rows = await store.listAudit({ login: undefined, since: undefined, limit: 1000 });
  return rows.map(({ event, reason }) => (reason ? `${event} ${reason}` : event));
}

export function attempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    sources: [{ source: "192.0.2.7", logins: 2 }],
    counters: [{ key: "login:ann", kind: "login", freeAttempts: 3 }],
    subject: "ann",
    from: "192.0.2.7",
    windowSeconds: 900,
    lockAfter: 10,
    alsoReset: [],
    ...changes,
  };
}

export const emailOf = (canonical: string, provenAt: number | undefined = undefined): UserEmail => ({
  address: canonical.replace(/^./, (letter) => letter.toUpperCase()),
  canonical,
  provenAt,
  byOperator: undefined,
});

/** A request for a mail to log in. */
export function mailRequest(changes: Partial<MailRequest> = {}): MailRequest {
  return {
    draft: {
      kind: "login",
      userId: ann.id,
      address: "Ann@x.example",
      claims: { jti: "t", iat: start },
      language: "en",
      until: start + 600,
    },
    attempt: attempt({
      sources: [],
      counters: [{ key: "login:ann", kind: "mail", freeAttempts: 1, everySeconds: 60, lockAfter: 100 }],
    }),
    audit: { at: start, event: "mail_queued", userId: ann.id, login: ann.login, origin },
    now: start,
    ...changes,
  };
}

export const invitation = (id = "inv-1"): Invitation => ({
  id,
  email: "New@x.example",
  canonical: "new@x.example",
  roles: ["editor"],
  invitedBy: null,
  createdAt: start,
  until: start + 604_800,
  usedAt: null,
  removedAt: null,
});
