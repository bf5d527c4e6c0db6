// Keeps a verifier's revocation set up to date from the feed of an Ampho (docs/guides/verifying.md). One request is
// always open, and the server responds to it at the next revocation.
import { type Clock, leewayMaxSeconds } from "../clock.js";
import { feedLine } from "../log-lines.js";
import { FetchFailure, type FetchLimits, fetchJson } from "../outbound/bounded-fetch.js";
import { feedKinds, fromFeedEntry } from "../sessions/feed-entry.js";
import { watchProcessPause } from "../sessions/follow-revocations.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import type { Revocation } from "../store/revocation.js";

/** The kinds that this version knows. A server expresses any other kind as a broader one of these. */
const kinds = feedKinds.join(",");
/** Short, so that a connection that died unnoticed is replaced soon. */
const waitSeconds = 2;
const limits: FetchLimits = { timeoutMs: (waitSeconds + 3) * 1000, bytesMax: 16_777_216 };
/** The pause between two requests, unless the server has more entries. */
const pauseMs = 100;
const backOffMaxMs = 2_000;
const sweepEverySeconds = 10;

/** Processes behind one URL respond in turn, and their clocks can differ by this much. */
const serverClockSkewSeconds = 1;

export function followFeed(deps: {
  readonly url: URL;
  readonly token: string;
  readonly revocations: RevocationSet;
  /** How far ahead the `exp` of a token without `sid` can lie. Revocations of such tokens are kept for this long. */
  readonly foreignMaxSeconds: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}) {
  const { url, token, revocations, foreignMaxSeconds, clock, log } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  let knownMs: number | undefined;
  let starting: Promise<void> | undefined;
  let failures = 0;
  let sweptAt = clock.now();
  let readAt = sweptAt;
  let serverAt = 0;
  let fromStart = false;

  /** Returns true if there is more to read at once. */
  async function read(wait: number): Promise<boolean> {
    const now = clock.now();
    // A clock that went back, here or on the server, had skipped or dropped entries that count again.
    const after = fromStart || now < readAt ? 0 : revocations.after;
    const requestedMs = clock.monotonicMs();
    const target = new URL(url);
    target.searchParams.set("after", String(after));
    target.searchParams.set("wait", String(wait));
    target.searchParams.set("kinds", kinds);
    const { members } = await fetchJson(target, { ...limits, bearer: token, signal });
    const { page, more, waitedMs, serverNow } = pageOf(members);
    fromStart = serverNow < serverAt - serverClockSkewSeconds;
    serverAt = serverNow;
    readAt = now;
    const restored = revocations.applyPage({ ...page, more, rows: page.rows.map(extended) }, after);
    if (more || fromStart || restored) return true;
    // The server read its database when the request had waited for this long, or later.
    knownMs = Math.min(requestedMs + waitedMs, clock.monotonicMs());
    return false;
  }

  /** The server might accept tokens without `sid` for a shorter time than this verifier. */
  function extended(row: Revocation): Revocation {
    if (row.kind === "session" || row.kind === "signing_key") return row;
    return { ...row, until: Math.max(row.until, row.at + foreignMaxSeconds + leewayMaxSeconds) };
  }

  /** Reads once. Returns the pause before the next request in milliseconds. */
  async function poll(): Promise<number> {
    const now = clock.now();
    if (Math.abs(now - sweptAt) >= sweepEverySeconds) {
      revocations.sweep(now);
      sweptAt = now;
    }
    try {
      const more = await read(knownMs === undefined ? 0 : waitSeconds);
      if (failures > 0) log(feedLine(url.origin));
      failures = 0;
      return more ? 0 : pauseMs;
    } catch (error) {
      const why = error instanceof FetchFailure ? error.message : "an error";
      if (failures === 0 && !signal.aborted) log(feedLine(url.origin, why));
      failures++;
      return Math.min(backOffMaxMs, pauseMs * 2 ** failures) * (0.5 + Math.random() / 2);
    }
  }

  async function follow(delayMs: number): Promise<void> {
    for (let next = delayMs; !signal.aborted; next = await poll()) if (next > 0) await delay(next, signal);
  }

  async function start(): Promise<number> {
    let delayMs = await poll();
    while (delayMs === 0 && !signal.aborted) delayMs = await poll();
    starting = undefined;
    return delayMs;
  }

  /** The response to the open request might be older than the pause of the process. */
  async function readAll(): Promise<void> {
    while (await read(0));
  }

  const processPause = watchProcessPause(clock, readAll);
  const started = start();
  starting = started.then(() => undefined);
  void started.then(follow);
  return {
    /** Upper bound of the seconds for which a revocation might be unknown here. Undefined before the first response. */
    lagSeconds: () => (knownMs === undefined ? undefined : (clock.monotonicMs() - knownMs) / 1000),
    /** Settles after the first attempt, and is undefined afterwards. It never rejects. */
    get starting() {
      return starting;
    },
    /** Returns what a guard must await after a pause of this process. */
    pendingRead: processPause.pendingRead,
    stop() {
      processPause.stop();
      stopping.abort();
    },
  };
}

const delay = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });

/** Throws FetchFailure for anything unknown, which could be a revocation. Servers replace kinds not asked for. */
function pageOf(members: Readonly<Record<string, unknown>>) {
  const { epoch, last, revocations, now, more, waited } = members;
  const malformed = () => new FetchFailure("the response was not a page of revocations");
  if (typeof epoch !== "string" || !isCount(last) || !isCount(now) || !isCount(waited)) throw malformed();
  if (typeof more !== "boolean" || !Array.isArray(revocations)) throw malformed();
  const rows = revocations.map((entry: unknown) => {
    const row = fromFeedEntry(entry);
    if (row === undefined) throw isOfUnknownKind(entry) ? unknownKind() : malformed();
    return row;
  });
  return { page: { epoch, last, rows }, more, waitedMs: waited, serverNow: now };
}

function isOfUnknownKind(entry: unknown): boolean {
  const kind = typeof entry === "object" && entry !== null && "kind" in entry ? entry.kind : undefined;
  return typeof kind === "string" && !feedKinds.includes(kind);
}

const unknownKind = (): FetchFailure =>
  new FetchFailure("the response has a kind of revocation that this version of ampho does not know");

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
