// Keeps a verifier's revocation set in step with the feed of an Ampho (docs/verifying.md): one question is always open, and
// answered as soon as something is revoked.
import { type Clock, leewayMaxSeconds } from "../clock.js";
import { feedKinds, fromFeedEntry } from "../sessions/feed-entry.js";
import { watchProcessPause } from "../sessions/process-pause.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import type { Revocation, RevocationPage } from "../store/sql/revocations.js";
import { FetchFailure, fetchJson } from "./fetch-json.js";

/** Short, so that a connection that died unseen is noticed soon. */
const waitSeconds = 2;
const bounds = { timeoutMs: (waitSeconds + 3) * 1000, bytesMax: 16_777_216 };
/** Between two questions, unless there is more to fetch. */
const pauseMs = 100;
const backOffMaxMs = 2_000;
const sweepEverySeconds = 10;

/** Processes that answer in turn may differ by so much. */
const serversApartSeconds = 1;

export interface FeedFollower {
  /** Upper bound of the seconds for which something may have been revoked unseen; undefined before the first answer. */
  lagSeconds(): number | undefined;
  /** The first try, however it ends; undefined once it is over. Never rejects. */
  readonly starting: Promise<void> | undefined;
  /** What a guard waits for after a processPause of this process. */
  pendingRead(): Promise<void> | undefined;
  stop(): void;
}

export function followFeed(deps: {
  readonly url: URL;
  readonly token: string;
  readonly revocations: RevocationSet;
  /** How far ahead the `exp` of a token without `sid` may lie: so long such a token's revocation is kept. */
  readonly foreignMaxSeconds: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}): FeedFollower {
  const { url, token, revocations, foreignMaxSeconds, clock, log } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  let knownMs: number | undefined;
  let starting: Promise<void> | undefined;
  let failures = 0;
  let sweptAt = clock.now();
  let readAt = sweptAt;
  let serverAt = 0;
  let anew = false;

  /** True when there is more to read at once. */
  async function read(wait: number): Promise<boolean> {
    const now = clock.now();
    // A clock that ran ahead, here or there, has passed over or dropped what is live by one that is right again.
    const after = anew || now < readAt ? 0 : revocations.after;
    const askedMs = clock.monotonicMs();
    const asked = new URL(url);
    asked.searchParams.set("after", String(after));
    asked.searchParams.set("wait", String(wait));
    asked.searchParams.set("kinds", feedKinds.join(","));
    const { members } = await fetchJson(asked, { ...bounds, bearer: token, signal });
    const { page, more, waitedMs, serverNow } = pageOf(members);
    anew = serverNow < serverAt - serversApartSeconds;
    serverAt = serverNow;
    readAt = now;
    const restored = revocations.applyPage({ ...page, rows: page.rows.map(kept) }, after);
    if (more || anew || restored) return true;
    // The answer was made when the question had waited for so long, or later.
    knownMs = Math.min(askedMs + waitedMs, clock.monotonicMs());
    return false;
  }

  /** The server may take tokens without `sid` for a shorter time than we do. */
  function kept(row: Revocation): Revocation {
    if (row.kind === "session" || row.kind === "key") return row;
    return { ...row, until: Math.max(row.until, row.at + foreignMaxSeconds + leewayMaxSeconds) };
  }

  /** How long to rest before the next question. */
  async function turn(): Promise<number> {
    const now = clock.now();
    if (Math.abs(now - sweptAt) >= sweepEverySeconds) {
      revocations.sweep(now);
      sweptAt = now;
    }
    try {
      const more = await read(knownMs === undefined ? 0 : waitSeconds);
      if (failures > 0) log(`the revocations of ${url.origin} are followed again`);
      failures = 0;
      return more ? 0 : pauseMs;
    } catch (error) {
      const why = error instanceof FetchFailure ? error.message : "an error";
      if (failures === 0 && !signal.aborted) log(`the revocations of ${url.origin} cannot be read: ${why}`);
      failures++;
      return Math.min(backOffMaxMs, pauseMs * 2 ** failures) * (0.5 + Math.random() / 2);
    }
  }

  async function follow(restMs: number): Promise<void> {
    for (let next = restMs; !signal.aborted; next = await turn()) if (next > 0) await rest(next, signal);
  }

  async function start(): Promise<number> {
    let restMs = await turn();
    while (restMs === 0 && !signal.aborted) restMs = await turn();
    starting = undefined;
    return restMs;
  }

  /** The open question may have been answered before the processPause. */
  async function readAll(): Promise<void> {
    while (await read(0));
  }

  const processPause = watchProcessPause(clock, readAll);
  const started = start();
  starting = started.then(() => undefined);
  void started.then(follow);
  return {
    lagSeconds: () => (knownMs === undefined ? undefined : (clock.monotonicMs() - knownMs) / 1000),
    get starting() {
      return starting;
    },
    pendingRead: processPause.pendingRead,
    stop() {
      processPause.stop();
      stopping.abort();
    },
  };
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

/** Throws FetchFailure for anything that is not understood whole: what was skipped would be let in. */
function pageOf(members: Readonly<Record<string, unknown>>): {
  readonly page: RevocationPage;
  readonly more: boolean;
  readonly waitedMs: number;
  readonly serverNow: number;
} {
  const { epoch, last, revocations, now, more, waited } = members;
  const rows = Array.isArray(revocations) ? revocations.map(fromFeedEntry) : [undefined];
  if (
    typeof epoch !== "string" ||
    !isCount(last) ||
    !isCount(now) ||
    !isCount(waited) ||
    typeof more !== "boolean" ||
    !rows.every((row) => row !== undefined)
  )
    throw new FetchFailure("the answer was not a page of revocations");
  return { page: { epoch, last, rows }, more, waitedMs: waited, serverNow: now };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
