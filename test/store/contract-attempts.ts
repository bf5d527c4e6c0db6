import { expect, it } from "vitest";
import type { Attempt, AttemptOutcome, AttemptVerdict } from "../../dist/throttle/attempt.js";
import type { Opened } from "./contract.js";
import { addUser, ann, attempt, eventsOf, login, operator, origin, start } from "./fixtures.js";

export function attemptContract(store: Opened): void {
  const allow = (of: Attempt, now = start): Promise<AttemptVerdict> =>
    store().allowAttempt({ ...of, now, origin, event: "login_throttled", account: { canonical: "ann" } });
  const settle = (of: Attempt, outcome: AttemptOutcome, now = start): Promise<void> =>
    store().settleAttempt({ ...of, outcome, now, login: undefined, audit: undefined });
  async function fail(of: Attempt, now = start): Promise<void> {
    expect(await allow(of, now)).toEqual({ outcome: "allowed" });
    await settle(of, "failed", now);
  }

  it("many concurrent attempts get no more than the free attempts", async () => {
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => allow(attempt())));
    expect(verdicts.filter(({ outcome }) => outcome === "allowed")).toHaveLength(3);
    expect(verdicts.filter(({ outcome }) => outcome === "pending")).toHaveLength(47);
  });

  it("failed attempts make the next one wait, and the rejection is recorded once", async () => {
    await addUser(store());
    for (let failed = 0; failed < 3; failed++) await fail(attempt());
    const rejected = { outcome: "rejected", by: "login", locked: false, retryAfterSeconds: 60 };
    for (let asked = 0; asked < 3; asked++) expect(await allow(attempt())).toEqual(rejected);
    expect((await eventsOf(store())).filter((event) => event.startsWith("login_throttled"))).toEqual([
      "login_throttled login",
    ]);
    expect(await allow(attempt(), start + 60)).toEqual({ outcome: "allowed" });
  });

  it("a captcha buys one attempt that would have to wait, and no second one", async () => {
    for (let failed = 0; failed < 3; failed++) await fail(attempt());
    const spends = { hash: "captcha-1", until: start + 3600 };
    const buy = (of: Attempt, now = start) =>
      store().allowAttempt({
        ...of,
        now,
        origin,
        event: "login_throttled",
        account: { canonical: "ann" },
        bought: { spends },
      });
    const bought = { ...attempt(), sources: [] };
    expect(await allow(bought)).toMatchObject({ outcome: "rejected" });
    const verdicts = await Promise.all(Array.from({ length: 8 }, () => buy(bought)));
    expect(verdicts.filter(({ outcome }) => outcome === "allowed")).toHaveLength(1);
    await settle(bought, "failed");
    expect(await buy(bought)).toEqual({ outcome: "captcha_used" });
    expect(
      await buy(attempt({ counters: [{ key: "login:y", kind: "login", freeAttempts: 1 }], subject: "y" })),
    ).toEqual({
      outcome: "captcha_used",
    });
    // The failure counts, and the next wait is twice as long.
    expect(await allow(bought)).toMatchObject({ outcome: "rejected", retryAfterSeconds: 120 });
  });

  it("a captcha ends no lock", async () => {
    const locked = { ...attempt(), sources: [], lockAfter: 3 };
    for (let failed = 0; failed < 3; failed++) await fail(locked);
    const spends = { hash: "captcha-2", until: start + 3600 };
    const bought = {
      now: start,
      origin,
      event: "login_throttled",
      account: { canonical: "ann" },
      bought: { spends },
    } as const;
    expect(await store().allowAttempt({ ...locked, ...bought })).toMatchObject({ outcome: "rejected", locked: true });
  });

  it("a caller that read its clock earlier and waited for the database gets neither attempts nor shorter waits", async () => {
    const before = start - 6;
    for (let taken = 0; taken < 3; taken++) expect(await allow(attempt())).toEqual({ outcome: "allowed" });
    expect(await allow(attempt(), before)).toEqual({ outcome: "pending" });
    for (let taken = 0; taken < 3; taken++) await settle(attempt(), "failed");
    expect(await allow(attempt(), before)).toMatchObject({ outcome: "rejected", by: "login" });
    // As long as the window: the longest wait there is.
    let now = start;
    for (let failed = 3; failed < 7; failed++) {
      now += 900;
      await fail(attempt(), now);
    }
    expect(await allow(attempt(), now - 6)).toMatchObject({ outcome: "rejected", by: "login", retryAfterSeconds: 906 });
  });

  it("a rejection names the account, and never a login without an account", async () => {
    await addUser(store());
    const other = attempt({
      counters: [{ key: "login:x", kind: "login", freeAttempts: 1 }],
      sources: [],
      subject: "x",
    });
    await fail(other);
    await store().allowAttempt({
      ...other,
      now: start,
      origin,
      event: "login_throttled",
      account: { canonical: "hunter2" },
    });
    for (let failed = 0; failed < 3; failed++) await fail(attempt());
    await allow(attempt());
    const rows = await store().listAudit({ login: undefined, since: undefined, limit: 100 });
    expect(rows.filter(({ event }) => event === "login_throttled").map((row) => row.login)).toEqual([undefined, "Ann"]);
  });

  it("an attempt that succeeded or was not checked costs nothing", async () => {
    for (const outcome of ["succeeded", "returned"] as const)
      for (let tried = 0; tried < 10; tried++) {
        expect(await allow(attempt())).toEqual({ outcome: "allowed" });
        await settle(attempt(), outcome);
      }
    expect(await store().clearLockouts({ target: { all: true }, now: start, origin: operator })).toBe(0);
  });

  it("a created session settles its attempt as succeeded, and a rejected one as failed", async () => {
    await addUser(store());
    await allow(attempt());
    await store().grantSession(login({ attempt: attempt() }));
    expect(await store().clearLockouts({ target: { all: true }, now: start, origin: operator })).toBe(0);
    await allow(attempt());
    await store().grantSession(login({ attempt: attempt(), stored: { passwordVersion: 7 } }));
    expect(
      await store().clearLockouts({ target: { canonical: "ann", login: "ann" }, now: start, origin: operator }),
    ).toBe(1);
  });

  it("an address that has failed at its limit of logins takes no attempt of another login", async () => {
    const at = (subject: string) =>
      attempt({ subject, counters: [{ key: `login:${subject}`, kind: "login", freeAttempts: 3 }] });
    await fail(at("one"));
    await fail(at("two"));
    expect(await allow(at("three"))).toEqual({
      outcome: "rejected",
      by: "source",
      locked: false,
      retryAfterSeconds: 900,
    });
    // The rejected attempt leaves no row, so that two counters and the address remain.
    expect(await store().clearLockouts({ target: { all: true }, now: start, origin: operator })).toBe(3);
  });

  it("a success on another device ends the lock of a login and leaves its wait", async () => {
    const strange = attempt({ lockAfter: 3 });
    for (let failed = 0; failed < 3; failed++) await fail(strange);
    expect(await allow(strange, start + 5000)).toMatchObject({ outcome: "rejected", locked: true });
    const known = attempt({
      sources: [],
      counters: [{ key: "device:1", kind: "device", freeAttempts: 3 }],
      alsoReset: ["login:ann"],
      from: "1",
    });
    await allow(known);
    await settle(known, "succeeded");
    expect(await allow(strange)).toMatchObject({ outcome: "rejected", locked: false, retryAfterSeconds: 60 });
    expect(await allow(strange, start + 60)).toEqual({ outcome: "allowed" });
  });

  it("lockouts are listed with the longest wait first, and cleared by login, by address or all", async () => {
    await addUser(store());
    for (let failed = 0; failed < 3; failed++) await fail(attempt());
    await fail(attempt({ subject: "bob", counters: [{ key: "login:bob", kind: "login", freeAttempts: 3 }] }));
    await allow(attempt());
    const list = () =>
      store().listLockouts({ now: start, windowSeconds: 900, lockAfter: 10, limit: 10, origin: operator });
    const source = { kind: "source", login: null, source: "192.0.2.7", failures: 2, locked: false, until: start + 900 };
    const counter = { kind: "login", login: "Ann", source: null, failures: 3, locked: false, until: start + 60 };
    expect(await list()).toEqual([source, counter]);
    const clear = (target: Parameters<ReturnType<Opened>["clearLockouts"]>[0]["target"]) =>
      store().clearLockouts({ target, now: start, origin: operator });
    expect(await clear({ canonical: ann.canonical, login: ann.login })).toBe(1);
    expect(await list()).toEqual([source]);
    expect(await clear({ sources: ["192.0.2.7"] })).toBe(1);
    expect(await list()).toEqual([]);
    expect(await clear({ all: true })).toBe(1);
    expect((await eventsOf(store())).filter((event) => event.startsWith("throttle_"))).toEqual([
      "throttle_listed",
      "throttle_cleared login",
      "throttle_listed",
      "throttle_cleared source",
      "throttle_listed",
      "throttle_cleared all",
    ]);
  });

  it("a login without a user in the database is cleared in any case, by the spelling in the list", async () => {
    const clear = (name: string) =>
      store().clearLockouts({ target: { canonical: name.toLowerCase(), login: name }, now: start, origin: operator });
    for (const [kept, asked] of [
      ["Bea", "bea"],
      ["BEA", "Bea"],
      ["Zoë", "Zoë"],
    ] as const) {
      await allow(attempt());
      await store().settleAttempt({ ...attempt(), outcome: "failed", now: start, login: kept, audit: undefined });
      expect(await clear("cid")).toBe(0);
      expect(await clear(asked)).toBe(1);
    }
  });

  it("the tables of attempts keep their size, and the oldest rows go first", async () => {
    const at = (n: number) =>
      attempt({
        subject: `s${n}`,
        sources: [{ source: `source-${n}`, logins: 2 }],
        counters: [{ key: `login:${n}`, kind: "login", freeAttempts: 1 }],
      });
    for (let n = 0; n < 30; n++) await fail(at(n), start + n);
    expect(await store().pruneAttempts({ rowsMax: 10 })).toEqual({ more: false });
    expect(await allow(at(19), start + 30)).toEqual({ outcome: "allowed" });
    expect(await allow(at(29), start + 30)).toMatchObject({ outcome: "rejected" });
  });
}
