// The time of the response to a wrong password. The time of a verification depends on the format of the stored hash. An
// early or a late response would show an attacker which logins exist and which users were imported. While the database
// contains any imported hash, every failure therefore gets its response after the same time, whatever was verified.
// This time is 1 second, which no common cost reaches. After the first verification that takes longer, it is 3 seconds.
// An import accepts no hash that takes more than about 2 seconds of a core (formats/scheme.ts). So the first attempt at
// a hash that costly in each process stands out. A password that is not NFC is verified in two forms, and stands out if
// one takes more than 1.5 seconds. The costs in use take less than that. To do the work of the slowest hash for each
// unknown login would give attackers the machine, but waiting costs nothing. Right passwords never wait.
//
// The time counts from the turn of the verification, because before that all wait alike. It does not hide how long the
// thread was busy from other attempts that wait behind it.
import type { Clock } from "../clock.js";
import { needsRehash } from "./hash.js";

export const failureFloorMs = { usual: 1_000, costly: 3_000 };
const readAgainAfterMs = 10_000;

export function createFailureDelay(store: { hasOtherHashes(): Promise<boolean> }, clock: Pick<Clock, "monotonicMs">) {
  let floorMs = failureFloorMs.usual;
  let othersExist = false;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    readAtMs = clock.monotonicMs();
    // When the database is unreachable, the caller's next operation reports it.
    othersExist = await store.hasOtherHashes().catch(() => othersExist);
    reading = undefined;
  }

  return {
    /**
     * Resolves when the response can be sent. `stored` is the verified hash, if there was one. `tookMs` is the time
     * that the verification took its thread.
     */
    async wait({ stored, tookMs }: { readonly stored: string | undefined; readonly tookMs: number }): Promise<void> {
      if (clock.monotonicMs() - readAtMs >= readAgainAfterMs) reading ??= read();
      await reading;
      // This one could have been imported since the last read.
      if (stored !== undefined && needsRehash(stored)) othersExist = true;
      if (othersExist && tookMs > floorMs) floorMs = failureFloorMs.costly;
      const waitMs = othersExist ? floorMs - tookMs : 0;
      // The timer keeps the process alive, because a client still waits for its response.
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    },
  };
}

export type FailureDelay = ReturnType<typeof createFailureDelay>;
