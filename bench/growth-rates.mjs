// Turns the rounds of the growth benchmark into ratios. Each round measures every database and compares it with the smallest.
import { median, print } from "./measure.mjs";

/** Measures every database once in each round. */
export async function inTurn(all, rounds, measure) {
  const results = all.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, each] of all.entries()) {
      await each.database.settle();
      results[at].push(await measure(each, at));
    }
    console.error(results.map((each) => Math.round(each.at(-1).perSecond)).join(" "));
  }
  return results;
}

const falls = { change: "falls by", ratio: (first, value) => first / value };
const grows = { change: "grows by", ratio: (first, value) => value / first };
const measures = [
  { name: "renewals a second", of: ({ perSecond }) => perSecond, digits: 0, ...falls },
  { name: "CPU, µs each", of: ({ cpu }) => cpu, digits: 0, ...grows },
  { name: "written, KB each", of: ({ written }) => written / 1000, digits: 1, ...grows },
];

/** Returns the median of each measure for each database, and the median ratio to the first database. */
export function printRates(title, all, results) {
  const taken = measures.filter(({ of }) => !Number.isNaN(of(results[0][0])));
  const cells = taken.map(({ of, digits, ratio }) => {
    const values = results.map((rounds) => rounds.map(of));
    return values.map((each) => [
      median(each).toFixed(digits),
      median(each.map((value, round) => ratio(values[0][round], value))).toFixed(2),
    ]);
  });
  console.log(`${title}: medians of ${results[0].length} rounds, ratios within each round`);
  print([
    ["sessions", ...taken.flatMap(({ name, change }) => [name, change])],
    ...all.map(({ count }, at) => [String(count), ...cells.flatMap((rows) => rows[at])]),
  ]);
}
