// Sequences of moves of a thief and of the owner, against users of an application's own table. Each repair of the owner
// follows at the end of each. explore.ts states the sample.
import { ownTable } from "./changes.js";
import { type Extents, exploreAll } from "./explore.js";
import { onBothDatabases } from "./owners.js";

// The table has a quick digest of passwords, so a whole run has more of them.
const whole: Extents = {
  SQLite: { seeded: 2000, sequences: { password: 2366, phished: 2366 }, paths: { password: 230, phished: 147 } },
  PostgreSQL: { seeded: 60, sequences: { password: 426, phished: 426 }, paths: { password: 75, phished: 44 } },
};
const sample: Extents = {
  SQLite: { seeded: 20, sequences: { password: 193, phished: 193 }, paths: { password: 42, phished: 26 } },
  PostgreSQL: { seeded: 20, sequences: { password: 193, phished: 193 }, paths: { password: 35, phished: 22 } },
};

onBothDatabases((ground) => exploreAll(ground, { whole, sample }, ownTable));
