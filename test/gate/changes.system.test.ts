// Every change of a user in the database, against everything that was alive before it (changes.ts). A whole run tries
// every row on both databases. Every other run tries rows 0, 2, 4… of the first table on SQLite and the others on
// PostgreSQL, and the other way round in the table of newcomers.
import { expect, it } from "vitest";
import { type Change, consequences } from "../../dist/store/sql/effects/changes.js";
import { grantOf } from "../world/ampho.js";
import { runsOn, sideBySide, wholeOr } from "../world/whole.js";
import {
  addPerson,
  groupsOf,
  newcomerRows,
  openPlace,
  reports,
  rows,
  stale,
  tryChange,
  tryNewcomer,
} from "./changes.js";
import { onBothDatabases } from "./owners.js";

it("every change that a session, an operator or a mailbox makes has a line, or is one of those of other tests", () => {
  const others: readonly Change[] = [
    // test/gate/first-proof.test.ts, takeover.system.test.ts, own-table-*.ts, mail-*.ts, totp-changes.test.ts
    "email_proven",
    "email_confirmed",
    "email_added",
    "first_factor",
    "password_stored",
    // own-table-squatter.test.ts
    "unproven_reset",
    "id_reused",
    "identity_relinked",
    // confirmed.test.ts
    "password_added",
    "identity_vouched",
    "change_confirmed",
    // lost-mailbox.system.test.ts
    "email_waits",
    "disabled",
    // test/connect/
    "connection_added",
    // test/api-keys/
    "api_key_added",
    "api_key_rotated",
    "api_key_removed",
    "api_keys_removed",
  ];
  expect([...reports.map(({ change }) => change), ...others].sort()).toEqual(
    expect.arrayContaining(Object.keys(consequences).sort()),
  );
});

onBothDatabases((ground) => {
  it("a session with an old login makes the changes that the table lets any session make, and no other one", async () => {
    const place = await openPlace(ground);
    const { id, own } = await addPerson(place);
    const [identity] = await place.world.ampho.identities.list(id);
    place.world.clock.advance(301);
    for (const [change, method, path, body, expected] of stale) {
      const response = await place.world.call(method, path.replace("ID", identity?.id ?? ""), {
        bearer: own.token,
        body,
      });
      expect([change, response.status < 300 ? "done" : response.error]).toEqual([change, expected]);
      const by: readonly string[] = consequences[change].by;
      const needsNoLogin = by.includes("session") || by.includes("password");
      const needsLogin = by.includes("recent") || by.includes("confirmed");
      expect([change, needsNoLogin ? "done" : needsLogin && "login_too_old"]).toEqual([change, expected]);
      if (change === "password_set") Object.assign(own, grantOf(response));
    }
  });

  const sampled = rows.filter((_, n) => runsOn(ground.database, n));
  const newcomers = newcomerRows.filter((_, n) => runsOn(ground.database, n + 1));

  it("the sample has every second row of both tables, and a whole run has all", () => {
    expect([sampled.length, newcomers.length]).toEqual(wholeOr([34, 30], [17, 15]));
  });

  it.each(groupsOf(sampled))("the changes end what the table states, and nothing else: $names", (group) =>
    sideBySide(group.rows, async (row) => tryChange(await ground.another(), row)),
  );

  it.each(groupsOf(newcomers))(
    "the changes leave of what a newcomer has begun what the table states: $names",
    (group) => sideBySide(group.rows, async (row) => tryNewcomer(await ground.another(), row)),
  );
});
