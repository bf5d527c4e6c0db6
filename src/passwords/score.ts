// How much there is to a password when what is easily guessed is counted as one thing: the least total over all ways to
// cut it into common passwords, runs of neighbouring keys, letters or digits, repeated characters, and single characters.

const wordWeight = 4;
const runWeight = 2;

const wordLengths = { min: 4, max: 24 };
const runMinLength = 4;

// Neighbours on keyboards (QWERTY by rows and columns, QWERTZ, AZERTY), in the alphabet and among digits; both directions.
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

const successors = new Set(
  tracks.flatMap((track, number) =>
    [...track].slice(1).flatMap((key, at) => [`${number}>${track[at]}${key}`, `${number}<${key}${track[at]}`]),
  ),
);
// One track a direction, and the character itself again.
const directions = [...tracks.keys()].flatMap((number) => [`${number}>`, `${number}<`]);

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

/** The weight of a text in compared form: 1 a character, 4 a common password, 2 a run, however long these are. */
export function scorePassword(text: string, common: ReadonlySet<string>): number {
  const plain = text.replace(/[@4301!$57]/g, (sign) => lookalikes[sign] ?? sign);
  const runs = new Map<string, number>();
  const least = [0];
  for (let end = 1; end <= text.length; end += 1) {
    let weight = (least[end - 1] ?? 0) + 1;
    const consider = (start: number, more: number): void => {
      weight = Math.min(weight, (least[start] ?? 0) + more);
    };
    for (let length = wordLengths.min; length <= Math.min(wordLengths.max, end); length += 1) {
      const start = end - length;
      if (common.has(text.slice(start, end)) || common.has(plain.slice(start, end))) consider(start, wordWeight);
    }
    const run = longestRun(text, end, runs);
    if (run >= runMinLength) consider(end - run, runWeight);
    least.push(weight);
  }
  return least[text.length] ?? 0;
}

/** How long a run of one track, or of one character, ends here; `runs` carries the lengths from end to end. */
function longestRun(text: string, end: number, runs: Map<string, number>): number {
  const pair = text.slice(Math.max(0, end - 2), end);
  let longest = 1;
  for (const direction of ["=", ...directions]) {
    const goesOn = direction === "=" ? pair.length === 2 && pair[0] === pair[1] : successors.has(direction + pair);
    const length = goesOn ? (runs.get(direction) ?? 1) + 1 : 1;
    runs.set(direction, length);
    longest = Math.max(longest, length);
  }
  return longest;
}
