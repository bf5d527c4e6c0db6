// A file that holds a secret, replaced at once: whoever reads it meanwhile has the old one or the new one, whole.
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { fileProblem } from "../config/files.js";
import { CommandFailure } from "./failure.js";

/**
 * Replaces the file with what `produce` gives; mode and owner stay. A link stays one: what it points to is replaced. While
 * it runs, `PATH.new` is there and keeps a second one out, so `produce` may read the file and go by what it read.
 * @throws CommandFailure, or what `produce` throws; the file then stays as it is
 */
export async function replaceFile(path: string, produce: () => Promise<string>): Promise<void> {
  const { target, stats } = find(path);
  const beside = `${target}.new`;
  const file = create(beside);
  try {
    const text = await produce();
    attempt(() => {
      writeFileSync(file, text);
      own(file, stats);
      fchmodSync(file, stats.mode & 0o777);
      fsyncSync(file);
      renameSync(beside, target);
    });
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(target));
}

function find(path: string): { readonly target: string; readonly stats: Stats } {
  return attempt(() => {
    const target = realpathSync(path);
    const stats = statSync(target);
    if (!stats.isFile()) throw new CommandFailure("the key file is no regular file and cannot be replaced");
    return { target, stats };
  });
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    const again = isThere ? "; either this command runs already, or one was killed: then remove it" : "";
    const what = "a new file beside the key file, with .new at its end, cannot be made";
    throw new CommandFailure(`${what}: ${fileProblem(error)}${again}`);
  }
}

/**
 * A service that runs as somebody else has to be able to read what root writes. Not by the file's name: whoever may write
 * into the folder could make that a link to a file of root's, and would be given that one.
 */
function own(file: number, { uid, gid }: Stats): void {
  const { uid: ownUid, gid: ownGid } = fstatSync(file);
  if (ownUid !== uid || ownGid !== gid) fchownSync(file, uid, gid);
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`the key file cannot be replaced: ${fileProblem(error)}`);
  }
}

/** So that the new name is on disk too; not every system can. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {
    // What was renamed is in force; only a crash of the machine within seconds could undo it.
  }
}
