// Tokens that verified, so that the next request with one costs a look-up: bounded in number and in characters, found by
// the whole token, filled only by its caller after a good verification. It knows nothing of revocations: whoever takes a
// value from it looks at those and at the times again.
//
// Once it is full, a token comes in only when it is seen for the second time (the doorkeeper of TinyLFU), and entries leave
// by the clock algorithm (second chance): one that was asked for since the hand last came by stays. So many tokens that are
// used once neither push out tokens that are in use nor leave anything behind for the garbage collector.

interface Entry<T> {
  readonly token: string;
  readonly tail: string;
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

/**
 * Entries are filed under the end of the token, an HS256 signature's worth of characters, and then compared as a whole:
 * a string that a socket gave has to be hashed first, which takes longer than all the rest for a whole token.
 */
const tailCharacters = 43;

/** How many tokens that were seen once are remembered, each by 32 bits made of the end of its signature. */
const onceMax = 16_384;

/** Whether this token was seen lately; from now on it was. A mistake costs one verification or one entry. */
function createDoorkeeper(): (tail: string) => boolean {
  const seen = new Int32Array(onceMax);
  return (tail) => {
    let mark = 1;
    for (let at = Math.max(0, tail.length - 8); at < tail.length; at++) mark = (mark * 31 + tail.charCodeAt(at)) | 0;
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
  const byTail = new Map<string, Entry<T>>();
  const ring: (Entry<T> | undefined)[] = [];
  const free: number[] = [];
  const wasSeen = createDoorkeeper();
  let hand = 0;
  let characters = 0;

  function isFull(token: string): boolean {
    return byTail.size >= tokensMax || characters + token.length > charactersMax;
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
      byTail.delete(entry.tail);
      characters -= entry.token.length;
      ring[at] = undefined;
      free.push(at);
      return;
    }
  }

  return {
    find(token) {
      const entry = byTail.get(token.slice(-tailCharacters));
      if (entry === undefined || entry.token !== token) return undefined;
      entry.used = true;
      return entry.value;
    },
    add(token, value, expires, now) {
      const tail = token.slice(-tailCharacters);
      // Two good tokens with one signature do not turn up; if they did, the second would be verified each time.
      if (expires <= now || token.length > charactersMax || byTail.has(tail)) return;
      if (isFull(token) && !wasSeen(tail)) return;
      while (byTail.size > 0 && isFull(token)) evict(now);
      const entry = { token, tail, value, expires, used: false };
      byTail.set(tail, entry);
      characters += token.length;
      const at = free.pop();
      if (at === undefined) ring.push(entry);
      else ring[at] = entry;
    },
    clear() {
      byTail.clear();
      ring.length = 0;
      free.length = 0;
      hand = 0;
      characters = 0;
    },
    get size() {
      return byTail.size;
    },
  };
}
