// AMPHO_SECURITY_KEY_FILE while the process runs: a changed file is read anew by itself. What is in it is looked at, not its
// times or its inode: that sees a rename, a link that points elsewhere (as Kubernetes mounts secrets) and a file that was
// written in place alike, wherever the file system lies. A file that cannot be used leaves the keys as they are.
import { createHash } from "node:crypto";
import { constants, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ConfigurationError } from "../errors.js";
import { isSameKey } from "../keys/jwk-set.js";
import type { Key } from "../keys/key.js";
import { fileProblem } from "./files.js";
import { readKeyText, unreadable } from "./key.js";
import type { TokenAlgorithm } from "./parameters.js";

const intervalMs = 1_000;
/** A file that is being written is no good for a moment: it is bad when it was so each time. */
const looksUntilBad = 3;
/** A set of a hundred RSA keys is far below. */
const fileBytesMax = 1 << 20;

export interface KeyFileFollower {
  /** What is in the file cannot be used: the keys that were read before go on. */
  readonly failing: boolean;
  /** Looks now. Rejects with ConfigurationError when the file cannot be used; the keys stay as they are. */
  reload(): Promise<void>;
  stop(): void;
}

export function followKeyFile(deps: {
  readonly path: string;
  readonly algorithm: TokenAlgorithm | undefined;
  /** Those that were read from it at the start. */
  readonly keys: readonly Key[];
  readonly take: (keys: readonly Key[]) => void;
  readonly log: (line: string) => void;
}): KeyFileFollower {
  const { path, algorithm, take, log } = deps;
  let keys = deps.keys;
  let taken = "";
  let badLooks = 0;
  let reported: string | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve<string | undefined>(undefined);

  /** What is wrong with the file, if anything is. */
  async function look(insists: boolean): Promise<string | undefined> {
    const problem = stopped ? undefined : await lookOnce();
    if (problem === undefined) {
      if (reported !== undefined && !stopped) log("the key file can be used again");
      badLooks = 0;
      reported = undefined;
      return undefined;
    }
    badLooks++;
    if ((!insists && badLooks < looksUntilBad) || problem === reported) return problem;
    reported = problem;
    // Whoever insisted is told by the rejection.
    if (!insists && !stopped) log(`error: AMPHO_SECURITY_KEY_FILE ${problem}; the keys that were read before go on`);
    return problem;
  }

  async function lookOnce(): Promise<string | undefined> {
    const file = await readKeyFile(path);
    if ("problem" in file) return unreadable(path, file.problem);
    const digest = createHash("sha256").update(file.text).digest("base64url");
    if (digest === taken) return undefined;
    const { keys: read, warnings, problems } = readKeyText(file.text, algorithm);
    if (read === undefined) return problems.map(({ text }) => text).join("; ");
    if (stopped) return undefined;
    const before = keys;
    keys = read;
    taken = digest;
    take(read);
    for (const warning of warnings) log(`warning: ${warning}`);
    if (!isSame(before, read)) log(changeOf(before, read));
    return undefined;
  }

  /** One after the other: two that look at once could take an older set after a newer one. */
  function lookInTurn(insists: boolean): Promise<string | undefined> {
    const next = () => look(insists);
    looking = looking.then(next, next);
    return looking;
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => void lookInTurn(false).then(schedule, schedule), intervalMs);
    timer.unref();
  }

  // What came through a pipe has been read, and is there no more.
  const followable = isRegular(path);
  if (followable) schedule();
  return {
    get failing() {
      return reported !== undefined;
    },
    async reload() {
      if (!followable) throw new ConfigurationError("AMPHO_SECURITY_KEY_FILE is no regular file: it is read once");
      const problem = await lookInTurn(true);
      if (problem !== undefined) throw new ConfigurationError(`AMPHO_SECURITY_KEY_FILE ${problem}`);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function isRegular(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}

async function readKeyFile(path: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  let file: FileHandle | undefined;
  try {
    // A pipe in its place must not hold up whoever opens it.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await file.stat();
    if (!stats.isFile()) return { problem: "it is no regular file" };
    if (stats.size > fileBytesMax) return { problem: "it is too large" };
    return { text: (await file.readFile("utf8")).replace(/^\uFEFF/, "") };
  } catch (error) {
    return { problem: fileProblem(error) };
  } finally {
    await file?.close();
  }
}

function isSame(before: readonly Key[], after: readonly Key[]): boolean {
  return before.length === after.length && before.every((key, at) => isSameKeyAt(key, after[at]));
}

function isSameKeyAt(one: Key, other: Key | undefined): boolean {
  return other !== undefined && isSameKey(one, other);
}

/** By kid, which each token says anyway. */
function changeOf(before: readonly Key[], after: readonly Key[]): string {
  const [signing = "", ...verifying] = after.map(({ kid }) => kid);
  const gone = before.filter((key) => !after.some((one) => isSameKey(key, one))).map(({ kid }) => kid);
  return [
    `the key file was read anew: ${signing} signs`,
    verifying.length > 0 ? `, ${verifying.join(", ")} only verify` : "",
    gone.length > 0 ? `; gone: ${gone.join(", ")}, and all that was signed with it` : "",
  ].join("");
}
