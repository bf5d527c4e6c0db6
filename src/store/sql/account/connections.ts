// Connections: the consent of a user, the redemption of its code, and renewal. A client sends no idempotency key, and
// several of its processes share one credential. So an older refresh token gets the current one again at the address
// of the last renewal, and is a replay at any other (docs/reference/contract.md §4). Everything that a token contains
// is read after the lock of its row, so none has rights that were lost before.
import type { Origin } from "../../../audit/entry.js";
import { isRecent } from "../../../clock.js";
import { AmphoError } from "../../../errors.js";
import { goesOnUnder, policyFor, policyOf, type RolePolicies } from "../../../levels/policy.js";
import { type RoleScopes, scopesOf } from "../../../levels/scopes.js";
import { isServiceId } from "../../../logins/service-id.js";
import { skewMaxSeconds } from "../../../throttle/attempt-counter.js";
import { attemptSourceOf } from "../../../throttle/sources.js";
import { DatabaseError } from "../../database-error.js";
import { text } from "../../rows.js";
import { advisoryLock, first, type Transaction, write } from "../../transaction.js";
import { carryOut } from "../effects/changes.js";
import { type ConnectionEnd, displaceConnection, endConnectionQuietly } from "../effects/connection-ends.js";
import { services } from "../effects/service-changes.js";
import { recordAudit } from "../rows/audit.js";
import {
  type CodeBinding,
  codes,
  connections,
  countBegun,
  findIdle,
  isOfEra,
  moves,
  type StoredConnection,
} from "../rows/connection-rows.js";
import {
  type ChangeOutcome,
  endChange,
  failed,
  type NewRevocation,
  type NewRevocations,
  writeRevocations,
} from "../rows/revocations.js";
import { type Ending, sessionKeptSeconds } from "../rows/session-rows.js";
import { type Spending, spend } from "../rows/spent.js";
import { applicationOwnsUsers, readState, recordAccess } from "../rows/state.js";
import type { RowOf } from "../rows/table.js";
import { sendOwner, type User } from "../rows/users.js";
import { type FactorChange, lockAccount } from "./factor-changes.js";

/** How many a user can have, and how many consents whose code was not redeemed yet. */
const openMax = 100;
const begunMax = 20;

/** The lifetime of a code. */
const codeSeconds = 60;

type Given = "client" | "resource" | "scopes" | "how" | "authTime" | "amr" | "acr";

export interface NewConnection extends FactorChange, CodeBinding, Pick<StoredConnection, Given> {
  /** The random part of the id. */
  readonly random: string;
  /** The transaction of what the user has read. A consent uses it up. */
  readonly shown: Spending;
}

/** A consent, by a session with a recent login. `over`: it was given before. `full`: too many wait for their client. */
export function* addConnection(input: NewConnection): Transaction<ChangeOutcome<"done" | "changed" | "over" | "full">> {
  const { userId, login, own, now, origin, client, resource, scopes, how, authTime, amr, acr } = input;
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if ((yield* countBegun(userId, now)) >= begunMax) return failed("full");
  if (!(yield* spend(input.shown, now))) return failed("over");
  const id = `${before.era.toString(36)}.${input.random}`;
  const expiresAt = now + codeSeconds;
  const from = { address: origin.address ?? null, agent: origin.agent ?? null };
  const times = { createdAt: now, renewedAt: now, expiresAt, endsAt: expiresAt, accessExpires: 0 };
  const given = { userId, login, client, resource, scopes, how, authTime, amr, acr, addedBy: own?.sessionId };
  const row: StoredConnection = { id, ...given, gen: 0, rights: 0, ...times, ...from };
  yield* write(
    `insert into ampho_connections (${connections.list}, ${codes.list}, era, delete_after)
     values (${connections.placeholders}, ${codes.placeholders}, ?, ?)`,
    [...connections.values(row), ...codes.values(input), before.era, expiresAt],
  );
  const detail = { connection: id, client, scopes };
  const about = { userId, login, now, origin, before, sessionId: own?.sessionId, detail };
  return yield* endChange(yield* carryOut("connection_added", about));
}

/** The assertion of a client works once. */
export const useAssertion = ({ spending, now }: { readonly spending: Spending; readonly now: number }) =>
  spend(spending, now);

/** A request of a client for tokens. */
export interface ConnectionUse extends Ending {
  readonly client: string;
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
  readonly maxSeconds: number;
  /** The user in an application's own table. Undefined: the user is read from this database. */
  readonly owner: { readonly login: string; readonly roles: readonly string[] } | undefined;
  readonly rolePolicies: RolePolicies;
  readonly roleScopes: RoleScopes;
  /** The scopes that can be given now, and those of each resource, if it names any. */
  readonly textScopes: readonly string[];
  readonly resources: readonly { readonly resource: string; readonly scopes: readonly string[] }[];
  /** The resource and the scopes that the client names in this request. */
  readonly resource: string | undefined;
  readonly asked: readonly string[] | undefined;
}

/** A label of the metrics. `ended`: the request has found out that the connection cannot go on. */
export const connectionOutcomes = ["redeemed", "renewed", "repeated", "replayed", "ended", "rejected"] as const;
type ConnectionResult = (typeof connectionOutcomes)[number];

interface GrantedConnection {
  readonly outcome: Extract<ConnectionResult, "redeemed" | "renewed" | "repeated">;
  readonly connection: StoredConnection;
  readonly scopes: readonly string[];
  readonly user: User | undefined;
}

export type ConnectionOutcome =
  | GrantedConnection
  | { readonly outcome: Exclude<ConnectionResult, GrantedConnection["outcome"]> };

const rejected: ConnectionOutcome = { outcome: "rejected" };

export interface Redemption extends ConnectionUse, CodeBinding {}

type Moves = RowOf<typeof moves>;

const columns = `${connections.list}, ${moves.list}`;
const isOpen = `ended_at is null and ${isOfEra}`;
const access =
  "access_expires = case when access_expires > ? then access_expires when ends_at < ? then ends_at else ? end";

/** A code works once. If it comes again with its verifier, one of the two who have it has stolen it. */
export function* redeemConnection(input: Redemption): Transaction<ConnectionOutcome> {
  const { now, client, challenge, redirectUri, idleSeconds, maxSeconds, origin, codeHash } = input;
  const named = yield* first("select user_id from ampho_connections where code_hash = ?", [codeHash]);
  if (!named) return rejected;
  // First, as every change of the account.
  yield* advisoryLock(`sessions of ${text(named, "user_id")}`);
  const select = `select ${columns}, ${codes.list} from ampho_connections where code_hash = ? and ${isOpen}`;
  const row = yield* first(select, [codeHash], "update");
  if (!row) return rejected;
  const before = connections.of(row);
  const code = codes.of(row);
  if (before.client !== client || code.challenge !== challenge) return yield* reject(input, before, "code");
  if (before.gen > 0) return yield* endUsed(input, before, "replayed");
  const isSame = code.redirectUri === redirectUri && (input.resource ?? before.resource) === before.resource;
  if (!isSame || before.expiresAt <= now) return yield* reject(input, before, isSame ? "expired" : "code");
  const endsAt = now + maxSeconds;
  const accessExpires = Math.min(now + input.accessTtlSeconds, endsAt);
  const expiresAt = Math.min(now + idleSeconds, endsAt);
  const from = { address: origin.address ?? null, agent: origin.agent ?? null };
  const connection: StoredConnection = { ...before, gen: 1, renewedAt: now, expiresAt, endsAt, accessExpires, ...from };
  yield* write(
    `update ampho_connections set gen = 1, renewed_at = ?, expires_at = ?, ends_at = ?, access_expires = ?,
       address = ?, agent = ?, delete_after = ? where id = ?`,
    [now, expiresAt, endsAt, accessExpires, from.address, from.agent, expiresAt + sessionKeptSeconds, before.id],
  );
  const displaced: NewRevocation[] = [];
  for (const id of yield* findIdle(connection.userId, openMax, now))
    displaced.push(...(yield* displaceConnection(id, { now, origin })));
  return yield* grant(input, connection, moves.of(row), "connection_redeemed", displaced);
}

export interface ConnectionRenewal extends ConnectionUse {
  readonly id: string;
  /** The generation of the presented token, and when it was issued. */
  readonly gen: number;
  readonly issuedAt: number;
}

const move = `update ampho_connections set gen = gen + 1, renewed_at = ?,
    shared_with = case when shared_with = ? then null else shared_with end,
    expires_at = case when ends_at < ? then ends_at else ? end, ${access}, address = ?, agent = ?
  where id = ? and gen = ? and gen > 0 and client = ? and ${isOpen} and expires_at > ? returning ${columns}`;

/** Moves a connection one generation on, or returns the current one again. */
export function* renewConnection(input: ConnectionRenewal): Transaction<ConnectionOutcome> {
  const { id, gen, client, now, idleSeconds, accessTtlSeconds, origin } = input;
  const [idle, until] = [now + idleSeconds, now + accessTtlSeconds];
  const from = [origin.address ?? null, origin.agent ?? null];
  const source = sourceOf(origin) ?? null;
  const moved = yield* first(move, [now, source, idle, idle, until, until, until, ...from, id, gen, client, now]);
  if (moved) return yield* grant(input, connections.of(moved), moves.of(moved), "renew");
  const row = yield* first(`select ${columns} from ampho_connections where id = ? and ${isOpen}`, [id], "update");
  const found = row && connections.of(row);
  // A token of another client, or of a connection that is over, ends nothing.
  if (!row || !found || found.client !== client || found.expiresAt <= now || found.gen === 0)
    return yield* reject(input, found, "unknown");
  const { sharedWith } = moves.of(row);
  const again = repeatOf(input, found, sharedWith);
  if (again === undefined) return yield* endUsed(input, found, "replayed");
  const accessExpires = Math.max(found.accessExpires, Math.min(until, found.endsAt));
  const shared = again === "renew_shared" ? source : (sharedWith ?? null);
  yield* write("update ampho_connections set access_expires = ?, shared_with = ? where id = ?", [
    accessExpires,
    shared,
    id,
  ]);
  return yield* grant(input, { ...found, accessExpires }, moves.of(row), again);
}

const graceSeconds = 60;
/** Processes of one client share one store of credentials, and some of them sleep for hours. */
const siblingSeconds = 86_400;

type Repeat = "renew_repeated" | "renew_shared" | "renew_sibling";

/** IPv6 by its /64. */
const sourceOf = ({ address }: Pick<Origin, "address">): string | undefined => attemptSourceOf(address)?.address;

/** Why an older token gets the current tokens again. Undefined: it is a replay. */
function repeatOf(
  { gen, issuedAt, now, origin }: ConnectionRenewal,
  current: StoredConnection,
  sharedWith: string | undefined,
): Repeat | undefined {
  // Written before the database lost its last writes.
  if (gen >= current.gen) return undefined;
  const isAtOnce = isRecent(current.renewedAt, graceSeconds, now, skewMaxSeconds);
  const source = sourceOf(origin);
  // Without addresses, every client is at another one.
  const isSame = source !== undefined && source === sourceOf({ address: current.address ?? undefined });
  if (isSame && isAtOnce) return "renew_repeated";
  if (isSame) return isRecent(issuedAt, siblingSeconds, now, skewMaxSeconds) ? "renew_sibling" : undefined;
  // Once, until that address renews itself. A thief would otherwise read along without an end.
  const isFirst = source === undefined || source !== sharedWith;
  return isAtOnce && isFirst && gen === current.gen - 1 ? "renew_shared" : undefined;
}

const entryOf = (input: ConnectionUse, { id, userId, login, client }: StoredConnection) => ({
  at: input.now,
  userId,
  login,
  sessionId: id,
  origin: input.origin,
  detail: { client },
});

const outcomes: Readonly<Record<string, GrantedConnection["outcome"] | undefined>> = {
  connection_redeemed: "redeemed",
  renew: "renewed",
};

function* grant(
  input: ConnectionUse,
  connection: StoredConnection,
  { n }: Moves,
  event: "connection_redeemed" | "renew" | Repeat,
  revoked: NewRevocations = [],
): Transaction<ConnectionOutcome> {
  const { owner, rolePolicies, textScopes } = input;
  const { user: found, own, isFrozen } = yield* (yield* sendOwner(connection.userId))();
  const user = owner === undefined ? found : undefined;
  if (owner === undefined) {
    // Only the application can say whether its user is gone. The rollback leaves the connection as it was.
    if (!user && (yield* applicationOwnsUsers()))
      throw new DatabaseError("the user is in the table of the option `users`, which this process does not have");
    if (!user) return yield* endUsed(input, connection, "user_deleted", revoked);
    if (user.disabled) return yield* endUsed(input, connection, "user_disabled", revoked);
  }
  // A client that is known by its document has no row.
  const service = isServiceId(connection.client)
    ? yield* services.first("where id = ?", [connection.client])
    : { disabled: false, redirects: [], userScopes: textScopes, endedN: 0 };
  if (!service || service.disabled || service.redirects === undefined || n <= service.endedN)
    return yield* endUsed(input, connection, "client", revoked);
  const { login, roles } = owner ?? user ?? { login: connection.login, roles: [] };
  const policy = policyFor(own, policyOf(roles, rolePolicies));
  if (!goesOnUnder(connection, policy)) return yield* endUsed(input, connection, "policy", revoked);
  if (isFrozen) throw wrongGrant();
  const scopes = scopesFor(input, connection, service.userScopes ?? [], roles);
  // An application's own table can find a user by the login alone.
  if (login !== connection.login)
    yield* write("update ampho_connections set login = ? where id = ?", [login, connection.id]);
  yield* recordAudit({ ...entryOf(input, connection), event });
  yield* recordAccess(yield* readState(), connection.accessExpires);
  yield* writeRevocations(revoked);
  return { outcome: outcomes[event] ?? "repeated", connection, scopes, user };
}

/** Throws what is wrong with the request, which rolls the transaction back. So it uses nothing up. */
function scopesFor(
  { resource, asked, resources, textScopes, roleScopes }: ConnectionUse,
  connection: StoredConnection,
  userScopes: readonly string[],
  roles: readonly string[],
): readonly string[] {
  const of = resources.find((one) => one.resource === connection.resource);
  const isKnown = connection.resource === undefined || of !== undefined;
  if (!isKnown || (resource ?? connection.resource) !== connection.resource)
    throw new AmphoError("invalid_target", "The connection is for another resource, or for one that is gone.");
  const present = scopesOf(roles, roleScopes);
  const limits = [userScopes, textScopes, present, ...(of && of.scopes.length > 0 ? [of.scopes] : [])];
  const scopes = connection.scopes.filter(
    (scope) => limits.every((limit) => limit.includes(scope)) && (asked?.includes(scope) ?? true),
  );
  if (scopes.length > 0) return scopes;
  throw new AmphoError("invalid_scope", "The connection has none of these scopes now.");
}

export const wrongGrant = () =>
  new AmphoError("invalid_grant", "The code or the refresh token is wrong, was used before, or has ended.");

function* reject(
  input: ConnectionUse,
  connection: StoredConnection | undefined,
  reason: "code" | "expired" | "unknown",
): Transaction<ConnectionOutcome> {
  if (connection !== undefined)
    yield* recordAudit({ ...entryOf(input, connection), event: "connection_rejected", reason });
  return rejected;
}

function* endUsed(
  input: ConnectionUse,
  connection: StoredConnection,
  reason: Extract<ConnectionEnd, "replayed" | "policy" | "client" | "user_deleted" | "user_disabled">,
  further: NewRevocations = [],
): Transaction<ConnectionOutcome> {
  const revoked = yield* endConnectionQuietly(connection.id, reason, input);
  const event = reason === "replayed" ? "connection_replayed" : "connection_ended";
  yield* recordAudit({ ...entryOf(input, connection), event, ...(reason !== "replayed" && { reason }) });
  yield* writeRevocations([...further, ...revoked]);
  return { outcome: reason === "replayed" ? "replayed" : "ended" };
}
