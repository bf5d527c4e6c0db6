// The user of the database servers, which do not start as root. It can neither read nor execute anything below a folder such
// as /root, where a clone and a TMPDIR can be.
import { chownSync, cpSync, mkdtempSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** The options of a child process that runs as this user. */
export const serverUser: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

const searchable = 0o001;

function canReach(folder: string): boolean {
  if (serverUser.uid === undefined) return true;
  const real = realpathSync(folder);
  const parent = path.dirname(real);
  return (statSync(real).mode & searchable) !== 0 && (parent === real || canReach(parent));
}

/** Gives a file or a folder to the user. */
export function giveToServer(file: string): void {
  if (serverUser.uid !== undefined && serverUser.gid !== undefined) chownSync(file, serverUser.uid, serverUser.gid);
}

/** An empty folder that belongs to the user, in the temporary folder if the user can reach that. */
export function serverFolder(prefix: string): string {
  const parent = [tmpdir(), "/tmp", "/var/tmp", "/dev/shm"].find(canReach);
  if (parent === undefined) throw new Error("the user of the database server can reach no temporary folder");
  const folder = mkdtempSync(path.join(parent, prefix));
  giveToServer(folder);
  return folder;
}

/** Returns the folder, or a copy of it in `into` if the user cannot reach it. */
export function reachable(folder: string, into: string): string {
  if (canReach(folder)) return folder;
  const copy = path.join(into, path.basename(folder));
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}
