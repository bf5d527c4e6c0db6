// The score of a password, in which everything that is easy to guess counts little. It is the lowest sum over all ways
// to split the password into common passwords, runs of neighbouring keys, letters or digits, and single characters.

const commonPasswordScore = 4;
const runScore = 2;

const commonPasswordLength = { min: 4, max: 24 };
const runMinLength = 4;

// Neighbours on keyboards (QWERTY by rows and columns, QWERTZ, AZERTY), in the alphabet and among digits, both ways.
const tracks = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890",
  "qwertyuiop[]\\",
  "asdfghjkl;'",
  "zxcvbnm,./",
  "qwertzuiopü",
  "yxcvbnm,.-",
  "azertyuiop",
  "qsdfghjklm",
  "wxcvbn,;:!",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
  "qazwsxedcrfvtgbyhnujmikolp",
  "q1w2e3r4t5y6u7i8o9p0",
  "1q2w3e4r5t6y7u8i9o0p",
  "!@#$%^&*()_+",
  "`1234567890-=",
];

/** From two neighbours to the tracks and directions in which the second follows the first. */
const directionsByPair = new Map<string, string[]>();
for (const [number, track] of tracks.entries())
  for (let at = 1; at < track.length; at++) {
    const [one, other] = [track.charAt(at - 1), track.charAt(at)];
    for (const [pair, direction] of [
      [one + other, `${number}>`],
      [other + one, `${number}<`],
    ] as const)
      directionsByPair.set(pair, [...(directionsByPair.get(pair) ?? []), direction]);
  }

const lookalikes: Readonly<Record<string, string>> = {
  "@": "a",
  "4": "a",
  "3": "e",
  "0": "o",
  "1": "i",
  "!": "i",
  $: "s",
  "5": "s",
  "7": "t",
};

/** The text with letters in place of the signs and digits that look like them. */
export const replaceLookalikes = (text: string): string =>
  text.replace(/[@4301!$57]/g, (sign) => lookalikes[sign] ?? sign);

/**
 * The score of a text in its compared form, in which a character is one UTF-16 unit. A character scores 1, a common
 * password 4 and a run 2, however long these are. `common` contains each password also without look-alikes.
 */
export function scorePassword(text: string, common: ReadonlySet<string>): number {
  const plain = replaceLookalikes(text);
  const lowest = [0];
  let runs: ReadonlyMap<string, number> = new Map();
  for (let end = 1; end <= text.length; end += 1) {
    let score = (lowest[end - 1] ?? 0) + 1;
    const consider = (start: number, more: number): void => {
      score = Math.min(score, (lowest[start] ?? 0) + more);
    };
    for (let length = commonPasswordLength.min; length <= Math.min(commonPasswordLength.max, end); length += 1) {
      const start = end - length;
      if (common.has(text.slice(start, end)) || common.has(plain.slice(start, end)))
        consider(start, commonPasswordScore);
    }
    runs = continueRuns(runs, text.slice(Math.max(0, end - 2), end));
    const run = Math.max(...runs.values());
    if (run >= runMinLength) consider(end - run, runScore);
    lowest.push(score);
  }
  return lowest[text.length] ?? 0;
}

/** The lengths of the runs that end with this pair, by their direction. `=` is the run of one character. */
function continueRuns(runs: ReadonlyMap<string, number>, pair: string): ReadonlyMap<string, number> {
  const directions = [...(directionsByPair.get(pair) ?? []), ...(pair[0] === pair[1] ? ["="] : [])];
  return new Map(directions.map((direction) => [direction, (runs.get(direction) ?? 1) + 1]));
}
