// API keys: created, listed, read for guards, rotated, removed. A row has the hash of its key. The row of a key that
// ended is deleted. The end of a key, and a shorter life, also write a revocation of its id.
import type { Attempt } from "../../../throttle/attempt.js";
import { integer, text, textOrNull } from "../../rows.js";
import { count, exists, first, query, queryLast, type Transaction, write } from "../../transaction.js";
import { settleIfAny } from "../attempts/attempts.js";
import { apiKeyIdPrefix, apiKeyRevocation, lockApiKeys } from "../effects/api-key-ends.js";
import { carryOut, lockSessionsOf } from "../effects/changes.js";
import type { ServiceChangeDetail, ServiceRow } from "../effects/service-changes.js";
import { carryOutService, endEveryApiKey, lockService, services } from "../effects/service-changes.js";
import { recordAudit } from "../rows/audit.js";
import { visible } from "../rows/import-rows.js";
import { type ChangeOutcome, endChange, failed, writeRevocations, writeUnreported } from "../rows/revocations.js";
import type { Ending } from "../rows/session-rows.js";
import { moveEpoch } from "../rows/state.js";
import { asInteger, asText, asTexts, marks, orNull, orUndefined, type RowOf, tableOf } from "../rows/table.js";
import { joinedUserColumns, joinedUserOf, type User } from "../rows/users.js";
import { type FactorChange, lockAccount } from "./factor-changes.js";

const fields = {
  id: asText,
  userId: asText,
  /** The login of the owner when the key was created, for a table of users that finds none by id. */
  login: asText,
  name: asText,
  start: asText,
  /** The scopes that were granted. The owner can have lost some of them. */
  scopes: asTexts,
  /** Grows when the life of the key is shortened. */
  gen: asInteger,
  createdAt: asInteger,
  expiresAt: asInteger,
  /** The day of the last use, in days since 1970. */
  usedDay: orUndefined(asInteger),
};
const keys = tableOf("ampho_api_keys", fields);
export type ApiKeyRow = RowOf<typeof keys>;

const newKeys = tableOf("ampho_api_keys", { ...fields, hash: asText, addedBy: orNull(asText) });

/** A key that is created. */
export interface NewApiKeyRow extends Pick<ApiKeyRow, "id" | "name" | "start" | "scopes" | "expiresAt"> {
  readonly hash: string;
}

/** A session that asks, or the application. */
export interface ApiKeyChange extends FactorChange {
  readonly key: NewApiKeyRow;
  /** The keys that a user can have. */
  readonly apiKeysMax: number;
  /** The attempt of a session at its limit, which the new key uses up. */
  readonly attempt?: Attempt | undefined;
}

/** `changed`: the user or the factors changed meanwhile, or the session ended. `none`: there is no such key. */
export type ApiKeyOutcome = ChangeOutcome<"done" | "changed" | "full" | "none">;

export function* createApiKey(input: ApiKeyChange): Transaction<ApiKeyOutcome> {
  const { userId, login, key, apiKeysMax, own, now, origin } = input;
  yield* lockApiKeys({ isShared: true });
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if ((yield* countApiKeys(userId, now)) >= apiKeysMax) return failed("full");
  yield* insertApiKey(input, own?.sessionId ?? null);
  const about = { sessionId: own?.sessionId, detail: { api_key: key.id, scopes: key.scopes } };
  return yield* endChange(yield* carryOut("api_key_added", { userId, login, now, origin, before, ...about }));
}

export interface ApiKeyRotation extends ApiKeyChange {
  /** The key that is replaced. */
  readonly from: string;
  readonly overlapSeconds: number;
}

/** A key is rotated once. With overlaps, a user has at most twice as many keys as can be created. */
export function* rotateApiKey(input: ApiKeyRotation): Transaction<ApiKeyOutcome> {
  const { userId, login, key, apiKeysMax, from, overlapSeconds, own, now, origin } = input;
  yield* lockApiKeys({ isShared: true });
  const before = yield* lockAccount(input);
  if (!before) return failed("changed");
  if ((yield* countApiKeys(userId, now)) >= 2 * apiKeysMax) return failed("full");
  const isNow = overlapSeconds === 0;
  const change = isNow
    ? "delete from ampho_api_keys"
    : "update ampho_api_keys set gen = 1, expires_at = case when expires_at < ? then expires_at else ? end";
  const until = now + overlapSeconds;
  const sql = `${change} where id = ? and user_id = ? and gen = 0 and expires_at > ? returning added_by`;
  const old = yield* first(sql, [...(isNow ? [] : [until, until]), from, userId, now]);
  if (!old) return failed("none");
  // A successor by the application must not outlive the thief whose session has added the key.
  yield* insertApiKey(input, own?.sessionId ?? textOrNull(old, "added_by"));
  const detail = { api_key: key.id, from, overlap: overlapSeconds };
  const about = { sessionId: own?.sessionId, detail };
  const changed = yield* carryOut("api_key_rotated", { userId, login, now, origin, before, ...about });
  const ended = apiKeyRevocation(from, now, isNow ? undefined : 1);
  return yield* endChange({ ...changed, revoked: [...changed.revoked, ended] });
}

/** So many expired keys of an owner are kept until housekeeping deletes them. */
const expiredMax = 20;

export function* insertApiKey(
  { userId, login, key, attempt, now }: Pick<ApiKeyChange, "userId" | "login" | "key" | "attempt" | "now">,
  addedBy: string | null,
): Transaction<void> {
  yield* settleIfAny(attempt, "failed", now, login);
  // A key can end in a second. So its owner could add rows without an end, which every list would read.
  yield* write(
    `delete from ampho_api_keys where user_id = ? and expires_at <= ? and n <=
       (select n from ampho_api_keys where user_id = ? and expires_at <= ? order by n desc limit 1 offset ?)`,
    [userId, now, userId, now, expiredMax],
  );
  const fresh = { userId, login, gen: 0, createdAt: now, usedDay: undefined, addedBy };
  yield* write(newKeys.insert, newKeys.values({ ...key, ...fresh }));
}

export const countApiKeys = (userId: string, now: number): Transaction<number> =>
  count("select count(*) from ampho_api_keys where user_id = ? and expires_at > ?", [userId, now]);

export interface ApiKeyRemoval extends Ending {
  readonly id: string;
  /** The key must be of this user. Undefined: of any. */
  readonly userId: string | undefined;
  readonly reason?: string | undefined;
}

export function* removeApiKey({ id, userId, reason, now, origin }: ApiKeyRemoval): Transaction<ApiKeyOutcome> {
  const found = yield* first(
    `select user_id, ampho_api_keys.login as login, ampho_services.id as service from ampho_api_keys
       left join ampho_services on ampho_services.id = user_id where ampho_api_keys.id = ?`,
    [id],
  );
  const owner = found && text(found, "user_id");
  if (!found || owner === undefined || (userId !== undefined && userId !== owner)) return failed("none");
  const service = found["service"] === null ? undefined : yield* lockService(owner);
  if (service) return yield* removeServiceApiKey(service, id, { now, origin, detail: { api_key: id } });
  // Before the row of the key, as every other change of the account.
  const before = yield* lockSessionsOf(owner);
  if (!(yield* exists("delete from ampho_api_keys where id = ? returning id", [id]))) return failed("none");
  const about = { userId: owner, login: text(found, "login"), reason, detail: { api_key: id }, before, now, origin };
  const changed = yield* carryOut("api_key_removed", about);
  return yield* endChange({ revoked: [...changed.revoked, apiKeyRevocation(id, now)] });
}

function* removeServiceApiKey(service: ServiceRow, id: string, about: ServiceChangeDetail): Transaction<ApiKeyOutcome> {
  if (!(yield* exists("delete from ampho_api_keys where id = ? returning id", [id]))) return failed("none");
  const revoked = yield* carryOutService("api_key_removed", service, about);
  return yield* endChange({ revoked: [...revoked, apiKeyRevocation(id, about.now)] });
}

/** Ends all keys of a user or of a service. Each key has a revocation with its id. Returns how many there were. */
export function* removeUserApiKeys(
  input: Ending & { readonly userId: string; readonly reason?: string | undefined },
): Transaction<number> {
  const { userId, reason, now, origin } = input;
  const service = yield* lockService(userId);
  const revoked = service
    ? yield* carryOutService("all_api_keys_removed", service, input)
    : (yield* carryOut("api_keys_removed", { userId, login: undefined, reason, now, origin })).revoked;
  yield* writeRevocations(revoked);
  return revoked.filter(({ kind }) => kind === "session").length;
}

/**
 * Ends every key. One revocation for each could be a hundred thousand. Instead every process sees another epoch, after
 * which it uses nothing that it has read of keys. The one revocation, of an id that no key has, makes it check the
 * sockets that were opened with a key. This process too must see the epoch first, so the driver does not report it.
 */
export function* removeAllApiKeys({ random, now, origin }: Ending & { readonly random: string }): Transaction<void> {
  yield* lockApiKeys();
  yield* recordAudit({ at: now, event: "api_key_removed", origin, detail: { api_keys: "all" } });
  const ended = yield* endEveryApiKey({ now, origin });
  // Last: a change of a service, or of a key, has its lock and waits for the row of the state.
  yield* moveEpoch(random);
  yield* writeUnreported([...ended, apiKeyRevocation(apiKeyIdPrefix, now)]);
}

/** The oldest first. Keys that have expired lately are among them. */
export const listApiKeys = (userId: string): Transaction<readonly ApiKeyRow[]> =>
  keys.allLast("where user_id = ? order by n", [userId]);

export const findApiKeyByHash = (hash: string): Transaction<ApiKeyRow | undefined> =>
  keys.firstLast("where hash = ?", [hash]);

/** A key as a guard reads it. */
export interface FoundApiKey {
  readonly hash: string;
  readonly key: ApiKeyRow;
  /** The stored user. Undefined for a user of an application's own table. */
  readonly user: User | undefined;
  /** The service account that owns it. */
  readonly service: ServiceRow | undefined;
  /** The number of the last revocation. The row and its user are those of that moment. */
  readonly asOf: number;
}

/** The lengths of the lists of hashes, so that there are two texts of the statement. */
const listLengths = [1, 32] as const;

/** How many keys one read finds. */
export const apiKeysAtOnce = listLengths[1];

// The number comes from the same statement, so from the same state of the database as the rows.
const selectByHashes = (length: number) => `select ampho_api_keys.hash as hash, ${keys.joined()},
    (select last_revocation from ampho_state where id = 1) as as_of, ${joinedUserColumns},
    ${services.joined("service_")}
  from ampho_api_keys left join ampho_services on ampho_services.id = ampho_api_keys.user_id
    left join ampho_users on ampho_users.id = ampho_api_keys.user_id and ${visible}
  where ampho_api_keys.hash in (${marks(length)}) and not exists
    (select 1 from ampho_accounts where ampho_accounts.user_id = ampho_api_keys.user_id and frozen = 'all')`;

/** Finds keys with their stored users, for guards. */
export function* findApiKeys(hashes: readonly string[]): Transaction<readonly FoundApiKey[]> {
  const length = listLengths.find((each) => each >= hashes.length) ?? hashes.length;
  // A repeated hash changes nothing.
  const filled = Array.from({ length }, (_, at) => hashes[at] ?? hashes[0] ?? "");
  const rows = yield* queryLast(selectByHashes(length), filled);
  return rows.map((row) => ({
    hash: text(row, "hash"),
    key: keys.of(row),
    user: joinedUserOf(row),
    service: services.joinedOf(row, "service_"),
    asOf: integer(row, "as_of"),
  }));
}

export interface AgingApiKeys {
  readonly now: number;
  /** Keys that were not used since. */
  readonly since: number;
  /** Keys that end before, and were used since then. A key that was replaced is not among them. */
  readonly until: number;
  readonly limit: number;
}

/** So many keys are looked at, those that end first. */
const agingMax = 10_000;

/** The ids of live keys that were not used for long, and of keys in use that end soon. */
export function* listAgingApiKeys(
  input: AgingApiKeys,
): Transaction<{ readonly unused: readonly string[]; readonly ending: readonly string[] }> {
  const { now, since, until, limit } = input;
  const day = Math.floor(since / 86_400);
  function* list(condition: string, values: readonly number[]): Transaction<readonly string[]> {
    const first = `select id, n, expires_at, created_at, used_day, gen from ampho_api_keys where expires_at > ?
      order by expires_at, n limit ${agingMax}`;
    const sql = `select id from (${first}) as limited where ${condition} order by expires_at, n limit ?`;
    return (yield* query(sql, [now, ...values, limit])).map((row) => text(row, "id"));
  }
  return {
    unused: yield* list("created_at < ? and coalesce(used_day, 0) < ?", [since, day]),
    ending: yield* list("expires_at <= ? and gen = 0 and used_day >= ?", [until, day]),
  };
}

/** How many keys one call of `touchApiKeys` takes. */
export const touchedAtOnce = 100;

/**
 * Records the days of use. A key whose row is locked is left out: it ends, or another process records the same. So the
 * processes of a fleet, which all begin with the day, do not wait for each other, and no end of keys waits for them.
 */
export function* touchApiKeys({
  ids,
  day,
}: {
  readonly ids: readonly string[];
  readonly day: number;
}): Transaction<void> {
  // Filled up to one length, so that the statement has one text.
  const filled = Array.from({ length: touchedAtOnce }, (_, at) => ids[at] ?? ids[0] ?? "");
  const sql = `select id from ampho_api_keys where id in (${marks(touchedAtOnce)}) and coalesce(used_day, 0) < ?`;
  for (const row of yield* query(sql, [...filled, day], "skipLocked"))
    yield* write("update ampho_api_keys set used_day = ? where id = ?", [day, text(row, "id")]);
}
