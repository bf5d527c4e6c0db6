// Where a verifier's keys come from: given once, or fetched from a JWKS URL (RFC 7517 §5) and kept fresh.
// Fetched sets are asked for by the requests that need them, so that nothing runs where nothing is asked: well before its
// age ends a set is renewed beside the requests, past its end before them, and while the server is away the last good set
// goes on.
import type { Clock } from "../clock.js";
import { importPublishedKeys } from "../keys/jwk-set.js";
import { createKeySet, type Key, type KeySet } from "../keys/key.js";
import { FetchFailure, fetchJson, type JsonAnswer } from "./fetch-json.js";

export interface KeySource {
  /** Undefined until there is a first set. */
  readonly keys: KeySet | undefined;
  /** Whether the last try to fetch failed. */
  readonly failing: boolean;
  /** What has to be waited for before a token can be judged; never rejects. */
  prepare(): Promise<void> | undefined;
  /** For a token that names a key which is not there: asks, unless that was just done. Never rejects. */
  refetch(): Promise<void> | undefined;
  close(): void;
}

export function fixedKeySource(keys: readonly Key[]): KeySource {
  const set = createKeySet(keys);
  return { keys: set, failing: false, prepare: () => undefined, refetch: () => undefined, close: () => {} };
}

const bounds = { timeoutMs: 5_000, bytesMax: 65_536 };
/** What a server says about how long its set is good is believed within these. */
const age = { defaultMs: 300_000, minMs: 60_000, maxMs: 3_600_000 };
/** The part of its age after which a set is renewed beside the requests. */
const renewAt = 0.8;
/** Tokens with unknown keys can be made by anybody: this often they make us ask. */
const unknownKeyCoolDownMs = 10_000;
/** Between tries while the server is away: without a set, with one. */
const retryMs = { without: 1_000, having: 10_000 };

export function fetchedKeySource(deps: {
  readonly url: URL;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** The set is another one now. */
  readonly changed: () => void;
}): KeySource {
  const { url, clock, log, changed } = deps;
  const closing = new AbortController();
  let keys: KeySet | undefined;
  let fetchedMs = 0;
  let lifeMs = 0;
  let failing = false;
  let triedMs = Number.NEGATIVE_INFINITY;
  let askedForUnknownMs = Number.NEGATIVE_INFINITY;
  let trying: Promise<void> | undefined;
  let content = "";
  let warned = "";

  function take({ members, headers }: JsonAnswer, askedMs: number): void {
    const imported = importPublishedKeys(members);
    if (imported === undefined) throw new FetchFailure("the answer was not a JWK Set");
    fetchedMs = askedMs;
    lifeMs = lifeOf(headers);
    const none = imported.keys.length === 0 ? ["there is none that can be used; a secret key is never published"] : [];
    const warning = [...imported.warnings, ...none].join("; ");
    if (warning !== "" && warning !== warned) log(`the keys of ${url.origin}: ${warning}`);
    warned = warning;
    const text = JSON.stringify(imported.keys.map((key) => key.publicJwk));
    if (keys !== undefined && text === content) return;
    content = text;
    keys = createKeySet(imported.keys);
    changed();
  }

  async function attempt(askedMs: number): Promise<void> {
    try {
      take(await fetchJson(url, { ...bounds, signal: closing.signal }), askedMs);
      if (failing) log(`the keys of ${url.origin} can be fetched again`);
      failing = false;
    } catch (error) {
      const why = error instanceof FetchFailure ? error.message : "an error";
      if (!failing && !closing.signal.aborted) log(`the keys of ${url.origin} cannot be fetched: ${why}`);
      failing = true;
    }
  }

  /** Some hosts end what a request began together with the request: such a try is given up by the clock. */
  function underWay(): Promise<void> | undefined {
    return clock.monotonicMs() - triedMs < bounds.timeoutMs + 1_000 ? trying : undefined;
  }

  /** However many ask at once, there is one question. */
  function fetchKeys(): Promise<void> {
    const present = underWay();
    if (present !== undefined) return present;
    const now = clock.monotonicMs();
    triedMs = now;
    const own = attempt(now).finally(() => {
      if (trying === own) trying = undefined;
    });
    trying = own;
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
        const tooSoon = failing && underWay() === undefined && now - triedMs < retryMs.without;
        return tooSoon ? undefined : fetchKeys();
      }
      const aged = now - fetchedMs;
      if (aged < lifeMs * renewAt) return undefined;
      if (failing) {
        if (now - triedMs >= retryMs.having) void fetchKeys();
        return undefined;
      }
      const fetching = fetchKeys();
      return aged < lifeMs ? undefined : fetching;
    },
    refetch() {
      const present = underWay();
      if (present !== undefined) return present;
      const now = clock.monotonicMs();
      if (now - askedForUnknownMs < unknownKeyCoolDownMs) return undefined;
      askedForUnknownMs = now;
      return fetchKeys();
    },
    close: () => closing.abort(),
  };
}

/** RFC 9111 §5.2.2.1 and §5.1: `max-age`, less the `Age` that it had when it came. */
function lifeOf(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  const seconds = /(?:^|[,\s])max-age="?(\d{1,10})/i.exec(control)?.[1];
  if (/(?:^|[,\s])no-(?:store|cache)\b/i.test(control)) return age.minMs;
  if (seconds === undefined) return age.defaultMs;
  const spent = /^\d{1,10}$/.exec(headers.get("age") ?? "")?.[0] ?? "0";
  return Math.min(age.maxMs, Math.max(age.minMs, (Number(seconds) - Number(spent)) * 1000));
}
