// Writes each mail as one file of a folder, for tests and for programs that send the files. A file is complete when it
// appears, and only the user of the process can read it.
import { constants } from "node:fs";
import { access, mkdir, open, rename, unlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "../../clock.js";
import { ConfigurationError } from "../../errors.js";
import { MailFailure } from "../mail-failure.js";
import { composeMime } from "../mime.js";
import { systemCodeOf, type Transport } from "./transport.js";

/** Creates the folder if it does not exist. Rejects with ConfigurationError if it cannot be written. */
export async function createFolder(path: string, clock: Pick<Clock, "now">): Promise<Transport> {
  const folder = resolve(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ConfigurationError(`AMPHO_MAIL_URL names a folder that cannot be written (${systemCodeOf(error)}).`);
  }
  return {
    async send(message) {
      const now = clock.now();
      const time = new Date(now * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
      const name = `${time}-${message.id}.eml`;
      const mime = composeMime(message, now);
      try {
        await writeAtomically(folder, name, mime);
      } catch (error) {
        throw new MailFailure(`The file of the mail could not be written (${systemCodeOf(error)}).`);
      }
    },
    accepted: "The mail is a new file of the folder.",
  };
}

/** The name begins with a dot until the file is on the disk. */
async function writeAtomically(folder: string, name: string, content: string): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  try {
    await writeFile(temporary, content, { mode: 0o600, flush: true });
    await rename(temporary, join(folder, name));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/** Puts the new name on the disk. Windows cannot open a folder, and its file systems do not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
