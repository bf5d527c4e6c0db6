// Tokens that verified, so that the next request with one costs a look-up: bounded in number and in characters, found by
// the whole token, filled only by its caller after a good verification. It knows nothing of revocations: whoever takes a
// value from it looks at those and at the times again.
//
// Once it is full, a token comes in only when it is seen for the second time (the doorkeeper of TinyLFU), and entries leave
// by the clock algorithm (second chance): one that was asked for since the hand last came by stays. So many tokens that are
// used once neither push out tokens that are in use nor leave anything behind for the garbage collector.

interface Entry<T> {
  readonly token: string;
  readonly mark: number;
  readonly value: T;
  /** Unix seconds. */
  readonly expires: number;
  used: boolean;
}

export interface VerifiedTokens<T> {
  find(token: string): T | undefined;
  /** `expires`: the Unix second from which on the token is no longer good, leeway included. */
  add(token: string, value: T, expires: number, now: number): void;
  /** Forgets everything, as after a change of keys. */
  clear(): void;
  readonly size: number;
}

/** How many tokens that were seen once are remembered, each by its mark. */
const onceMax = 16_384;

/**
 * Entries are filed under 30 bits made of the token's end, which is its signature's, and then compared as a whole: to hash
 * a string that a socket has just given takes longer than all the rest. Nobody who cannot sign chooses what these bits are.
 */
function markOf(token: string): number {
  let mark = 1;
  for (let at = Math.max(0, token.length - 8); at < token.length; at++) mark = (mark * 31 + token.charCodeAt(at)) | 0;
  return mark & 0x3fffffff;
}

/** Whether a token with this mark was seen lately; from now on it was. A mistake costs one verification or one entry. */
function createDoorkeeper(): (mark: number) => boolean {
  const seen = new Int32Array(onceMax);
  return (mark) => {
    const place = (mark ^ (mark >>> 15)) & (onceMax - 1);
    if (seen[place] === mark) return true;
    seen[place] = mark;
    return false;
  };
}

export function createVerifiedTokens<T>(
  limits: { readonly tokens?: number; readonly characters?: number } = {},
): VerifiedTokens<T> {
  const tokensMax = limits.tokens ?? 16_384;
  const charactersMax = limits.characters ?? 16_777_216;
  const byMark = new Map<number, Entry<T>>();
  const ring: (Entry<T> | undefined)[] = [];
  const free: number[] = [];
  const wasSeen = createDoorkeeper();
  let hand = 0;
  let characters = 0;

  function isFull(token: string): boolean {
    return byMark.size >= tokensMax || characters + token.length > charactersMax;
  }

  function evict(now: number): void {
    for (;;) {
      const at = hand;
      hand = (hand + 1) % ring.length;
      const entry = ring[at];
      if (entry === undefined) continue;
      if (entry.used && entry.expires > now) {
        entry.used = false;
        continue;
      }
      byMark.delete(entry.mark);
      characters -= entry.token.length;
      ring[at] = undefined;
      free.push(at);
      return;
    }
  }

  return {
    find(token) {
      const entry = byMark.get(markOf(token));
      if (entry === undefined || entry.token !== token) return undefined;
      // A write only where it changes something: the line stays clean for the other cores and for the cache.
      if (!entry.used) entry.used = true;
      return entry.value;
    },
    add(token, value, expires, now) {
      const mark = markOf(token);
      // Of two good tokens with one mark, one in 65 000 when it is full, the second is verified each time.
      if (expires <= now || token.length > charactersMax || byMark.has(mark)) return;
      if (isFull(token) && !wasSeen(mark)) return;
      while (byMark.size > 0 && isFull(token)) evict(now);
      const entry = { token, mark, value, expires, used: false };
      byMark.set(mark, entry);
      characters += token.length;
      const at = free.pop();
      if (at === undefined) ring.push(entry);
      else ring[at] = entry;
    },
    clear() {
      byMark.clear();
      ring.length = 0;
      free.length = 0;
      hand = 0;
      characters = 0;
    },
    get size() {
      return byMark.size;
    },
  };
}
