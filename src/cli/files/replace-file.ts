// Replaces a file that holds a secret. A process that reads it meanwhile gets the whole old or new content.
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
import { fileProblem } from "../../config/files.js";
import { CommandFailure } from "../failures.js";
import { quoted } from "../terminal/table.js";

/**
 * Replaces the content of the file by the result of `produce`. Mode and owner stay. A link stays a link, and its target
 * is replaced. Meanwhile the file `PATH.new` blocks a second replacement, so `produce` can rely on what it reads from
 * the file.
 * @throws CommandFailure, or what `produce` throws. The file then stays as it is.
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
    if (!stats.isFile()) throw new CommandFailure("The key file is not a regular file and cannot be replaced.");
    return { target, stats };
  });
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
    const advice = exists
      ? " Another rotation runs, or one was killed. If none runs, delete that file and try again."
      : "";
    throw new CommandFailure(
      `The new key file, with .new at its end, cannot be created (${fileProblem(error)}).${advice}`,
    );
  }
}

/**
 * A service that runs as another user must be able to read what root writes. The owner is set through the open file and
 * not by its name. An attacker with write access to the folder could replace the name by a link to a file of root.
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
    throw new CommandFailure(`The key file cannot be replaced (${fileProblem(error)}).`);
  }
}

/** Writes the new name to the disk too, where the system can. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {
    // The rename is in force. Only a crash of the machine within seconds could undo it.
  }
}

/** @throws CommandFailure if the file exists or cannot be written. An existing file stays as it is. */
export function writeNewFile(path: string, text: string, mode = 0o600): void {
  let file: number;
  try {
    // `wx` creates the file or fails in one step, so another process cannot put a file or a link there in between.
    file = openSync(path, "wx", mode);
  } catch (error) {
    throw new CommandFailure(`The file ${quoted(path)} cannot be created (${fileProblem(error)}).`);
  }
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw new CommandFailure(`The file ${quoted(path)} cannot be written (${fileProblem(error)}).`);
  } finally {
    closeSync(file);
  }
}
