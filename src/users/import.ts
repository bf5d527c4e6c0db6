// Users from elsewhere (contract §3, `user-import`): JSON Lines to users of the store, all or none of them. They are written
// in batches that nobody sees and published by one small transaction, so that whoever uses the store meanwhile waits for
// no more than a batch; memory is bounded by a window of batches.

import type { Origin } from "../audit/entry.js";
import type { Clock } from "../clock.js";
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { StagedUser } from "../store/sql/imports.js";
import type { Store } from "../store/store.js";
import { type ImportInput, linesOf, type ReadUser, readImportLine } from "./import-lines.js";

export interface ImportOptions {
  /** Looks at everything and imports nothing; wrong lines are then in the report instead of making it fail. */
  readonly dryRun?: boolean | undefined;
  /** Gets the wrong lines in their order, the first hundred of them. */
  readonly onWrongLine?: ((wrong: WrongLine) => void) | undefined;
  /** Gets the number of lines dealt with so far: at first every two thousand, later every thirty thousand or so. */
  readonly onProgress?: ((lines: number) => void) | undefined;
}

export interface WrongLine {
  /** From 1; empty lines count. */
  readonly line: number;
  /** For people; holds nothing of the line. */
  readonly reason: string;
}

export interface ImportReport {
  /** Whom the right lines name. */
  readonly users: number;
  /** How many of them have a hash of which format; `none` is without a password. */
  readonly formats: Readonly<Record<string, number>>;
  /** How many lines are wrong: always 0 but for a dry run. */
  readonly wrong: number;
}

/** Some 30 ms of writing, for which others wait. */
const batchMax = { lines: 2000, bytes: 1 << 20 };
/**
 * So many batches are sorted by login before they are written, at most: logins come in no order, and two thousand of them
 * lie on as many pages of their index, all of which each batch would write anew. Twice as many each time, for the index
 * is small at first, and whoever imports a few sees at once what is wrong.
 */
const batchesMax = 16;
const sweptRows = 1000;
/** Between batches: who waits for the write lock tries again every 4 ms, and must find it free. */
const pauseMs = 6;
const wrongLinesMax = 100;
/** The store takes an import that it has not heard of for a minute for dead. While it waits for lines it says that it is not. */
const aliveMs = 15_000;

interface ImportDeps {
  readonly store: Pick<Store, "startImport" | "stageUsers" | "publishImport" | "deleteUnpublishedImports">;
  readonly clock: Clock;
}

/**
 * Rejects with `invalid_request` when a line is wrong (the message names the first and the reason), with `unavailable` when
 * the store is away or the import was given up, and with whatever reading the lines throws. Then nothing was imported.
 */
export async function importUsers(
  deps: ImportDeps,
  input: ImportInput,
  options: ImportOptions,
  origin: Origin,
): Promise<ImportReport> {
  const { store, clock } = deps;
  const { dryRun = false } = options;
  const spaced = spacing(deps);
  const tally = createTally(options.onWrongLine);
  await deleteUnpublishedImports(deps, spaced, undefined);
  const n = await store.startImport({ now: clock.now(), trial: dryRun });
  const idsOfBatch = createIds();
  const stage = (batch: readonly ReadUser[]) => {
    const newId = idsOfBatch();
    const users = batch.map(({ user }): StagedUser => ({ ...user, id: newId() }));
    return store.stageUsers({ n, users, displaces: !dryRun, now: clock.now() });
  };
  const alive = setInterval(() => void stage([]).catch(() => undefined), aliveMs);
  alive.unref();
  try {
    for await (const window of windowsOf(input, tally)) {
      const refused: Refused[] = [];
      for (const batch of batchesOf(window)) {
        const outcome = await spaced(() => stage(batch));
        if (outcome.outcome === "dropped") throw givenUp();
        refused.push(...outcome.rejected);
      }
      tally.add(window, refused);
      options.onProgress?.(tally.lines);
    }
    if (!dryRun && tally.report().wrong === 0) {
      const { users, formats } = tally.report();
      const detail = { users, formats: Object.entries(formats).map(([format, count]) => `${format} ${count}`) };
      const published = await spaced(() => store.publishImport({ n, now: clock.now(), origin, detail }));
      if (published.outcome === "dropped") throw givenUp();
      if (published.outcome === "lost") tally.add([], [{ line: published.line, reason: "exists" }]);
    }
    const report = tally.report();
    if (!dryRun && report.wrong > 0) throw tally.failure();
    return report;
  } finally {
    clearInterval(alive);
    // One that is published stays. What cannot be removed now is invisible, holds nobody up, and goes with the next import.
    await deleteUnpublishedImports(deps, spaced, n).catch(() => undefined);
  }
}

/** Removes import `n`, or every import that is dead. */
export async function deleteUnpublishedImports(
  { store, clock }: ImportDeps,
  spaced: Spaced,
  n: number | undefined,
): Promise<void> {
  const now = clock.now();
  while (await spaced(() => store.deleteUnpublishedImports({ n, now, limit: sweptRows })));
}

/**
 * Ids of which those of one batch lie behind those of the batch before: so each batch writes to the end of their index,
 * where ids by lot would rewrite all of its pages time and again. Ten characters by lot for the import, ten for each user.
 */
function createIds(): () => () => string {
  const start = randomId().slice(0, 10);
  let batches = 0;
  return () => {
    const batch = (batches++).toString(36);
    // Its length before it keeps the order of numbers as texts.
    return () => `${start}${batch.length}${batch}${randomId().slice(0, 10)}`;
  };
}

type Spaced = <T>(write: () => Promise<T>) => Promise<T>;

/** Writes with pauses between them, in which others get the write lock. What was done in the meantime counts as pause. */
export function spacing({ clock }: Pick<ImportDeps, "clock">): Spaced {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async (write) => {
    const waitMs = lastMs + pauseMs - clock.monotonicMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    try {
      return await write();
    } finally {
      lastMs = clock.monotonicMs();
    }
  };
}

/** Users in the order of their lines, as many as are written in order of their logins. */
async function* windowsOf(input: ImportInput, tally: Tally): AsyncGenerator<readonly ReadUser[]> {
  let batches = 1;
  let window: ReadUser[] = [];
  let room = batchMax;
  for await (const text of linesOf(input)) {
    const read = readImportLine(text, tally.next());
    if (read !== "empty") {
      if ("wrong" in read) tally.note(read.wrong);
      else window.push(read);
    }
    room = { lines: room.lines - 1, bytes: room.bytes - text.length };
    if (room.lines > 0 && room.bytes > 0) continue;
    yield window;
    window = [];
    room = { lines: batchMax.lines * batches, bytes: batchMax.bytes * batches };
    batches = Math.min(batches * 2, batchesMax);
  }
  yield window;
}

/** Of two with one login the earlier line comes first. */
function* batchesOf(window: readonly ReadUser[]): Generator<readonly ReadUser[]> {
  const sorted = [...window].sort(byLogin);
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    for (let bytes = 0; end < sorted.length && end - start < batchMax.lines && bytes < batchMax.bytes; end += 1)
      bytes += sorted[end]?.bytes ?? 0;
    yield sorted.slice(start, end);
    start = end;
  }
}

function byLogin({ user: a }: ReadUser, { user: b }: ReadUser): number {
  return a.canonical < b.canonical ? -1 : a.canonical > b.canonical ? 1 : a.line - b.line;
}

interface Tally {
  /** Read so far. */
  readonly lines: number;
  /** The number of the next line. */
  next(): number;
  /** The present line is wrong. */
  note(reason: string): void;
  /** A window is written, but for those who were refused. */
  add(window: readonly ReadUser[], refused: readonly Refused[]): void;
  report(): ImportReport;
  failure(): AmphoError;
}

type Refused = {
  readonly line: number;
  readonly reason: "exists" | "importing" | "repeated";
  readonly firstLine?: number;
};

const refusals: Readonly<Record<Refused["reason"], (refused: Refused) => string>> = {
  exists: () => "A user with this login already exists.",
  importing: () => "Another import that is under way has this login.",
  repeated: ({ firstLine }) => `Line ${firstLine} has the same login.`,
};

function createTally(onWrongLine: ImportOptions["onWrongLine"]): Tally {
  const formats: Record<string, number> = {};
  let lines = 0;
  let users = 0;
  let wrong = 0;
  let first: WrongLine | undefined;
  /** Of the present window: the store's refusals come later and may be of earlier lines. */
  let noted: WrongLine[] = [];

  return {
    get lines() {
      return lines;
    },
    next: () => ++lines,
    note: (reason) => void noted.push({ line: lines, reason }),
    add(window, refused) {
      const refusedLines = new Set(refused.map(({ line }) => line));
      for (const { user, format } of window) {
        if (refusedLines.has(user.line)) continue;
        users += 1;
        formats[format] = (formats[format] ?? 0) + 1;
      }
      const found = [...noted, ...refused.map((each) => ({ line: each.line, reason: refusals[each.reason](each) }))];
      noted = [];
      for (const each of found.sort((a, b) => a.line - b.line)) {
        wrong += 1;
        first ??= each;
        if (wrong <= wrongLinesMax) onWrongLine?.(each);
      }
    },
    report: () => ({ users, formats: { ...formats }, wrong }),
    failure() {
      const how = wrong === 1 ? "one line is wrong" : `${wrong} lines are wrong, the first of them`;
      return new AmphoError(
        "invalid_request",
        `Nothing was imported: ${how}: line ${first?.line}: ${first?.reason ?? ""}`,
      );
    },
  };
}

function givenUp(): AmphoError {
  return new AmphoError("unavailable", "Nothing was imported: the import was not heard of for too long and given up.", {
    retryAfterSeconds: 1,
  });
}
