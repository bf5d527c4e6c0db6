// Limits the guesses of keys, in the memory of one process.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { attemptSourceOf } from "./sources.js";

export type Guesses = ReturnType<typeof createGuesses>;

const sourcesMax = 10_000;

export function remember<T>(map: Map<string, T>, name: string, value: T, max: number): void {
  map.delete(name);
  map.set(name, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}

/**
 * Limits how many different bad keys and assertions an address and its network can send within the window, as logins
 * are limited. It counts in this process alone, because a count in the database would be a write for each bad key.
 */
export function createGuesses(
  settings: Pick<Configuration, "throttleAddress" | "throttleNetwork" | "throttleWindow">,
  clock: Pick<Clock, "now">,
) {
  const { throttleAddress, throttleNetwork, throttleWindow: windowSeconds } = settings;
  const counted = new Map<string, { readonly hashes: Set<string>; readonly until: number }>();

  function setOf(name: string, max: number, hash: string, now: number): Set<string> {
    const known = counted.get(name);
    // A window that ends too late was begun before the clock was set back.
    const isOver = known === undefined || known.until <= now || known.until > now + windowSeconds;
    const source = isOver ? { hashes: new Set<string>(), until: now + windowSeconds } : known;
    if (isOver) remember(counted, name, source, sourcesMax);
    if (source.hashes.has(hash) || source.hashes.size < max) return source.hashes;
    throw new AmphoError("too_many_attempts", "Too many wrong keys. Wait before the next one.", {
      retryAfterSeconds: source.until - now,
    });
  }

  return {
    /** Takes an attempt, which `hash` identifies. Throws `too_many_attempts`. */
    take(address: string | undefined, hash: string): { giveBack(): void } {
      const source = attemptSourceOf(address);
      const now = clock.now();
      const sets: Set<string>[] = [];
      if (source !== undefined && throttleAddress > 0) sets.push(setOf(source.address, throttleAddress, hash, now));
      if (source?.network !== undefined && throttleNetwork > 0)
        sets.push(setOf(source.network, throttleNetwork, hash, now));
      for (const hashes of sets) hashes.add(hash);
      return {
        giveBack() {
          for (const hashes of sets) hashes.delete(hash);
        },
      };
    },
  };
}
