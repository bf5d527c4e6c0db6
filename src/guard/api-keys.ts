// API keys as the guard reads them (docs/reference/contract.md §6). The row of a key is kept in the cache of verified
// tokens. Here is the rest: one read for all requests that wait, the keys that were found bad, and a limit for
// addresses that guess.
//
// A flood of wrong keys costs one query at a time for up to 32 of them, and no write. It locks no user out: a key that
// was good lately is not limited by its address, and an address without a bad key is not limited at all.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { scopesOf } from "../levels/scopes.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import { keyCacheSeconds } from "../store/sql/key-ends.js";
import { type FoundKey, keysAtOnce } from "../store/sql/keys.js";
import type { Store } from "../store/store.js";
import { attemptSourceOf } from "../throttle/sources.js";
import { type AccessTokens, KeyToken } from "../tokens/access-tokens.js";
import { apiKeyHash } from "../tokens/api-key.js";
import { authOfKey } from "../tokens/auth-from-claims.js";
import type { Directory } from "../users/directory.js";

export interface ApiKeys {
  /**
   * Reads a key whose text has the form of one. `request` is the framework's own, for its address. `isLive`: a read
   * that was begun before does not count. Rejects with `invalid_token`, `too_many_attempts`, `overloaded` or
   * `unavailable`.
   */
  read(key: string, request: unknown, isLive: boolean): Promise<KeyToken>;
  /** Writes the days on which keys were used. */
  recordUse(): Promise<void>;
}

/** How long a bad key is rejected without a query. A user who was enabled waits so long for the keys. */
const badSeconds = 5;
const badMax = 10_000;
/** Requests for so many different keys wait at once. */
const waitingMax = 1024;
const sourcesMax = 10_000;
const usedMax = 10_000;
const daySeconds = 86_400;

interface Waiting {
  readonly hash: string;
  readonly resolve: (found: FoundKey | undefined) => void;
  readonly reject: (error: unknown) => void;
}

type ApiKeySettings = Pick<Configuration, "scopes" | "throttleAddress" | "throttleNetwork" | "throttleWindow">;

const noKey = () => new AmphoError("invalid_token", "The API key is unknown, has expired or was ended.");

export function createApiKeys(deps: {
  readonly store: Pick<Store, "findKeys" | "touchKeys">;
  readonly directory: Directory;
  readonly tokens: Pick<AccessTokens, "keepKey" | "wasGood">;
  readonly revocations: Pick<RevocationSet, "timeline">;
  readonly settings: ApiKeySettings;
  readonly clock: Clock;
  /** The address of a request of a framework, as far as it is known. */
  readonly addressOf: (request: unknown) => string | undefined;
}): ApiKeys {
  const { store, directory, tokens, revocations, settings, clock, addressOf } = deps;
  const reading = new Map<string, Promise<KeyToken | undefined>>();
  /** By hash, until when. */
  const bad = new Map<string, number>();
  const used = new Map<string, number>();
  const waiting: Waiting[] = [];
  let querying = false;
  const sources = createSources(settings, clock);

  function find(hash: string): Promise<FoundKey | undefined> {
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
      const batch = waiting.splice(0, keysAtOnce);
      try {
        const found = await store.findKeys([...new Set(batch.map(({ hash }) => hash))]);
        for (const { hash, resolve } of batch) resolve(found.find((each) => each.hash === hash));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    querying = false;
  }

  async function readRow(key: string, hash: string): Promise<KeyToken | undefined> {
    const { timeline } = revocations;
    const found = await find(hash);
    const read = found && (await toAccess(found, timeline));
    const now = clock.now();
    if (found === undefined || read === undefined) {
      remember(bad, hash, now + badSeconds, badMax);
      return undefined;
    }
    tokens.keepKey(key, read, now);
    const day = Math.floor(now / daySeconds);
    if ((found.key.usedDay ?? 0) < day) remember(used, found.key.id, day, usedMax);
    return read;
  }

  /** Undefined: the key has expired, or its owner is gone or disabled. */
  async function toAccess({ key, user, asOf }: FoundKey, timeline: number): Promise<KeyToken | undefined> {
    const { id, userId, name, gen, createdAt, expiresAt } = key;
    const owner = await directory.findOwner(key, user);
    const now = clock.now();
    if (owner?.id !== userId || owner.disabled || expiresAt <= now) return undefined;
    const present = scopesOf(owner.roles, settings.scopes);
    const row = { sub: userId, login: owner.login, nbf: createdAt, exp: expiresAt };
    const scopes = key.scopes.filter((scope) => present.includes(scope));
    const auth = authOfKey(row, { id, name }, scopes);
    const until = Math.min(expiresAt, now + keyCacheSeconds);
    return new KeyToken(auth, now, until, gen, asOf, timeline);
  }

  return {
    async read(key, request, isLive) {
      const hash = apiKeyHash(key);
      if ((bad.get(hash) ?? 0) > clock.now()) throw noKey();
      const attempt = tokens.wasGood(key) ? undefined : sources.take(addressOf(request), hash);
      const begun = isLive ? undefined : reading.get(hash);
      const own = begun ?? readRow(key, hash);
      if (begun === undefined && !isLive) {
        reading.set(hash, own);
        const forget = () => void reading.delete(hash);
        own.then(forget, forget);
      }
      try {
        const read = await own;
        if (read === undefined) throw noKey();
        attempt?.giveBack();
        return read;
      } catch (error) {
        if (!(error instanceof AmphoError) || error.code !== "invalid_token") attempt?.giveBack();
        throw error;
      }
    },
    async recordUse() {
      for (const day of new Set(used.values())) {
        const ids = [...used].filter(([, each]) => each === day).map(([id]) => id);
        for (let at = 0; at < ids.length; at += recordedAtOnce) {
          const batch = ids.slice(at, at + recordedAtOnce);
          await store.touchKeys({ ids: batch, day });
          for (const id of batch) if (used.get(id) === day) used.delete(id);
        }
      }
    },
  };
}

const recordedAtOnce = 100;

/** Forgets the oldest entry beyond a number of them. */
function remember<T>(map: Map<string, T>, name: string, value: T, max: number): void {
  map.delete(name);
  map.set(name, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}

/**
 * Limits how many different bad keys an address and its network can send within the window, as logins are limited. It
 * counts in this process alone, because a count in the database would be a write for each bad key.
 */
function createSources(
  { throttleAddress, throttleNetwork, throttleWindow: windowSeconds }: ApiKeySettings,
  clock: Pick<Clock, "now">,
) {
  const counted = new Map<string, { readonly hashes: Set<string>; readonly until: number }>();

  function setOf(name: string, max: number, hash: string, now: number): Set<string> {
    const known = counted.get(name);
    // A window that ends too late was begun before the clock was set back.
    const isOver = known === undefined || known.until <= now || known.until > now + windowSeconds;
    const source = isOver ? { hashes: new Set<string>(), until: now + windowSeconds } : known;
    if (isOver) remember(counted, name, source, sourcesMax);
    if (source.hashes.has(hash) || source.hashes.size < max) return source.hashes;
    throw new AmphoError("too_many_attempts", "Too many wrong API keys. Wait before the next one.", {
      retryAfterSeconds: source.until - now,
    });
  }

  return {
    /** Takes an attempt. Throws `too_many_attempts`. */
    take(address: string | undefined, hash: string): { giveBack(): void } {
      const source = attemptSourceOf(address);
      const now = clock.now();
      const sets: Set<string>[] = [];
      if (source !== undefined && throttleAddress > 0) sets.push(setOf(source.address, throttleAddress, hash, now));
      if (source?.network !== undefined && throttleNetwork > 0)
        sets.push(setOf(source.network, throttleNetwork, hash, now));
      for (const hashes of sets) hashes.add(hash);
      return {
        giveBack() {
          for (const hashes of sets) hashes.delete(hash);
        },
      };
    },
  };
}
