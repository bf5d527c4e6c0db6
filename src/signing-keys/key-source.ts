// The keys of a verifier: given once, or fetched from a JWKS URL (RFC 7517 §5) and kept fresh. Requests start the
// fetches, so no timer runs. Well before a set expires it is fetched beside the requests. After that, a request waits
// for the fetch. While the server is unreachable, the last good set stays in use.
import type { Clock } from "../clock.js";
import { fetchedKeysLine, keysWarningLine } from "../log-lines.js";
import { documentLimits, type FetchedJson, FetchFailure, fetchJson } from "../outbound/bounded-fetch.js";
import { importPublishedKeys } from "./jwk-set.js";
import { createKeySet, type Key, type KeySet } from "./key.js";

export interface KeySource {
  /** Undefined before the first set. */
  readonly keys: KeySet | undefined;
  readonly failing: boolean;
  /** Returns what must be awaited before a token can be checked. It never rejects. */
  prepare(): Promise<void> | undefined;
  /** Fetches the set because a token names an unknown key, unless that was done a moment ago. It never rejects. */
  refetch(): Promise<void> | undefined;
  close(): void;
}

export function fixedKeySource(keys: readonly Key[]): KeySource {
  const set = createKeySet(keys);
  return { keys: set, failing: false, prepare: () => undefined, refetch: () => undefined, close: () => {} };
}

/** Limits of the lifetime that a server can state for its set. */
const lifetime = { defaultMs: 300_000, minMs: 60_000, maxMs: 3_600_000 };
/** The part of its lifetime after which a set is fetched beside the requests. */
const refetchAt = 0.8;
/** An attacker can create tokens with unknown keys. They cause at most one fetch in this time. */
const unknownKeyCoolDownMs = 10_000;
/** The pause between fetches while the server is unreachable. */
const retryMs = { without: 1_000, having: 10_000 };

export function fetchedKeySource(deps: {
  readonly url: URL;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  readonly changed?: () => void;
  /** The least time between the starts of two fetches, whatever their reason. */
  readonly pauseMs?: number;
}): KeySource {
  const { url, clock, log, changed = () => {}, pauseMs = 0 } = deps;
  const closing = new AbortController();
  let keys: KeySet | undefined;
  let fetchedMs = 0;
  let lifetimeMs = 0;
  let failing = false;
  let attemptedMs = Number.NEGATIVE_INFINITY;
  let refetchedMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;
  let content = "";
  let warned = "";

  function accept({ members, headers }: FetchedJson, requestedMs: number): void {
    const imported = importPublishedKeys(members);
    if (imported === undefined) throw new FetchFailure("the response was not a JWK Set");
    fetchedMs = requestedMs;
    lifetimeMs = lifetimeOf(headers);
    const none = imported.keys.length === 0 ? ["it contains no usable key (a published secret key is never used)"] : [];
    const warning = [...imported.warnings, ...none].join("; ");
    if (warning !== "" && warning !== warned) log(keysWarningLine(url.origin, warning));
    warned = warning;
    const text = JSON.stringify(imported.keys.map((key) => key.publicJwk));
    if (keys !== undefined && text === content) return;
    content = text;
    keys = createKeySet(imported.keys);
    changed();
  }

  async function attempt(requestedMs: number): Promise<void> {
    try {
      accept(await fetchJson(url, { ...documentLimits, signal: closing.signal }), requestedMs);
      if (failing) log(fetchedKeysLine(url.origin));
      failing = false;
    } catch (error) {
      const why = error instanceof FetchFailure ? error.message : "an error";
      if (!failing && !closing.signal.aborted) log(fetchedKeysLine(url.origin, why));
      failing = true;
    }
  }

  /** Some hosts end a fetch together with the request that started it. That fetch is ignored after its time limit. */
  const underWay = (): Promise<void> | undefined =>
    clock.monotonicMs() - attemptedMs < documentLimits.timeoutMs + 1_000 ? fetching : undefined;

  /** Concurrent callers share one fetch. Undefined before the pause is over. */
  function fetchKeys(): Promise<void> | undefined {
    const present = underWay();
    if (present !== undefined) return present;
    const now = clock.monotonicMs();
    if (now - attemptedMs < pauseMs) return undefined;
    attemptedMs = now;
    const own = attempt(now).finally(() => {
      if (fetching === own) fetching = undefined;
    });
    fetching = own;
    return own;
  }

  return {
    get keys() {
      return keys;
    },
    get failing() {
      return failing;
    },
    prepare() {
      const now = clock.monotonicMs();
      if (keys === undefined) {
        const tooSoon = failing && underWay() === undefined && now - attemptedMs < retryMs.without;
        return tooSoon ? undefined : fetchKeys();
      }
      const aged = now - fetchedMs;
      if (aged < lifetimeMs * refetchAt) return undefined;
      if (failing) {
        if (now - attemptedMs >= retryMs.having) void fetchKeys();
        return undefined;
      }
      const started = fetchKeys();
      return aged < lifetimeMs ? undefined : started;
    },
    refetch() {
      const present = underWay();
      if (present !== undefined) return present;
      const now = clock.monotonicMs();
      if (now - refetchedMs < unknownKeyCoolDownMs) return undefined;
      refetchedMs = now;
      return fetchKeys();
    },
    close: () => closing.abort(),
  };
}

/** RFC 9111 §5.2.2.1 and §5.1: `max-age` less the `Age` of the response. */
function lifetimeOf(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  const seconds = /(?:^|[,\s])max-age="?(\d{1,10})/i.exec(control)?.[1];
  if (/(?:^|[,\s])no-(?:store|cache)\b/i.test(control)) return lifetime.minMs;
  if (seconds === undefined) return lifetime.defaultMs;
  const spent = /^\d{1,10}$/.exec(headers.get("age") ?? "")?.[0] ?? "0";
  return Math.min(lifetime.maxMs, Math.max(lifetime.minMs, (Number(seconds) - Number(spent)) * 1000));
}
