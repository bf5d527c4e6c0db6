// AMPHO_SECURITY_KEY and AMPHO_SECURITY_KEY_FILE: imports keys that can sign and verify from one of them. A problem
// names the parameter to change and never contains a part of the key.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ConfigurationError } from "../errors.js";
import { keyFileFailsLine, keyFileReadsLine, keysChangedLine, ownKeyLine } from "../log-lines.js";
import { generateJwk } from "../signing-keys/generate.js";
import { type ImportedKeys, importKeys, isSameKey } from "../signing-keys/jwk-set.js";
import type { Key } from "../signing-keys/key.js";
import { fileProblem, withoutByteOrderMark } from "./files.js";
import { fromJson } from "./kinds.js";
import { readSecret, type SourceValue, unreadableFile } from "./sources.js";

/**
 * `any` takes the configured key or, outside production, creates one for this process.
 * `configured` requires a configured key. `given` takes it if there is one. `none` reads no key.
 */
export type KeyUse = "any" | "configured" | "given" | "none";

export interface KeyResult {
  readonly keys?: ImportedKeys["keys"];
  /** The JWK or JWK Set that the keys come from. */
  readonly source?: unknown;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

export interface KeyInput {
  readonly value: SourceValue | undefined;
  readonly use: KeyUse;
  readonly production: boolean;
  readonly cwd: string;
}

const nothing: KeyResult = { warnings: [], problems: [] };
const problem = (text: string): KeyResult => ({ warnings: [], problems: [text] });

export function readKey(input: KeyInput): KeyResult {
  const { value, use } = input;
  if (use === "none") return nothing;
  if (value !== undefined) {
    const { label, raw, file } = value;
    if (file === undefined) return importUnder(label, raw);
    const read = readSecret(label, file, input.cwd);
    return typeof read === "string" ? problem(read) : importUnder(label, read.text);
  }
  if (use === "given") return nothing;
  if (use === "any" && !input.production) return forThisProcess();
  const where = use === "any" ? " in production" : "";
  return problem(`AMPHO_SECURITY_KEY must be set${where}. Create a key with \`ampho sec-gen-key\`.`);
}

function importUnder(label: string, value: unknown): KeyResult {
  const parsed = fromJson(value);
  if (parsed === undefined) return problem(`${label} must be a JWK or a JWK Set, but is not JSON.`);
  const imported = attempt(() => importKeys(parsed));
  if ("failed" in imported) return problem(`${label} cannot be used: ${asSentence(imported.failed)}`);
  return { ...imported.done, source: parsed, problems: [] };
}

function attempt<T>(work: () => T): { readonly done: T } | { readonly failed: string } {
  try {
    return { done: work() };
  } catch (error) {
    if (error instanceof ConfigurationError) return { failed: error.message };
    throw error;
  }
}

const asSentence = (text: string) => (text.endsWith(".") ? text : `${text}.`);

function forThisProcess(): KeyResult {
  const { keys } = importKeys(generateJwk("HS256"));
  return { keys, warnings: [ownKeyLine()], problems: [] };
}

// AMPHO_SECURITY_KEY_FILE while the process runs: the process reads a changed file without a restart. It compares the
// content and not times or inodes. So it sees a rename, a link that points elsewhere (as Kubernetes mounts secrets) and
// a file that was written in place, on every file system. A file that cannot be used leaves the keys as they are.

const intervalMs = 1_000;
/** A file is unusable while it is being written, so one bad read is not reported. */
const badReadsUntilReported = 3;
/** A set of a hundred RSA keys is far smaller. */
const fileBytesMax = 1 << 20;

const label = "AMPHO_SECURITY_KEY_FILE";

export interface KeyFileFollower {
  /** True while the file cannot be used and the process keeps the keys that it read before. */
  readonly failing: boolean;
  /** Reads the file now. Rejects with ConfigurationError if it cannot be used, and keeps the keys as they are. */
  reload(): Promise<void>;
  stop(): void;
}

export function followKeyFile(deps: {
  readonly path: string;
  /** The keys that were read from the file at the start. */
  readonly keys: readonly Key[];
  readonly take: (keys: readonly Key[]) => void;
  readonly log: (line: string) => void;
}): KeyFileFollower {
  const { path, take, log } = deps;
  let keys = deps.keys;
  let takenDigest = "";
  let badReads = 0;
  let reported: string | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let reading = Promise.resolve<string | undefined>(undefined);

  /** Returns the problem of the file, if it has one. `requested`: the rejection of reload() reports it, not the log. */
  async function read(requested: boolean): Promise<string | undefined> {
    const problem = stopped ? undefined : await readOnce();
    if (problem === undefined) {
      if (reported !== undefined && !stopped) log(keyFileReadsLine());
      badReads = 0;
      reported = undefined;
      return undefined;
    }
    badReads++;
    if ((!requested && badReads < badReadsUntilReported) || problem === reported) return problem;
    reported = problem;
    if (!requested && !stopped) log(keyFileFailsLine(problem));
    return problem;
  }

  async function readOnce(): Promise<string | undefined> {
    const file = await readKeyFile(path);
    if ("why" in file) return unreadableFile(label, path, file.why);
    const digest = createHash("sha256").update(file.text).digest("base64url");
    if (digest === takenDigest) return undefined;
    const result = importUnder(label, file.text);
    if (result.keys === undefined) return result.problems.join(" ");
    if (stopped) return undefined;
    const before = keys;
    const isChanged = !hasSameKeys(before, result.keys);
    // The start has logged the warnings of the file that the first read finds unchanged.
    const isKnown = takenDigest === "" && !isChanged;
    keys = result.keys;
    takenDigest = digest;
    take(result.keys);
    if (!isKnown) for (const warning of result.warnings) log(`warning: ${warning}`);
    if (isChanged) log(describeChange(before, result.keys));
    return undefined;
  }

  /** Reads run in sequence. Two concurrent reads could take an older set after a newer one. */
  function readInSequence(requested: boolean): Promise<string | undefined> {
    const next = () => read(requested);
    reading = reading.then(next, next);
    return reading;
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => void readInSequence(false).then(schedule, schedule), intervalMs);
    timer.unref();
  }

  schedule();
  return {
    get failing() {
      return reported !== undefined;
    },
    async reload() {
      const problem = await readInSequence(true);
      if (problem !== undefined) throw new ConfigurationError(problem);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function readKeyFile(path: string): Promise<{ readonly text: string } | { readonly why: string }> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait until another process writes to it.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await file.stat();
    if (!stats.isFile()) return { why: "it is not a regular file" };
    if (stats.size > fileBytesMax) return { why: "it is too large" };
    return { text: withoutByteOrderMark(await file.readFile("utf8")) };
  } catch (error) {
    return { why: fileProblem(error) };
  } finally {
    await file?.close();
  }
}

const hasSameKeys = (before: readonly Key[], after: readonly Key[]): boolean =>
  before.length === after.length && before.every((key, at) => after[at] !== undefined && isSameKey(key, after[at]));

function describeChange(before: readonly Key[], after: readonly Key[]): string {
  const [signing = "", ...verifying] = after.map(({ kid }) => kid);
  const gone = before.filter((key) => !after.some((one) => isSameKey(key, one))).map(({ kid }) => kid);
  return keysChangedLine(signing, verifying, gone);
}
