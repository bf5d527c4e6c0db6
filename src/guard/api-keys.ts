// API keys as the guard reads them (docs/reference/contract.md §6): one read for all requests that wait, and the keys
// that were found bad. The cache of verified tokens keeps the row. `throttle/guesses.ts` limits the addresses.
//
// A flood of wrong keys costs one query at a time for up to 32 of them, and no write. It locks no user out: a key that
// was good lately is not limited by its address, and an address without a bad key is not limited at all.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { scopesOf } from "../levels/scopes.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import { apiKeysAtOnce, type FoundApiKey, touchedAtOnce } from "../store/sql/account/api-keys.js";
import { apiKeyCacheSeconds } from "../store/sql/effects/api-key-ends.js";
import type { Store } from "../store/store.js";
import { type Guesses, remember } from "../throttle/guesses.js";
import { type AccessTokens, ApiKeyToken } from "../tokens/access-tokens.js";
import { apiKeyHash } from "../tokens/api-key.js";
import { authOfApiKey } from "../tokens/auth-from-claims.js";
import type { Directory } from "../users/directory.js";

export type ApiKeys = ReturnType<typeof createApiKeyReader>;

/** How long a bad key is rejected without a query. A user who was enabled waits so long for the keys. */
const badSeconds = 5;
const badMax = 10_000;
/** Requests for so many different keys wait at once. */
const waitingMax = 1024;
const usedMax = 10_000;
const daySeconds = 86_400;

interface Waiting {
  readonly hash: string;
  readonly resolve: (found: FoundApiKey | undefined) => void;
  readonly reject: (error: unknown) => void;
}

type ApiKeySettings = Pick<Configuration, "scopes" | "apiKeysPerUser" | "tokenEndpoint">;

function throwNoKey(): never {
  throw new AmphoError("invalid_token", "The API key is unknown, has expired or was ended.");
}

export function createApiKeyReader(deps: {
  readonly store: Pick<Store, "findApiKeys" | "touchApiKeys">;
  readonly directory: Directory;
  readonly tokens: Pick<AccessTokens, "keepApiKey" | "wasGood">;
  readonly revocations: Pick<RevocationSet, "timeline">;
  readonly settings: ApiKeySettings;
  readonly clock: Clock;
  readonly guesses: Guesses;
  /** The address of a request of a framework, as far as it is known. */
  readonly addressOf: (request: unknown) => string | undefined;
}) {
  const { store, directory, tokens, revocations, settings, clock, guesses, addressOf } = deps;
  const reading = new Map<string, Promise<ApiKeyToken | undefined>>();
  /** By hash, until when. */
  const bad = new Map<string, number>();
  const used = new Map<string, number>();
  const waiting: Waiting[] = [];
  let querying = false;

  function find(hash: string): Promise<FoundApiKey | undefined> {
    if (waiting.length >= waitingMax)
      throw new AmphoError("overloaded", "Too many API keys wait to be read. Try again.", { retryAfterSeconds: 1 });
    return new Promise((resolve, reject) => {
      waiting.push({ hash, resolve, reject });
      if (!querying) void query();
    });
  }

  /** One query at a time, for all that wait by then. */
  async function query(): Promise<void> {
    querying = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, apiKeysAtOnce);
      try {
        const found = await store.findApiKeys([...new Set(batch.map(({ hash }) => hash))]);
        for (const { hash, resolve } of batch) resolve(found.find((each) => each.hash === hash));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    querying = false;
  }

  async function readRow(key: string, hash: string): Promise<ApiKeyToken | undefined> {
    const { timeline } = revocations;
    const found = await find(hash);
    const read = found && (await toAccess(found, timeline));
    const now = clock.now();
    if (found === undefined || read === undefined) {
      remember(bad, hash, now + badSeconds, badMax);
      return undefined;
    }
    tokens.keepApiKey(key, read, now);
    const day = Math.floor(now / daySeconds);
    if ((found.key.usedDay ?? 0) < day) remember(used, found.key.id, day, usedMax);
    return read;
  }

  /** The read that was begun for another request, or a new one. */
  function readShared(key: string, hash: string): Promise<ApiKeyToken | undefined> {
    const begun = reading.get(hash);
    if (begun !== undefined) return begun;
    const own = readRow(key, hash);
    reading.set(hash, own);
    const forget = () => void reading.delete(hash);
    own.then(forget, forget);
    return own;
  }

  /** Undefined: the key has expired, or its owner is gone or disabled. */
  async function toAccess(found: FoundApiKey, timeline: number): Promise<ApiKeyToken | undefined> {
    const { key, asOf } = found;
    const { id, userId, name, gen, createdAt, expiresAt } = key;
    const owner = await findOwner(found);
    const now = clock.now();
    if (owner === undefined || expiresAt <= now) return undefined;
    const row = { sub: userId, login: owner.login, nbf: createdAt, exp: expiresAt };
    const auth = authOfApiKey(row, { id, name }, owner.scopes);
    const until = Math.min(expiresAt, now + apiKeyCacheSeconds);
    return new ApiKeyToken(auth, now, until, gen, asOf, timeline);
  }

  /** The owner with the scopes of the key. Undefined for one that is gone or disabled. */
  async function findOwner({ key, user, service }: FoundApiKey) {
    if (service !== undefined)
      return settings.tokenEndpoint && !service.disabled ? { login: service.id, scopes: service.scopes } : undefined;
    const owner = settings.apiKeysPerUser === 0 ? undefined : await directory.findOwner(key, user);
    if (owner?.id !== key.userId || owner.disabled) return undefined;
    const present = scopesOf(owner.roles, settings.scopes);
    return { login: owner.login, scopes: key.scopes.filter((scope) => present.includes(scope)) };
  }

  return {
    /**
     * Reads a text of the form of a key. `request` is the framework's own. `isLive`: no read that was begun before
     * counts. Rejects with `invalid_token`, `too_many_attempts`, `overloaded` or `unavailable`.
     */
    async read(key: string, request: unknown, isLive: boolean): Promise<ApiKeyToken> {
      const hash = apiKeyHash(key);
      if ((bad.get(hash) ?? 0) > clock.now()) throwNoKey();
      const check = async () => (await (isLive ? readRow(key, hash) : readShared(key, hash))) ?? throwNoKey();
      return tokens.wasGood(key) ? check() : guesses.limit(addressOf(request), hash, "invalid_token", check);
    },
    /** Writes the days on which keys were used. */
    async recordUse(): Promise<void> {
      for (const day of new Set(used.values())) {
        const ids = [...used].filter(([, each]) => each === day).map(([id]) => id);
        for (let at = 0; at < ids.length; at += touchedAtOnce) {
          const batch = ids.slice(at, at + touchedAtOnce);
          await store.touchApiKeys({ ids: batch, day });
          for (const id of batch) if (used.get(id) === day) used.delete(id);
        }
      }
    },
  };
}
