// Every change of a user of an application's own table, against everything that was alive before it (changes.ts). A
// whole run tries every row on both databases. Every other run takes the rows as changes.system.test.ts does, with the
// databases swapped.
import { expect, it } from "vitest";
import { runsOn, sideBySide, wholeOr } from "../world/whole.js";
import { groupsOf, isOfAny, newcomerRows, ownTable, rows, tryChange, tryNewcomer } from "./changes.js";
import { onBothDatabases } from "./owners.js";

onBothDatabases((ground) => {
  const sampled = rows.filter((row, n) => isOfAny(row) && runsOn(ground.database, n + 1));
  const newcomers = newcomerRows.filter((row, n) => isOfAny(row) && runsOn(ground.database, n));

  it("the sample has the rows of both tables that run on this database", () => {
    const numbers = { SQLite: [14, 12], PostgreSQL: [13, 12] };
    expect([sampled.length, newcomers.length]).toEqual(wholeOr([27, 24], numbers[ground.database]));
  });

  it.each(groupsOf(sampled))("the changes end what the table states, and nothing else: $names", (group) =>
    sideBySide(group.rows, async (row) => tryChange(await ground.another(), row, ownTable())),
  );

  it.each(groupsOf(newcomers))(
    "the changes leave of what a newcomer has begun what the table states: $names",
    (group) => sideBySide(group.rows, async (row) => tryNewcomer(await ground.another(), row, ownTable())),
  );
});
