// Users from elsewhere (contract §3, `user-import`): JSON Lines to users of the store, all or none of them. They are written
// in batches that nobody sees and published by one small transaction, so that whoever uses the store meanwhile waits for
// no more than a batch; memory is bounded by a batch.

import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import type { Origin, StagedUser } from "../store/store.js";
import { type ReadUser, readImportLine } from "./import-lines.js";
import type { Parts } from "./parts.js";

export interface ImportOptions {
  /** Looks at everything and imports nothing; wrong lines are then in the report instead of making it fail. */
  readonly dryRun?: boolean | undefined;
  /** Gets the wrong lines in their order, the first hundred of them. */
  readonly onWrongLine?: ((wrong: WrongLine) => void) | undefined;
  /** Gets the number of lines read so far, about every two thousand. */
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

export type Lines = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** Some 30 ms of writing. With fewer, each would rewrite as much of the index of logins for less. */
const batchMax = { lines: 2000, bytes: 1 << 20 };
const sweptRows = 1000;
/** Between batches: who waits for the write lock tries again every 4 ms, and must find it free. */
const pauseMs = 6;
const wrongLinesMax = 100;
/** An import whose owner was not heard of for so long is dead. While it waits for lines it says that it is not. */
const lease = { seconds: 60, renewMs: 15_000 };

type ImportParts = Pick<Parts, "store" | "clock">;

/**
 * Rejects with `invalid_request` when a line is wrong (the message names the first and the reason), with `unavailable` when
 * the store is away or the import was given up, and with whatever reading the lines throws. Then nothing was imported.
 */
export async function importUsers(
  parts: ImportParts,
  lines: Lines,
  options: ImportOptions,
  origin: Origin,
): Promise<ImportReport> {
  const { store, clock } = parts;
  const { dryRun = false } = options;
  const spaced = spacing(parts);
  const tally = createTally(options.onWrongLine);
  await removeLeft(parts, spaced, undefined);
  const n = await store.startImport({ now: clock.now() });
  const idOf = createIds();
  const stage = (batch: readonly ReadUser[]) => {
    const users = batch.map(({ user }): StagedUser => ({ ...user, id: idOf(user.line) }));
    return store.stageUsers({ n, users, displaces: !dryRun, now: clock.now() });
  };
  const alive = setInterval(() => void stage([]).catch(() => undefined), lease.renewMs);
  alive.unref();
  try {
    for await (const batch of batchesOf(lines, tally)) {
      const outcome = batch.length === 0 ? undefined : await spaced(() => stage(batch));
      if (outcome?.outcome === "dropped") throw givenUp();
      tally.add(batch, outcome?.refused ?? []);
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
    await removeLeft(parts, spaced, n).catch(() => undefined);
  }
}

/** Removes import `n`, or every import that is dead. */
export async function removeLeft({ store, clock }: ImportParts, spaced: Spaced, n: number | undefined): Promise<void> {
  const untouchedSince = clock.now() - lease.seconds;
  while (await spaced(() => store.sweepImports({ n, untouchedSince, limit: sweptRows })));
}

/**
 * Ids of which those of one batch lie behind those of the batch before: so each batch writes to the end of their index,
 * where ids by lot would rewrite all of its pages time and again. Ten characters by lot for the import, ten for each user.
 */
function createIds(): (line: number) => string {
  const start = randomId().slice(0, 10);
  return (line) => {
    const batch = Math.floor(line / batchMax.lines).toString(36);
    // Its length before it keeps the order of numbers as texts.
    return `${start}${batch.length}${batch}${randomId().slice(0, 10)}`;
  };
}

type Spaced = <T>(write: () => Promise<T>) => Promise<T>;

/** Writes with pauses between them, in which others get the write lock. What was done in the meantime counts as pause. */
export function spacing({ clock }: Pick<Parts, "clock">): Spaced {
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

async function* batchesOf(lines: Lines, tally: Tally): AsyncGenerator<readonly ReadUser[]> {
  let batch: ReadUser[] = [];
  let room = batchMax;
  for await (const text of lines) {
    const read = readImportLine(text, tally.next());
    if (read !== "empty") {
      if ("wrong" in read) tally.note(read.wrong);
      else batch.push(read);
    }
    room = { lines: room.lines - 1, bytes: room.bytes - text.length };
    if (room.lines > 0 && room.bytes > 0) continue;
    yield batch;
    batch = [];
    room = batchMax;
  }
  yield batch;
}

interface Tally {
  /** Read so far. */
  readonly lines: number;
  /** The number of the next line. */
  next(): number;
  /** The present line is wrong. */
  note(reason: string): void;
  /** A batch is written, but for those who were refused. */
  add(batch: readonly ReadUser[], refused: readonly Refused[]): void;
  report(): ImportReport;
  failure(): AmphoError;
}

type Refused = {
  readonly line: number;
  readonly reason: "exists" | "importing" | "repeated";
  readonly firstLine?: number;
};

const refusals: Readonly<Record<Refused["reason"], (refused: Refused) => string>> = {
  exists: () => "A user with this login exists already.",
  importing: () => "Another import that is under way has this login.",
  repeated: ({ firstLine }) => `Line ${firstLine} has the same login.`,
};

function createTally(onWrongLine: ImportOptions["onWrongLine"]): Tally {
  const formats: Record<string, number> = {};
  let lines = 0;
  let users = 0;
  let wrong = 0;
  let first: WrongLine | undefined;
  /** Of the present batch: the store's refusals come later and may be of earlier lines. */
  let noted: WrongLine[] = [];

  return {
    get lines() {
      return lines;
    },
    next: () => ++lines,
    note: (reason) => void noted.push({ line: lines, reason }),
    add(batch, refused) {
      const refusedLines = new Set(refused.map(({ line }) => line));
      for (const { user, format } of batch) {
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
