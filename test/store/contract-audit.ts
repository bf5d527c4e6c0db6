import { expect, it } from "vitest";
import type { AuditEntry } from "../../dist/audit/entry.js";
import type { Opened } from "./contract.js";
import { addUser, ann, openSession, operator, origin, start } from "./fixtures.js";

const rejected: AuditEntry = {
  at: start,
  event: "login_rejected",
  reason: "password",
  userId: ann.id,
  login: "Ann",
  origin,
};

export function auditContract(store: Opened): void {
  it("an audit entry is read as it was recorded", async () => {
    const full: AuditEntry = {
      ...rejected,
      event: "roles_changed",
      sessionId: "0.s",
      origin: { ...operator, address: "192.0.2.1", agent: "x" },
      detail: { roles: ["a", "b"], count: 2, note: "é" },
    };
    await store().recordAudit(full);
    await store().recordAudit({ at: start, event: "login_rejected", origin: { actor: "user" } });
    const rows = await store().listAudit({ login: undefined, since: undefined, limit: 10 });
    expect(rows).toEqual([
      { n: 1, ...full },
      { n: 2, at: start, event: "login_rejected", origin: { actor: "user" } },
    ]);
  });

  it("an event of a later program is listed as its text, and hides no other row", async () => {
    const later = "of_a_later_program" as AuditEntry["event"];
    await store().recordAudit({ ...rejected, event: later });
    await store().recordAudit(rejected);
    for (const login of [undefined, "Ann"]) {
      const rows = await store().listAudit({ login, since: undefined, limit: 10 });
      expect(rows.map(({ event }) => event)).toEqual([later, "login_rejected"]);
    }
    const exported = { userId: ann.id, login: "Ann", now: start, origin, eventsMax: 10 };
    expect((await store().exportAccount(exported)).map(({ event }) => event)).toContain(later);
  });

  it("a row about a user has the login, also where the caller knows the id alone, so that it goes with the account", async () => {
    const detail = { mail: 1 };
    const unnamed: AuditEntry = { ...rejected, login: undefined, detail };
    const stretches = { foreignMaxSeconds: 0, factorsVersion: 0, address: "ann", isBegun: false, now: start, origin };
    for (const user of [ann, { id: "u-own", login: "Own", canonical: "own" }]) {
      const { id: userId, login } = user;
      if (user === ann) await addUser(store());
      const session = await openSession(store(), { userId, login, stored: user === ann ? {} : false });
      await store().recordAudit({ ...unnamed, userId });
      const listed = await store().listAudit({ login, since: undefined, limit: 10 });
      expect(listed.at(-1)).toMatchObject({ event: "login_rejected", userId, login, detail });
      const passwordVersion = user === ann ? 1 : undefined;
      const own = { sessionId: session.id, gen: session.gen };
      await store().removeAccount({ ...stretches, userId, login, own, passwordVersion });
      const rows = await store().listAudit({ login: undefined, since: undefined, limit: 100 });
      const ofUser = rows.filter((row) => row.userId === userId);
      expect(ofUser.map(({ event }) => event)).toContain("login_rejected");
      for (const row of ofUser)
        expect([row.login, row.detail, row.origin.address]).toEqual([undefined, undefined, undefined]);
    }
    await store().recordAudit({ ...unnamed, userId: "u-unknown" });
    const [last] = await store().listAudit({ login: undefined, since: undefined, limit: 1 });
    expect(last).toMatchObject({ userId: "u-unknown", login: undefined });
  });

  it("the newest audit rows come in the order in which they were written, also when the clock steps back", async () => {
    for (const at of [start + 3, start + 9, start + 1, start + 5]) await store().recordAudit({ ...rejected, at });
    const rows = await store().listAudit({ login: undefined, since: undefined, limit: 3 });
    expect(rows.map(({ at }) => at - start)).toEqual([9, 1, 5]);
    const since = await store().listAudit({ login: undefined, since: start + 3, limit: 10 });
    expect(since.map(({ at }) => at - start)).toEqual([3, 9, 5]);
  });

  it("audit rows are found by a login as its user spells it, or by its canonical form", async () => {
    await addUser(store());
    await store().recordAudit({ ...rejected, at: start + 5 });
    await store().recordAudit({ ...rejected, at: start + 6, login: "Annabel" });
    for (const login of ["ann", "Ann"]) {
      const rows = await store().listAudit({ login, since: undefined, limit: 10 });
      expect(rows.map(({ event }) => event)).toEqual(["user_created", "login_rejected"]);
    }
    const since = await store().listAudit({ login: "ann", since: start + 1, limit: 10 });
    expect(since.map(({ event }) => event)).toEqual(["login_rejected"]);
  });

  it("the audit rows of a login are found in a long log of other logins", async () => {
    await store().recordAudit(rejected);
    for (let hundred = 0; hundred < 170; hundred++)
      await Promise.all(
        Array.from({ length: 100 }, (_, at) => store().recordAudit({ ...rejected, at, login: `other-${at % 50}` })),
      );
    await store().recordAudit({ ...rejected, at: start + 1 });
    const rows = await store().listAudit({ login: "Ann", since: undefined, limit: 10 });
    expect(rows.map(({ at }) => at)).toEqual([start, start + 1]);
    expect(await store().listAudit({ login: "Ann", since: undefined, limit: 1 })).toMatchObject([{ at: start + 1 }]);
  });
}
