// Finds the known word that is nearest to a misspelt one, by the restricted Damerau-Levenshtein distance.

/** Counts the letters to insert, delete, replace or swap with their neighbour to turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = next;
  }
  return last[to.length] ?? 0;
}

/** Returns the first of the nearest words, ignoring case. Undefined only if there are no words or all are too far. */
export function nearest(
  word: string,
  known: readonly string[],
  distanceMax = Number.POSITIVE_INFINITY,
): string | undefined {
  let best: string | undefined;
  let least = distanceMax;
  // The cost is the product of the lengths. Known names are short, so only the start of a long text is compared.
  const short = word.slice(0, 100).toLowerCase();
  for (const candidate of known) {
    const distance = editDistance(short, candidate.toLowerCase());
    if (distance < least || (best === undefined && distance <= least)) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}
