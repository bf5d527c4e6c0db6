// The sample of generated cases. `npm run test:all` sets AMPHO_TEST_WHOLE=1, and runs all cases on both databases.
// Every other run takes a fixed sample, the same each time.

/** True when the run has every generated case. */
export const isWhole = process.env["AMPHO_TEST_WHOLE"] === "1";

export type DatabaseName = "SQLite" | "PostgreSQL";

/** The sample of generated cases: case 0 runs on SQLite, case 1 on PostgreSQL, case 2 on SQLite, and so on. */
export const runsOn = (database: DatabaseName, n: number): boolean =>
  isWhole || database === (n % 2 === 0 ? "SQLite" : "PostgreSQL");

/** The first value when the run is whole, else the second: an exact number of cases, so that no sample is empty. */
export const wholeOr = <T>(whole: T, sample: T): T => (isWhole ? whole : sample);

/**
 * Runs a few cases side by side, because most of them wait for mails. All of them end before the first error is thrown.
 */
export async function sideBySide<T>(cases: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const ended = await Promise.allSettled(cases.map(run));
  const errors = ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  if (errors.length > 0)
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join("\n"));
}
