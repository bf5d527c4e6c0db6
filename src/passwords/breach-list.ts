// The list of passwords from data leaks (AMPHO_SECURITY_BREACHES_URL): the range API of Have I Been Pwned, a mirror of
// it, or a folder. Five hex characters of the SHA-1 select a range of some 800 hashes (k-anonymity). Neither the
// password nor its hash leaves this process.
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { within } from "../clock.js";
import { boundedFetch, FetchFailure } from "../outbound/bounded-fetch.js";
import { normalizePassword } from "./hash.js";

export interface BreachList {
  /** Returns whether the list has the password. Rejects with FetchFailure after a second at the latest. */
  has(password: string): Promise<boolean>;
}

const limits = { timeoutMs: 1_000, bytesMax: 1_048_576 };
const prefixCharacters = 5;

/** The rest of a SHA-1, and how often the password occurred in leaks. A line with 0 is padding. */
const line = /^([0-9A-F]{35}):(\d{1,10})$/i;

/** `url`: https, http on the loopback interface, or `file:DIR`. */
export function createBreachList(url: string): BreachList {
  const read = url.startsWith("file:") ? readFrom(url.slice("file:".length)) : fetchFrom(new URL(url));
  return {
    async has(password) {
      const sha1 = createHash("sha1").update(normalizePassword(password)).digest("hex").toUpperCase();
      const suffix = sha1.slice(prefixCharacters);
      const lines = (await read(sha1.slice(0, prefixCharacters))).toString("latin1").split(/\r?\n/);
      const entries = lines.filter((text) => text !== "").map((text) => line.exec(text));
      // A page of a proxy, or the error of a mirror. The password is not looked up.
      if (entries.length === 0 || entries.includes(null))
        throw new FetchFailure("the response was not a list of hashes");
      return entries.some((entry) => entry?.[1]?.toUpperCase() === suffix && Number(entry[2]) > 0);
    },
  };
}

type ReadRange = (prefix: string) => Promise<Buffer>;

function fetchFrom(base: URL): ReadRange {
  return async (prefix) => {
    const { status, body } = await boundedFetch(new URL(prefix, base), {
      ...limits,
      // With padding, the length of an encrypted response does not reveal the range.
      headers: { "add-padding": "true", "user-agent": "ampho" },
    });
    if (status !== 200) throw new FetchFailure(`the response was ${status || "a redirect"}`);
    return body;
  };
}

/** The folder has a file for each range, named by its prefix, as the downloader of Have I Been Pwned writes them. */
function readFrom(folder: string): ReadRange {
  return async (prefix) => {
    const failed = (cause: unknown) => new FetchFailure("the file of the range cannot be read", { cause });
    const reading = readRangeFile(join(folder, `${prefix}.txt`)).catch(() => readRangeFile(join(folder, prefix)));
    try {
      // A folder of another machine can hang.
      return await within(limits.timeoutMs, reading, () => failed(undefined));
    } catch (error) {
      throw failed(error);
    }
  };
}

async function readRangeFile(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > limits.bytesMax) throw new Error("The file is too long.");
  return readFile(path);
}
