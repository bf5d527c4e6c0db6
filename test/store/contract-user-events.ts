import { expect, it } from "vitest";
import type { OperationInput, OperationName, OperationOutput } from "../../dist/store/operations.js";
import type { StagedUser } from "../../dist/store/sql/account/imports.js";
import type { TakenUserEvent } from "../../dist/store/sql/rows/user-events.js";
import type { User } from "../../dist/store/sql/rows/users.js";
import type { Opened } from "./contract.js";
import { type Run, runEveryOperation } from "./every-operation.js";
import { addUser, ann, emailOf, openSession, operator, start } from "./fixtures.js";

const until = start + 1_000_000;
const far = start + 500_000_000;

export function userEventContract(store: Opened): void {
  const take = async (now = start, limit = 100) =>
    (await store().takeUserEvents({ now, holdSeconds: 45, limit })).events;
  const settle = (event: TakenUserEvent, retryAt?: number) => store().settleUserEvent({ event, retryAt });
  const named = ({ userId, change, reason }: TakenUserEvent) => `${userId} ${change}: ${reason}`;
  const change = (userId: string, roles: readonly string[] = [String(Math.random())]) =>
    store().setRoles({
      userId,
      now: start,
      origin: operator,
      foreignMaxSeconds: 60,
      rolePolicies: {},
      change: { set: roles },
    });
  const remove = (userId: string) =>
    store().deleteUser({ userId, now: start, origin: operator, foreignMaxSeconds: 60 });

  /** Takes and settles everything, as of a time at which every row is due. */
  async function drain(now = start): Promise<readonly TakenUserEvent[]> {
    const all: TakenUserEvent[] = [];
    for (;;) {
      const { events, more } = await store().takeUserEvents({ now, holdSeconds: 45, limit: 100 });
      for (const event of events) await settle(event);
      all.push(...events);
      if (!more && events.length === 0) return all;
    }
  }

  async function views(): Promise<ReadonlyMap<string, string>> {
    const all = new Map<string, string>();
    for (let after: string | undefined; ; ) {
      const { users, next } = await store().listUsers({ after, limit: 500 });
      for (const user of users) all.set(user.id, JSON.stringify(seen(user)));
      if (next === undefined) return all;
      after = next;
    }
  }

  it("every operation that changes what applications see of a user records it, and no other does", async () => {
    await store().noteUserHooks({ until: far });
    const recorded = new Set<string>();
    const ofHooks: readonly string[] = ["noteUserHooks", "takeUserEvents", "settleUserEvent", "readUserEvents"];
    const observed: Run = async <P extends OperationName>(operation: P, input: OperationInput<P>) => {
      const before = await views();
      const run = store()[operation] as unknown as (input: OperationInput<P>) => Promise<OperationOutput<P>>;
      const output = await run(input);
      if (ofHooks.includes(operation)) return output;
      const after = await views();
      const expected = new Map<string, string>();
      for (const id of new Set([...before.keys(), ...after.keys()]))
        if (before.get(id) !== after.get(id))
          expected.set(id, !before.has(id) ? "created" : after.has(id) ? "changed" : "removed");
      const events = await drain(far - 1);
      const real = events.filter(({ userId }) => before.has(userId) || after.has(userId));
      const found = new Map(real.map((event) => [event.userId, event.change as string]));
      // The log has an entry also for a change that sets what was there.
      for (const [id, each] of found) if (each === "changed" && !expected.has(id)) found.delete(id);
      expect(Object.fromEntries(found), operation).toEqual(Object.fromEntries(expected));
      for (const event of real) recorded.add(event.reason);
      return output;
    };
    await runEveryOperation(observed);
    const bea = { ...ann, id: "u-bea", login: "Bea", canonical: "bea" };
    await observed("createUser", { user: bea, now: start, origin: operator });
    const of = { userId: bea.id, login: bea.login, canonical: bea.canonical, now: start, origin: operator };
    const about = {
      ...of,
      address: "bea",
      factorsVersion: 0,
      passwordVersion: 1,
      foreignMaxSeconds: 60,
      isBegun: false,
    };
    const own = async (spelled = bea.login) => {
      const { id: sessionId, gen } = await openSession(store(), { userId: bea.id, login: spelled });
      const { factorsVersion } = await store().listFactors(bea.id);
      return { ...about, factorsVersion, own: { sessionId, gen } };
    };
    await observed("setLogin", { ...(await own()), newLogin: "Beatrix", newCanonical: "beatrix", isSame: false });
    for (const disabled of [true, false]) await observed("setDisabled", { ...about, disabled });
    const cid = { ...ann, id: "u-cid", login: "cid", canonical: "cid", email: emailOf("cid@x.example") };
    await observed("createUser", { user: cid, now: start, origin: operator });
    await observed("finishReset", {
      userId: cid.id,
      login: cid.login,
      now: start,
      origin: operator,
      stored: { passwordVersion: 1 },
      passwordHash: "h",
      factorsVersion: 0,
      use: undefined,
      rules: { roles: [], rolePolicies: {} },
      removesFactors: false,
      isRecovery: false,
      provesEmail: "cid@x.example",
      isFirstProof: true,
      spend: { hash: "cid", until: far, idempotency: undefined },
      attempt: undefined,
      factorAttempt: undefined,
    });
    expect((await store().findUserById(cid.id))?.email?.provenAt).toBe(start);
    const n = await observed("startImport", { now: start, trial: false });
    await observed("stageUsers", { n, users: [staged(1), staged(2)], displaces: true, now: start });
    await observed("publishImport", { n, now: start, origin: operator, detail: {} });
    const { canonical: _, ...removal } = { ...(await own("Beatrix")), login: "Beatrix" };
    await observed("removeAccount", removal);
    expect([...recorded].sort()).toEqual([
      "account_removed",
      "email_changed",
      "email_proven",
      "login_changed",
      "registered",
      "roles_changed",
      "user_created",
      "user_deleted",
      "user_disabled",
      "user_enabled",
      "users_imported",
    ]);
  });

  it("the database records changes only while it knows of a process with hooks", async () => {
    await addUser(store());
    await store().noteUserHooks({ until: start + 10 });
    await store().noteUserHooks({ until: start + 5 });
    await store().createUser({ user: { ...ann, id: "u-b", canonical: "b" }, now: start + 9, origin: operator });
    await store().createUser({ user: { ...ann, id: "u-c", canonical: "c" }, now: start + 10, origin: operator });
    expect((await take(start + 10)).map(named)).toEqual(["u-b created: user_created"]);
  });

  it("the changes of a user are taken one at a time and in order, and those of other users meanwhile", async () => {
    await store().noteUserHooks({ until });
    await addUser(store());
    await change(ann.id);
    await addUser(store(), { id: "u-b", canonical: "b" });
    await remove(ann.id);
    const [first, other, none] = await take();
    expect([first, other].map((event) => event && named(event))).toEqual([
      "u-ann created: user_created",
      "u-b created: user_created",
    ]);
    expect(none).toBeUndefined();
    expect(await take(start + 44)).toEqual([]);
    if (!first || !other) throw new Error("two changes were due");
    await settle(first, start + 50);
    await settle(other);
    expect(await take(start + 49)).toEqual([]);
    const again = await take(start + 50);
    expect(again.map(({ n, tries }) => [n, tries])).toEqual([[first.n, 2]]);
    await Promise.all(again.map((event) => settle(event)));
    expect((await drain()).map(named)).toEqual(["u-ann changed: roles_changed", "u-ann removed: user_deleted"]);
    expect(await store().readUserEvents()).toEqual({ waiting: 0, tried: 0, oldestAt: undefined });
  });

  it("many concurrent callers take each change once, and a caller whose time is over settles nothing", async () => {
    await store().noteUserHooks({ until });
    for (let n = 0; n < 20; n += 1) await addUser(store(), { id: `u-${n}`, login: `n-${n}`, canonical: `n-${n}` });
    const taken = (await Promise.all(Array.from({ length: 8 }, () => take(start, 5)))).flat();
    expect(new Set(taken.map(({ n }) => n)).size).toBe(taken.length);
    const [late] = taken;
    if (!late) throw new Error("nothing was taken");
    const again = await take(start + 45);
    expect(again.map(({ n }) => n)).toContain(late.n);
    await settle(late);
    expect(await store().readUserEvents()).toMatchObject({ waiting: 20, oldestAt: start });
  });

  const staged = (line: number): StagedUser => ({
    ...ann,
    id: `i-${String(line).padStart(5, "0")}`,
    login: `i-${line}`,
    canonical: `i-${line}`,
    hashKind: null,
    line,
  });

  async function importUsers(count: number): Promise<void> {
    const n = await store().startImport({ now: start, trial: false });
    const users = Array.from({ length: count }, (_, index) => staged(index + 1));
    await store().stageUsers({ n, users, displaces: true, now: start });
    await store().publishImport({ n, now: start, origin: operator, detail: {} });
  }

  it("each user of an import is created once, before the changes that came meanwhile", async () => {
    await store().noteUserHooks({ until });
    await importUsers(450);
    await change("i-00007");
    await change("i-00449");
    await change("i-00449");
    await remove("i-00450");
    const events = await drain();
    const of = (id: string) => events.filter(({ userId }) => userId === id).map(named);
    expect(of("i-00007")).toEqual(["i-00007 created: users_imported"]);
    expect(of("i-00449")).toEqual(["i-00449 created: users_imported", "i-00449 changed: roles_changed"]);
    expect(of("i-00450")).toEqual(["i-00450 removed: user_deleted"]);
    const created = events.filter(({ change }) => change === "created").map(({ userId }) => userId);
    expect(new Set(created).size).toBe(449);
    expect(created).toHaveLength(449);
    expect(await store().readUserEvents()).toMatchObject({ waiting: 0 });
  });

  it("an import writes no more than about a thousand rows while none of its hooks succeeds", async () => {
    await store().noteUserHooks({ until });
    await importUsers(1500);
    let tried = 0;
    for (let turn = 0; turn < 20; turn += 1)
      for (const event of await take(start, 200)) {
        tried += 1;
        await settle(event, start + 600);
      }
    // The row of the import is one of them.
    expect(tried).toBe(1000);
    expect(await store().readUserEvents()).toEqual({ waiting: 1000, tried: 999, oldestAt: start });
    expect((await drain(start + 600)).filter(({ change }) => change === "created")).toHaveLength(1500);
  });
}

/** The part of a user that `ampho.users.find` shows. */
function seen({ login, roles, disabled, email }: User) {
  return { login, roles, disabled, email: email?.address, proven: email?.provenAt !== undefined };
}
