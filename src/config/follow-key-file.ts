// AMPHO_SECURITY_KEY_FILE while the process runs: the process reads a changed file without a restart. It compares the content
// and not times or inodes. So it sees a rename, a link that points elsewhere (as Kubernetes mounts secrets) and a file that
// was written in place, on every file system. A file that cannot be used leaves the keys as they are.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ConfigurationError } from "../errors.js";
import { isSameKey } from "../keys/jwk-set.js";
import type { Key } from "../keys/key.js";
import { keyFileFailsLine, keyFileReadsLine, keysChangedLine } from "../log-lines.js";
import { fileProblem, withoutByteOrderMark } from "./files.js";
import type { TokenAlgorithm } from "./parameters.js";
import { readKeyText, unreadableKeyFile } from "./read-key.js";

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
  readonly algorithm: TokenAlgorithm | undefined;
  /** The keys that were read from the file at the start. */
  readonly keys: readonly Key[];
  readonly take: (keys: readonly Key[]) => void;
  readonly log: (line: string) => void;
}): KeyFileFollower {
  const { path, algorithm, take, log } = deps;
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
    if ("why" in file) return unreadableKeyFile(label, path, file.why);
    const digest = createHash("sha256").update(file.text).digest("base64url");
    if (digest === takenDigest) return undefined;
    const result = readKeyText(label, file.text, algorithm);
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

function hasSameKeys(before: readonly Key[], after: readonly Key[]): boolean {
  return (
    before.length === after.length &&
    before.every((key, at) => {
      const other = after[at];
      return other !== undefined && isSameKey(key, other);
    })
  );
}

function describeChange(before: readonly Key[], after: readonly Key[]): string {
  const [signing = "", ...verifying] = after.map(({ kid }) => kid);
  const gone = before.filter((key) => !after.some((one) => isSameKey(key, one))).map(({ kid }) => kid);
  return keysChangedLine(signing, verifying, gone);
}
