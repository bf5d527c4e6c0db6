import { expect, it } from "vitest";
import type { Guess, GuessOutcome, GuessVerdict } from "../../src/store/store.js";
import type { Opened } from "./contract.js";
import { addUser, ann, eventsOf, guess, login, operator, origin, start } from "./fixtures.js";

export function guessContract(store: Opened): void {
  const admit = (of: Guess, now = start): Promise<GuessVerdict> =>
    store().admitGuess({ ...of, now, origin, event: "login_throttled", canonical: "ann" });
  const settle = (of: Guess, outcome: GuessOutcome, now = start): Promise<void> =>
    store().settleGuess({ ...of, outcome, now, login: undefined, audit: undefined });
  async function fail(of: Guess, now = start): Promise<void> {
    expect(await admit(of, now)).toEqual({ outcome: "admitted" });
    await settle(of, "failed", now);
  }

  it("of many guesses at once no more are admitted than there are tries", async () => {
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => admit(guess())));
    expect(verdicts.filter(({ outcome }) => outcome === "admitted")).toHaveLength(3);
    expect(verdicts.filter(({ outcome }) => outcome === "pending")).toHaveLength(47);
  });

  it("failed guesses make the next one wait, and the refusal is recorded once", async () => {
    await addUser(store());
    for (let failed = 0; failed < 3; failed++) await fail(guess());
    const refused = { outcome: "refused", by: "login", locked: false, retryAfterSeconds: 60 };
    for (let asked = 0; asked < 3; asked++) expect(await admit(guess())).toEqual(refused);
    expect((await eventsOf(store())).filter((event) => event.startsWith("login_throttled"))).toEqual([
      "login_throttled login",
    ]);
    expect(await admit(guess(), start + 60)).toEqual({ outcome: "admitted" });
  });

  it("tries and waits hold against one who read the clock before them, and waited for the store", async () => {
    const before = start - 6;
    for (let taken = 0; taken < 3; taken++) expect(await admit(guess())).toEqual({ outcome: "admitted" });
    expect(await admit(guess(), before)).toEqual({ outcome: "pending" });
    for (let taken = 0; taken < 3; taken++) await settle(guess(), "failed");
    expect(await admit(guess(), before)).toMatchObject({ outcome: "refused", by: "login" });
    // As long as the window: the longest wait there is.
    let now = start;
    for (let failed = 3; failed < 7; failed++) {
      now += 900;
      await fail(guess(), now);
    }
    expect(await admit(guess(), now - 6)).toMatchObject({ outcome: "refused", by: "login", retryAfterSeconds: 906 });
  });

  it("a refusal names the account, and nothing that has none", async () => {
    await addUser(store());
    const other = guess({ counters: [{ key: "login:x", kind: "login", tries: 1 }], places: [], subject: "x" });
    await fail(other);
    await store().admitGuess({ ...other, now: start, origin, event: "login_throttled", canonical: "hunter2" });
    for (let failed = 0; failed < 3; failed++) await fail(guess());
    await admit(guess());
    const rows = await store().listAudit({ login: undefined, since: undefined, limit: 100 });
    expect(rows.filter(({ event }) => event === "login_throttled").map((row) => row.login)).toEqual([undefined, "Ann"]);
  });

  it("guesses that were right, or not looked at, cost nothing", async () => {
    for (const outcome of ["succeeded", "returned"] as const)
      for (let tried = 0; tried < 10; tried++) {
        expect(await admit(guess())).toEqual({ outcome: "admitted" });
        await settle(guess(), outcome);
      }
    expect(await store().clearHeldBack({ target: { all: true }, now: start, origin: operator })).toBe(0);
  });

  it("a session that is opened settles its guess as right, one that is refused as wrong", async () => {
    await addUser(store());
    await admit(guess());
    await store().createSession(login({ guess: guess() }));
    expect(await store().clearHeldBack({ target: { all: true }, now: start, origin: operator })).toBe(0);
    await admit(guess());
    await store().createSession(login({ guess: guess(), stored: { passwordVersion: 7 } }));
    expect(
      await store().clearHeldBack({ target: { canonical: "ann", login: "ann" }, now: start, origin: operator }),
    ).toBe(1);
  });

  it("an address may fail at so many logins, and takes no try of another then", async () => {
    const at = (subject: string) =>
      guess({ subject, counters: [{ key: `login:${subject}`, kind: "login", tries: 3 }] });
    await fail(at("one"));
    await fail(at("two"));
    expect(await admit(at("three"))).toEqual({
      outcome: "refused",
      by: "place",
      locked: false,
      retryAfterSeconds: 900,
    });
    // Nothing is left of the one that was refused: two counters and the address.
    expect(await store().clearHeldBack({ target: { all: true }, now: start, origin: operator })).toBe(3);
  });

  it("a success elsewhere ends the lock of a login, and leaves its wait", async () => {
    const strange = guess({ lockAfter: 3 });
    for (let failed = 0; failed < 3; failed++) await fail(strange);
    expect(await admit(strange, start + 5000)).toMatchObject({ outcome: "refused", locked: true });
    const known = guess({
      places: [],
      counters: [{ key: "device:1", kind: "device", tries: 3 }],
      pardons: ["login:ann"],
      from: "1",
    });
    await admit(known);
    await settle(known, "succeeded");
    expect(await admit(strange)).toMatchObject({ outcome: "refused", locked: false, retryAfterSeconds: 60 });
    expect(await admit(strange, start + 60)).toEqual({ outcome: "admitted" });
  });

  it("what is held back is listed, the longest first, and cleared by login, by address or whole", async () => {
    await addUser(store());
    for (let failed = 0; failed < 3; failed++) await fail(guess());
    await fail(guess({ subject: "bob", counters: [{ key: "login:bob", kind: "login", tries: 3 }] }));
    await admit(guess());
    const list = () =>
      store().listHeldBack({ now: start, windowSeconds: 900, lockAfter: 10, limit: 10, origin: operator });
    const place = { kind: "place", login: null, place: "192.0.2.7", failures: 2, locked: false, until: start + 900 };
    const counter = { kind: "login", login: "Ann", place: null, failures: 3, locked: false, until: start + 60 };
    expect(await list()).toEqual([place, counter]);
    const clear = (target: Parameters<ReturnType<Opened>["clearHeldBack"]>[0]["target"]) =>
      store().clearHeldBack({ target, now: start, origin: operator });
    expect(await clear({ canonical: ann.canonical, login: ann.login })).toBe(1);
    expect(await list()).toEqual([place]);
    expect(await clear({ places: ["192.0.2.7"] })).toBe(1);
    expect(await list()).toEqual([]);
    expect(await clear({ all: true })).toBe(1);
    expect((await eventsOf(store())).filter((event) => event.startsWith("throttle_"))).toEqual([
      ...["throttle_listed", "throttle_cleared login", "throttle_listed", "throttle_cleared place"],
      ...["throttle_listed", "throttle_cleared all"],
    ]);
  });

  it("a login that no user here has is cleared in any case, and as it is listed", async () => {
    const clear = (name: string) =>
      store().clearHeldBack({ target: { canonical: name.toLowerCase(), login: name }, now: start, origin: operator });
    for (const [kept, asked] of [
      ["Bea", "bea"],
      ["BEA", "Bea"],
      ["Zoë", "Zoë"],
    ] as const) {
      await admit(guess());
      await store().settleGuess({ ...guess(), outcome: "failed", now: start, login: kept, audit: undefined });
      expect(await clear("cid")).toBe(0);
      expect(await clear(asked)).toBe(1);
    }
  });

  it("the tables stay at their size, and the oldest counts go first", async () => {
    const at = (n: number) =>
      guess({
        subject: `s${n}`,
        places: [{ place: `place-${n}`, logins: 2 }],
        counters: [{ key: `login:${n}`, kind: "login", tries: 1 }],
      });
    for (let n = 0; n < 30; n++) await fail(at(n), start + n);
    expect(await store().sweepGuesses({ rowsMax: 10 })).toEqual({ more: false });
    expect(await admit(at(19), start + 30)).toEqual({ outcome: "admitted" });
    expect(await admit(at(29), start + 30)).toMatchObject({ outcome: "refused" });
  });
}
