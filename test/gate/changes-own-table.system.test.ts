// Every change of a user of an application's own table, against everything that was alive before it (changes.ts).
import { it } from "vitest";
import { isOfAny, newcomerRows, ownTable, rows, tryChange, tryNewcomer } from "./changes.js";
import { onBothDatabases } from "./owners.js";

onBothDatabases((ground) => {
  it.each(rows.filter(isOfAny))("the change ends what the table states, and nothing else: $name", (row) =>
    tryChange(ground, row, ownTable()),
  );

  it.each(newcomerRows.filter(isOfAny))(
    "the change leaves of what a newcomer has begun what the table states: $name",
    (row) => tryNewcomer(ground, row, ownTable()),
  );
});
