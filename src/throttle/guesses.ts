// Limits the guesses of keys, in the memory of one process.
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError, hasCode } from "../errors.js";
import { attemptSourceOf, networkTimes } from "./sources.js";

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

/** How many different ones are checked at once. A slow database must not have it wait for one address alone. */
const pendingMax = { address: 128, network: 1024 };

interface Source {
  readonly max: number;
  /** The wrong ones. */
  readonly wrong: Set<string>;
  readonly until: number;
  /** Those that are being checked, with the number of their requests. */
  readonly pending: Map<string, number>;
  readonly pendingMax: number;
}

/**
 * Limits how many different bad keys and assertions an address and its network can send within the window, as logins
 * are limited. It counts in this process alone, because a count in the database would be a write for each bad key.
 * Good ones never count.
 */
export function createGuesses(
  settings: Pick<Configuration, "throttleAddress" | "throttleWindow">,
  clock: Pick<Clock, "now">,
) {
  const { throttleAddress, throttleWindow: windowSeconds } = settings;
  const counted = new Map<string, Source>();

  function sourceOf(name: string, max: number, pendingMax: number, now: number): Source {
    const known = counted.get(name);
    // A window that ends too late was begun before the clock was set back.
    if (known !== undefined && known.until > now && known.until <= now + windowSeconds) return known;
    const source = { max, wrong: new Set<string>(), until: now + windowSeconds, pending: new Map(), pendingMax };
    remember(counted, name, source, sourcesMax);
    return source;
  }

  function sourcesOf(address: string | undefined, now: number): readonly Source[] {
    const source = attemptSourceOf(address);
    const sources: Source[] = [];
    if (source !== undefined && throttleAddress > 0)
      sources.push(sourceOf(source.address, throttleAddress, pendingMax.address, now));
    if (source?.network !== undefined && throttleAddress > 0)
      sources.push(sourceOf(source.network, networkTimes * throttleAddress, pendingMax.network, now));
    return sources;
  }

  return {
    /**
     * Returns what `check` resolves to. It counts as a wrong one, which `name` identifies, if it rejects with the code
     * `wrong`. Rejects with `too_many_attempts`, or `overloaded`, where nothing is checked.
     */
    async limit<T>(
      address: string | undefined,
      name: string,
      wrong: "invalid_token" | "invalid_client",
      check: () => Promise<T>,
    ): Promise<T> {
      const now = clock.now();
      const sources = sourcesOf(address, now);
      const full = sources.find((source) => source.wrong.size >= source.max && !source.wrong.has(name));
      if (full !== undefined)
        throw new AmphoError("too_many_attempts", "Too many wrong keys. Wait before the next one.", {
          retryAfterSeconds: full.until - now,
        });
      if (sources.some(({ pending, pendingMax: most }) => pending.size >= most && !pending.has(name)))
        throw new AmphoError("overloaded", "Too many keys of this address are checked at once. Try again.", {
          retryAfterSeconds: 1,
        });
      for (const { pending } of sources) pending.set(name, (pending.get(name) ?? 0) + 1);
      try {
        return await check();
      } catch (error) {
        if (hasCode(error, wrong)) for (const source of sources) source.wrong.add(name);
        throw error;
      } finally {
        for (const { pending } of sources) {
          const others = (pending.get(name) ?? 1) - 1;
          if (others > 0) pending.set(name, others);
          else pending.delete(name);
        }
      }
    },
  };
}
