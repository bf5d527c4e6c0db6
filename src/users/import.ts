// Imports users from JSON Lines (docs/reference/contract.md §3, `user-import`), all or none, in batches that are
// invisible until one small transaction publishes them. The file is long because they share one state.
import { setTimeout as pause } from "node:timers/promises";
import type { Origin } from "../audit/entry.js";
import type { Clock } from "../clock.js";
import { randomId } from "../crypto/random.js";
import { AmphoError, hasCode, invalidRequest } from "../errors.js";
import type { TotpSecrets } from "../factors/totp/totp.js";
import { emailOf } from "../store/sql/rows/users.js";
import type { Store } from "../store/store.js";
import { type ImportInput, type ImportSettings, linesOf, type ReadUser, readImportLine } from "./import-lines.js";

/**
 * How users are imported.
 * @example
 * const options: ImportOptions = {
 *   dryRun: true,
 *   onWrongLine: ({ line, reason }) => console.error(line, reason),
 *   onProgress: (lines) => console.error(lines),
 * };
 * await ampho.users.import(createReadStream("users.jsonl"), options);
 */
export interface ImportOptions {
  /** Checks everything and imports nothing. Wrong lines are then in the report and do not make the import fail. */
  readonly dryRun?: boolean | undefined;
  /** Receives the first hundred wrong lines, in their order. */
  readonly onWrongLine?: ((wrong: WrongLine) => void) | undefined;
  /** Receives the number of lines so far: at first every 2,000 lines, later about every 30,000. */
  readonly onProgress?: ((lines: number) => void) | undefined;
}

/** A line that cannot be imported. */
export interface WrongLine {
  /** From 1. Empty lines count. */
  readonly line: number;
  /** For people. It contains nothing of the line. */
  readonly reason: string;
}

/** The result of an import. */
export interface ImportReport {
  /** The number of users in the right lines. */
  readonly users: number;
  /** The number of users for each format of password hash. `none` is without a password. */
  readonly formats: Readonly<Record<string, number>>;
  /** The number of wrong lines. Always 0 except in a dry run. */
  readonly wrong: number;
}

/** About 30 ms of writing, for which other writers wait. */
const batchMax = { lines: 2000, bytes: 1 << 20 };
/**
 * At most this many batches are sorted by login before they are written. Logins come in no order. The 2,000 of an
 * unsorted batch would lie on as many pages of their index, and each batch would write all of them. The number doubles
 * each time: the index is small at first, and a short import reports its wrong lines at once.
 */
const batchesMax = 16;
const sweptRows = 1000;
/** Pause between batches. A process that waits for the write lock polls every 4 ms and must find it free. */
const pauseMs = 6;
const wrongLinesMax = 100;
/**
 * An import without a sign of life for a minute counts as dead. An import that waits for lines gives one this often.
 */
const aliveMs = 15_000;

/** They end before the import counts as dead. */
const [attemptsMax, againMs] = [5, 1000];

interface ImportDeps extends ImportSettings {
  readonly store: Pick<Store, "startImport" | "stageUsers" | "publishImport" | "deleteUnpublishedImports">;
  readonly clock: Clock;
  readonly totpSecrets?: Pick<TotpSecrets, "seal"> | undefined;
}

/** Rejects with `invalid_request` for the first wrong line, with `unavailable`, or with any error of the input. */
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
    const now = clock.now();
    const users = batch.map((read) => toStaged(read, newId(), now, deps.totpSecrets));
    return store.stageUsers({ n, users, displaces: !dryRun, now });
  };
  const alive = setInterval(() => void stage([]).catch(() => undefined), aliveMs).unref();
  try {
    for await (const window of windowsOf(input, tally, deps)) {
      const rejected: RejectedLine[] = [];
      for (const batch of batchesOf(window)) {
        const outcome = await spaced(() => stage(batch));
        if (outcome.outcome === "dropped") throw importIsDead();
        rejected.push(...outcome.rejected);
      }
      tally.add(window, rejected);
      options.onProgress?.(tally.lines);
    }
    if (!dryRun && tally.report().wrong === 0) {
      const { users, formats } = tally.report();
      const detail = { users, formats: Object.entries(formats).map(([format, count]) => `${format} ${count}`) };
      const published = await spaced(() => again(() => store.publishImport({ n, now: clock.now(), origin, detail })));
      if (published.outcome === "dropped") throw importIsDead();
      if (published.outcome === "lost") tally.add([], [{ line: published.line, reason: "lost" }]);
    }
    const report = tally.report();
    if (!dryRun && report.wrong > 0) throw tally.failure();
    return report;
  } finally {
    clearInterval(alive);
    // A published import stays. A row that cannot be deleted now is invisible, and the next import deletes it.
    await deleteUnpublishedImports(deps, spaced, n).catch(() => undefined);
  }
}

/** Deletes import `n`, or every dead import. */
export async function deleteUnpublishedImports(
  { store, clock }: ImportDeps,
  spaced: Spaced,
  n: number | undefined,
): Promise<void> {
  const now = clock.now();
  while (await spaced(() => store.deleteUnpublishedImports({ n, now, limit: sweptRows })));
}

/**
 * Ids that grow from batch to batch, so that each batch writes to the end of their index. Random ids would rewrite all
 * of its pages again and again. An id has ten random characters for the import and ten for the user.
 */
function createIds(): () => () => string {
  const start = randomId().slice(0, 10);
  let batches = 0;
  return () => {
    const batch = (batches++).toString(36);
    // The length comes first, so that the texts sort like the numbers.
    return () => `${start}${batch.length}${batch}${randomId().slice(0, 10)}`;
  };
}

const noKey = "A totp_secret is stored encrypted. Set AMPHO_SECURITY_KEY before you import it.";

function toStaged({ user, emailProven }: ReadUser, newId: string, now: number, totpSecrets: ImportDeps["totpSecrets"]) {
  const { email, totp, id = newId } = user;
  return {
    ...user,
    id,
    email: email && emailOf(email, emailProven ? now : undefined),
    totp: totp && totpSecrets && { ...totpSecrets.seal(totp.seed, id), recoveryHashes: totp.recoveryHashes },
  };
}

/**
 * Repeats a publication whose connection was lost before the response, as at the restart of a pooler. It can have been
 * carried out, and is then not carried out again. Without this an import that is published would be reported as failed.
 */
async function again<T>(write: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await write();
    } catch (error) {
      if (!hasCode(error, "unavailable") || attempts === attemptsMax) throw error;
    }
    await pause(againMs);
  }
}

type Spaced = <T>(write: () => Promise<T>) => Promise<T>;

/** Pauses between writes, so that other writers get the lock. Time that has passed anyway counts. */
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

/** Yields users in the order of their lines, in windows that are then sorted by login. */
async function* windowsOf(
  input: ImportInput,
  tally: Tally,
  { totpSecrets, ...settings }: ImportSettings & Pick<ImportDeps, "totpSecrets">,
): AsyncGenerator<readonly ReadUser[]> {
  let batches = 1;
  let window: ReadUser[] = [];
  let room = batchMax;
  for await (const text of linesOf(input)) {
    const read = readImportLine(text, tally.next(), settings);
    if (read !== "empty") {
      if ("wrong" in read) tally.note(read.wrong);
      else if (read.user.totp !== undefined && totpSecrets === undefined) tally.note(noKey);
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

/** Yields the batches of a window, sorted by login and then by line. */
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

const byLogin = ({ user: a }: ReadUser, { user: b }: ReadUser): number =>
  a.canonical < b.canonical ? -1 : a.canonical > b.canonical ? 1 : a.line - b.line;

type Tally = ReturnType<typeof createTally>;

type RejectedLine = {
  readonly line: number;
  readonly reason:
    | "exists"
    | "id"
    | "email"
    | "importing"
    | "repeated"
    | "repeated_id"
    | "factor"
    | "identity"
    | "repeated_identity"
    | "lost";
  readonly firstLine?: number;
};

const rejectionReasons: Readonly<Record<RejectedLine["reason"], (rejected: RejectedLine) => string>> = {
  exists: () => "A user with this login already exists.",
  id: () => "A user with this id already exists.",
  email: () => "Another user, or a line before, has this address.",
  importing: () => "Another import that is under way has the id, the login, the address or an identity.",
  factor: () => "An account has the user_handle, the id of a passkey or a recovery code.",
  identity: () => "An account has an identity of this line.",
  lost: () => "A user has got the id, the login, the address or an identity of this line meanwhile.",
  repeated: ({ firstLine }) => `Line ${firstLine} has the same login.`,
  repeated_id: ({ firstLine }) => `Line ${firstLine} has the same id.`,
  repeated_identity: ({ firstLine }) => `Line ${firstLine} has the same identity.`,
};

function createTally(onWrongLine: ImportOptions["onWrongLine"]) {
  const formats: Record<string, number> = {};
  let lines = 0;
  let users = 0;
  let wrong = 0;
  let first: WrongLine | undefined;
  /** Wrong lines of the current window. Rejections of the database come later and can be of earlier lines. */
  let noted: WrongLine[] = [];

  return {
    /** The number of lines read so far. */
    get lines() {
      return lines;
    },
    /** Counts a line and returns its number. */
    next: () => ++lines,
    note: (reason: string) => void noted.push({ line: lines, reason }),
    /** Counts a written window without its rejected lines. */
    add(window: readonly ReadUser[], rejected: readonly RejectedLine[]): void {
      const rejectedLines = new Set(rejected.map(({ line }) => line));
      for (const { user, format } of window) {
        if (rejectedLines.has(user.line)) continue;
        users += 1;
        formats[format] = (formats[format] ?? 0) + 1;
      }
      const found = rejected.map((each) => ({ line: each.line, reason: rejectionReasons[each.reason](each) }));
      const wrongLines = [...noted, ...found].sort((a, b) => a.line - b.line);
      noted = [];
      for (const each of wrongLines) {
        wrong += 1;
        first ??= each;
        if (wrong <= wrongLinesMax) onWrongLine?.(each);
      }
    },
    report: (): ImportReport => ({ users, formats: { ...formats }, wrong }),
    failure() {
      const count = wrong === 1 ? "One line is wrong." : `${wrong} lines are wrong.`;
      const message = `Nothing was imported. ${count} Line ${first?.line}: ${first?.reason ?? ""}`;
      return invalidRequest(message);
    },
  };
}

function importIsDead(): AmphoError {
  const message = "Nothing was imported. The import gave no sign of life for a minute, so it counted as dead.";
  return new AmphoError("unavailable", message, { retryAfterSeconds: 1 });
}
