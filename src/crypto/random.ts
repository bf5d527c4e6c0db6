// The one source of random identifiers and secrets: node:crypto, in blocks, because a call costs a microsecond.
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(4096);
let used = pool.length;

/** `bytes` random bytes (at most 1024) of the system's generator, never returned twice. */
export function randomOctets(bytes: number): Buffer {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 1024) throw new RangeError("1 to 1024 bytes at once");
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const taken = Buffer.from(pool.subarray(used, used + bytes));
  // The returned bytes do not stay in the pool.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return taken;
}

/** A random identifier in base64url: 22 characters, 128 bits for 16 bytes. None begins with `-`, as an option does. */
export function randomId(bytes = 16): string {
  const id = randomOctets(bytes).toString("base64url");
  return id.startsWith("-") ? randomId(bytes) : id;
}
