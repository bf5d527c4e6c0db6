// The cache of verified tokens: the next request with the same token costs one look-up. It is limited in number and in
// characters, and compares the whole token. Only its caller fills it, after a good verification. It knows nothing of
// revocations, so its caller checks those and the times again on every hit.
//
// A full cache accepts a token when it is seen for the second time, in place of one that was not used since the first
// time. This is the recency rule of LIRS (Jiang and Zhang, 2002). So a flood of tokens that are used once evicts
// nothing, and a working set that is larger than the cache does not evict itself in turns.

/** A class for the reason that is stated in auth-from-claims.ts. The members of a literal would be old too. */
class Entry<T> {
  constructor(
    readonly token: string,
    readonly mark: number,
    public value: T,
    /** Unix seconds. */
    public expires: number,
    /** The turn of the last use. */
    public usedAt: number,
  ) {}
}

/** How many entries one admission inspects. More would find unused entries sooner, and cost more on each miss. */
const stepsMax = 128;

/**
 * Entries are filed under 30 bits of the end of the token, which is its signature, and then compared as a whole. To
 * hash a string that just came from a socket takes longer than all the rest. Only a client that can sign chooses these
 * bits.
 */
function markOf(token: string): number {
  let mark = 1;
  for (let at = Math.max(0, token.length - 8); at < token.length; at++) mark = (mark * 31 + token.charCodeAt(at)) | 0;
  return mark & 0x3fffffff || 1;
}

/** How many marks share a bucket: as many as one line of a processor's cache holds with their turns. */
const bucketMarks = 8;

/**
 * Remembers for a mark the turn in which it was last seen. Each bucket remembers its last eight marks, so the table
 * nearly always has the last `marks / 4` of all. A note reads one line of memory, and the table takes 512 KiB. A table
 * with one slot a mark is simpler, but two tokens that take turns in one slot would be new for ever. A `Map` takes
 * twice the time and leaves garbage.
 */
function createSightings(marks: number) {
  const buckets = 2 ** Math.ceil(Math.log2(marks / bucketMarks));
  // Each mark, with its turn beside it. A free slot has mark 0.
  const slots = new Int32Array(2 * bucketMarks * buckets);

  return {
    /** Notes the turn of a mark and returns the turn before, if it is remembered. */
    note(mark: number, turn: number): number | undefined {
      const from = 2 * bucketMarks * ((mark ^ (mark >>> 15)) & (buckets - 1));
      let heldMark = mark;
      let heldTurn = turn;
      // The newest one stands first, and each of those before it moves one slot on.
      for (let at = from; at < from + 2 * bucketMarks; at += 2) {
        const nextMark = slots[at] ?? 0;
        const nextTurn = slots[at + 1] ?? 0;
        slots[at] = heldMark;
        slots[at + 1] = heldTurn;
        if (nextMark === mark) return nextTurn;
        if (nextMark === 0) return undefined;
        heldMark = nextMark;
        heldTurn = nextTurn;
      }
      return undefined;
    },
    clear: (): void => void slots.fill(0),
  };
}

export function createVerifiedTokens<T>(limits: { readonly tokens?: number; readonly characters?: number } = {}) {
  const tokensMax = limits.tokens ?? 16_384;
  const charactersMax = limits.characters ?? 16_777_216;
  const byMark = new Map<number, Entry<T>>();
  const ring: (Entry<T> | undefined)[] = [];
  const free: number[] = [];
  // Four marks for each token: a new working set is recognized although as many other tokens come between its uses.
  const sightings = createSightings(4 * tokensMax);
  let hand = 0;
  let characters = 0;
  /** Counts the tokens that came while the cache was full, in 32 bits that wrap. Hits only read it. */
  let turn = 0;

  const isFull = (length: number): boolean => byMark.size >= tokensMax || characters + length > charactersMax;

  /** Evicts a token that has expired or was not used since that turn. Returns false when it finds none nearby. */
  function evictUnusedSince(since: number, now: number): boolean {
    for (let step = Math.min(stepsMax, ring.length); step > 0; step--) {
      const at = hand;
      hand = (hand + 1) % ring.length;
      const entry = ring[at];
      if (entry === undefined || (((entry.usedAt - since) | 0) >= 0 && entry.expires > now)) continue;
      byMark.delete(entry.mark);
      characters -= entry.token.length;
      ring[at] = undefined;
      free.push(at);
      // If it is still in use, it returns with its next request and replaces a token that was unused for longer.
      sightings.note(entry.mark, entry.usedAt);
      return true;
    }
    return false;
  }

  function makeRoom(length: number, mark: number, now: number): boolean {
    turn = (turn + 1) | 0;
    const since = sightings.note(mark, turn);
    if (since === undefined) return false;
    while (byMark.size > 0 && isFull(length)) if (!evictUnusedSince(since, now)) return false;
    return true;
  }

  return {
    /** With `before`, which begins every text of this cache, `text` is only the rest. The two are not joined. */
    find(text: string, before = ""): T | undefined {
      const entry = byMark.get(markOf(text));
      if (entry === undefined || (before === "" ? entry.token : entry.token.slice(before.length)) !== text)
        return undefined;
      // Written only when it changes: the cache line stays clean for the other cores.
      if (entry.usedAt !== turn) entry.usedAt = turn;
      return entry.value;
    },
    /** `expires`: the Unix second from which the token is bad, leeway included. A known token gets the new value. */
    add(text: string, value: T, expires: number, now: number, before = ""): void {
      const mark = markOf(text);
      const length = before.length + text.length;
      if (expires <= now || length > charactersMax) return;
      const known = byMark.get(mark);
      if (known !== undefined) {
        // Two good tokens share a mark once in 65 000. The second one is then verified each time.
        if (known.token === before + text) [known.value, known.expires] = [value, expires];
        return;
      }
      if (isFull(length) && !makeRoom(length, mark, now)) return;
      const entry = new Entry(before + text, mark, value, expires, turn);
      byMark.set(mark, entry);
      characters += length;
      const at = free.pop();
      if (at === undefined) ring.push(entry);
      else ring[at] = entry;
    },
    /** Forgets everything, as after a change of keys. */
    clear(): void {
      byMark.clear();
      sightings.clear();
      ring.length = 0;
      free.length = 0;
      hand = 0;
      characters = 0;
    },
    get size(): number {
      return byMark.size;
    },
  };
}
