// Finds a misspelt option, which no compiler reports in JavaScript.

/** Counts the pairs of letters of the word that the other one has, too. */
const alike = (word: string, other: string) =>
  [...word].filter((_, at) => other.toLowerCase().includes(word.toLowerCase().slice(at, at + 2))).length;

/** Throws TypeError for a member with another name. */
export function requireKnown(given: object, ...known: string[]): void {
  for (const name of Object.keys(given))
    if (!known.includes(name)) {
      const options = known.sort((a, b) => alike(name, b) - alike(name, a)).join(", ");
      throw new TypeError(`${name} is not an option. The options are ${options}, the nearest first.`);
    }
}
