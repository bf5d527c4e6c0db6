import { expect, it } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import type { StagedUser } from "../../dist/store/sql/account/imports.js";
import type { NewPasskeyRow } from "../../dist/store/sql/factors/passkeys.js";
import type { Store } from "../../dist/store/store.js";
import type { Opened } from "./contract.js";
import { addUser, ann, emailOf, eventsOf, operator, start } from "./fixtures.js";

const user = (canonical: string, line: number, hashKind: string | null = null): StagedUser => ({
  id: `i-${canonical}-${line}`,
  login: canonical.toUpperCase(),
  canonical,
  passwordHash: "hash-i",
  hashKind,
  roles: ["r"],
  line,
});

export function importContract(store: Opened): void {
  const begin = (trial = false) => store().startImport({ now: start, trial });
  const stage = (n: number, users: readonly StagedUser[], displaces = true) =>
    store().stageUsers({ n, users, displaces, now: start });
  const publish = (n: number) =>
    store().publishImport({ n, now: start + 9, origin: operator, detail: { users: 1, formats: ["f 1"] } });
  const sweep = (n: number | undefined, now = start) => store().deleteUnpublishedImports({ n, now, limit: 2 });
  const listed = async () => (await list(store())).map(({ canonical }) => canonical);

  it("users of an import stay hidden until it is published, and then all are visible", async () => {
    const n = await begin();
    expect(await stage(n, [user("bea", 1), user("cid", 2)])).toEqual({ outcome: "staged", rejected: [] });
    expect(await store().findUser("bea")).toBeUndefined();
    expect(await store().findUserById("i-bea-1")).toBeUndefined();
    expect(await listed()).toEqual([]);
    expect((await store().countHashKinds({ after: undefined, limit: 9 })).counts).toEqual([]);
    expect(await publish(n)).toEqual({ outcome: "published" });
    expect(await store().findUser("bea")).toEqual({
      id: "i-bea-1",
      login: "BEA",
      canonical: "bea",
      passwordHash: "hash-i",
      passwordVersion: 1,
      roles: ["r"],
      rolesVersion: 1,
      disabled: false,
      createdAt: start,
    });
    expect(await listed()).toEqual(["bea", "cid"]);
    const [row] = await store().listAudit({ login: undefined, since: undefined, limit: 9 });
    expect(row).toMatchObject({ event: "users_imported", origin: operator, detail: { import: n, users: 1 } });
  });

  it("an address is free until its import is published, and no two users of one import have the same", async () => {
    await addUser(store(), { email: emailOf("ann@x.example") });
    const n = await begin();
    const mailed = (canonical: string, line: number, address: string) => ({
      ...user(canonical, line),
      email: emailOf(address, start),
    });
    const rows = [
      mailed("bea", 1, "bea@x.example"),
      mailed("cid", 2, "ann@x.example"),
      mailed("dan", 3, "bea@x.example"),
      mailed("eva", 4, "eva@x.example"),
    ];
    expect(await stage(n, rows)).toEqual({
      outcome: "staged",
      rejected: [
        { line: 2, reason: "email" },
        { line: 3, reason: "email" },
      ],
    });
    expect(await store().findUserByAddress("bea@x.example")).toBeUndefined();
    // A user is created with the address of a hidden row, and the import has then lost its line.
    const taking = { ...ann, id: "u-2", canonical: "eva-2", email: emailOf("eva@x.example") };
    expect(await store().createUser({ user: taking, now: start, origin: operator })).toBe("created");
    expect(await publish(n)).toEqual({ outcome: "lost", line: 4 });
    const again = await begin();
    await stage(again, [mailed("bea", 1, "bea@x.example")]);
    expect(await publish(again)).toEqual({ outcome: "published" });
    expect(await store().findUserByAddress("bea@x.example")).toMatchObject({ email: { provenAt: start } });
  });

  it("a published import is published once and is never deleted", async () => {
    const n = await begin();
    await stage(n, [user("bea", 1)]);
    await publish(n);
    // A publication whose response was lost is sent again.
    expect(await publish(n)).toEqual({ outcome: "published" });
    expect(await stage(n, [user("cid", 2)])).toEqual({ outcome: "dropped" });
    expect([await sweep(n), await sweep(undefined, start + 1000)]).toEqual([false, false]);
    expect(await listed()).toEqual(["bea"]);
    expect(await eventsOf(store())).toEqual(["users_imported"]);
  });

  it("a login that exists, or is twice in the import, is rejected by its line", async () => {
    await addUser(store());
    const n = await begin();
    const batch = [user("bea", 1), user("ann", 2), user("bea", 3)];
    expect(await stage(n, batch)).toEqual({
      outcome: "staged",
      rejected: [
        { line: 2, reason: "exists" },
        { line: 3, reason: "repeated", firstLine: 1 },
      ],
    });
    expect(await stage(n, [user("bea", 4)])).toMatchObject({
      rejected: [{ line: 4, reason: "repeated", firstLine: 1 }],
    });
    expect((await store().findUser("ann"))?.id).toBe(ann.id);
  });

  it("a user can be created with a staged login, and the import is lost with its first such line", async () => {
    const n = await begin();
    await stage(n, [user("ann", 7), user("bea", 8), user("cid", 9)]);
    for (const canonical of ["cid", "ann"])
      expect(
        await store().createUser({ user: { ...ann, id: canonical, canonical }, now: start, origin: operator }),
      ).toBe("created");
    expect(await store().findUser("ann")).toMatchObject({ id: "ann", passwordHash: "hash-1" });
    expect(await publish(n)).toEqual({ outcome: "lost", line: 7 });
    expect(await listed()).toEqual(["ann", "cid"]);
  });

  it("passkeys of an import go with its hidden users, and an existing passkey or user handle is rejected", async () => {
    const passkey = (id: string): NewPasskeyRow => ({
      id,
      publicKey: { kty: "EC" },
      alg: -7,
      signCount: 7,
      backupEligible: true,
      backedUp: false,
      rp: "a.example",
      userVerified: false,
      ownHandle: undefined,
      discoverable: undefined,
      transports: ["usb"],
      aaguid: "-",
      name: "Key",
    });
    const owner = (canonical: string, line: number, handle: string, ...ids: readonly string[]): StagedUser => ({
      ...user(canonical, line),
      passkeys: { handle, passkeys: ids.map(passkey) },
    });
    const isThere = async (id: string) => (await store().findPasskey(id)) !== undefined;
    const n = await begin();
    // The second one loses its login to a created user, the third one to a trial that takes none.
    await stage(n, [owner("bea", 1, "h1", "p1", "p2"), owner("ann", 2, "h2", "p3")]);
    expect((await store().findPasskey("p1"))?.user).toBeUndefined();
    const trial = await begin(true);
    await stage(trial, [owner("bea", 1, "h9", "p9")], false);
    expect(await isThere("p9")).toBe(false);
    expect([await sweep(trial), await isThere("p1"), await isThere("p3")]).toEqual([true, true, true]);
    await addUser(store());
    expect(await isThere("p3")).toBe(false);
    while (await sweep(n));
    expect([await isThere("p1"), await isThere("p2")]).toEqual([false, false]);

    const next = await begin();
    const batch = [owner("bea", 1, "h1", "p1"), owner("cid", 2, "h1", "p2"), owner("dan", 3, "h3", "p3", "p1")];
    const rejected = [2, 3].map((line) => ({ line, reason: "factor" }));
    expect(await stage(next, batch)).toEqual({ outcome: "staged", rejected });
    expect(await publish(next)).toEqual({ outcome: "published" });
    expect(await store().findPasskey("p1")).toMatchObject({
      passkey: { ...passkey("p1"), userId: "i-bea-1" },
      user: { canonical: "bea" },
      account: { factors: ["passkey"], handle: "h1" },
    });
  });

  it("the later of two imports with a common login can be published", async () => {
    const [one, two] = [await begin(), await begin()];
    await stage(one, [user("bea", 1)]);
    await stage(two, [user("cid", 1)]);
    expect(await stage(one, [user("cid", 2)])).toMatchObject({ rejected: [{ line: 2, reason: "importing" }] });
    expect(await stage(two, [user("bea", 2)])).toMatchObject({ rejected: [] });
    expect(await publish(one)).toEqual({ outcome: "lost", line: 1 });
    expect(await publish(two)).toEqual({ outcome: "published" });
    expect((await store().findUser("bea"))?.id).toBe("i-bea-2");
  });

  it("a login that is created during the publication belongs to exactly one user", async () => {
    for (let round = 0; round < 20; round += 1) {
      const canonical = `bea-${round}`;
      const n = await begin();
      await stage(n, [user(canonical, 1), user(`${canonical}-too`, 2)]);
      const taking = { user: { ...ann, id: canonical, canonical }, now: start, origin: operator };
      const race = [() => store().createUser(taking), () => publish(n).then(({ outcome }) => outcome)];
      if (round % 2 === 1) race.reverse();
      const outcomes = new Set(await Promise.all(race.map((run) => run())));
      const taken = (await store().findUser(canonical))?.id === canonical;
      expect(outcomes).toEqual(new Set(taken ? ["created", "lost"] : ["login_taken", "published"]));
      expect((await store().findUser(`${canonical}-too`)) === undefined).toBe(taken);
    }
  });

  it("two concurrent imports with all logins in common end with one of them", async () => {
    const names = Array.from({ length: 200 }, (_, index) => `u-${index}`);
    const [one, two] = [await begin(), await begin()];
    const batches = (n: number, order: readonly string[]) =>
      Array.from(
        { length: order.length / 20 },
        (_, at) => () =>
          stage(
            n,
            order
              .slice(at * 20, at * 20 + 20)
              .map((name) => ({ ...user(name, names.indexOf(name) + 1), id: `${n}-${name}` })),
          ),
      );
    const fill = async (n: number, order: readonly string[]) => {
      const rejected = [];
      for (const write of batches(n, order)) {
        const outcome = await untilWritten(write);
        if (outcome.outcome === "staged") rejected.push(...outcome.rejected);
      }
      return rejected;
    };
    // If the later import had all logins before the first batch of the other, that would lose no line.
    await fill(one, names.slice(0, 20));
    const [, second] = await Promise.all([fill(one, names.slice(20)), fill(two, [...names].reverse())]);
    expect(second).toEqual([]);
    expect([(await publish(one)).outcome, (await publish(two)).outcome]).toEqual(["lost", "published"]);
    const ids = (await list(store())).map(({ id }) => id);
    expect([...ids].sort()).toEqual(names.map((name) => `${two}-${name}`).sort());
  });

  it("a batch that is sent again, because the response to it was lost, rejects no line", async () => {
    const n = await begin();
    const batch = [user("bea", 1), user("cid", 2)];
    for (let times = 0; times < 2; times += 1)
      expect(await stage(n, batch)).toEqual({ outcome: "staged", rejected: [] });
    expect(await publish(n)).toEqual({ outcome: "published" });
    expect(await listed()).toEqual(["bea", "cid"]);
  });

  it("two imports without common logins are both published", async () => {
    const [one, two] = [await begin(), await begin()];
    await Promise.all([stage(one, [user("bea", 1)]), stage(two, [user("cid", 1)])]);
    expect(await Promise.all([publish(one), publish(two)])).toEqual([
      { outcome: "published" },
      { outcome: "published" },
    ]);
    expect(await listed()).toEqual(["bea", "cid"]);
  });

  it("a trial takes no login from another import", async () => {
    const [one, two] = [await begin(), await begin()];
    await stage(one, [user("bea", 1)]);
    expect(await stage(two, [user("bea", 1)], false)).toEqual({ outcome: "staged", rejected: [] });
    expect(await publish(one)).toEqual({ outcome: "published" });
  });

  it("a trial that started later blocks no import", async () => {
    const [one, trial] = [await begin(), await begin(true)];
    await stage(trial, [user("bea", 1), user("cid", 2)], false);
    expect(await stage(one, [user("bea", 1)])).toEqual({ outcome: "staged", rejected: [] });
    expect(await publish(one)).toEqual({ outcome: "published" });
    expect((await publish(trial)).outcome).not.toBe("published");
    expect(await listed()).toEqual(["bea"]);
  });

  it("an import that can no longer be published blocks no other import", async () => {
    const [one, lost, swept] = [await begin(), await begin(), await begin()];
    await stage(lost, [user("ann", 1), user("bea", 2)]);
    await addUser(store());
    await stage(swept, [user("cid", 1), user("dan", 2), user("eve", 3)]);
    await sweep(swept);
    expect(await stage(one, [user("bea", 1), ...["cid", "dan", "eve"].map((name, at) => user(name, at + 2))])).toEqual({
      outcome: "staged",
      rejected: [],
    });
    expect(await publish(one)).toEqual({ outcome: "published" });
    expect(await publish(lost)).toEqual({ outcome: "lost", line: 1 });
  });

  it("a deleted import can no longer be filled or published, and leaves nothing", async () => {
    const n = await begin();
    await stage(n, [user("a", 1), user("b", 2), user("c", 3)]);
    expect(await sweep(n)).toBe(true);
    expect(await stage(n, [user("d", 4)])).toEqual({ outcome: "dropped" });
    expect(await publish(n)).toEqual({ outcome: "dropped" });
    expect([await sweep(n), await sweep(n)]).toEqual([true, false]);
    expect(await listed()).toEqual([]);
    expect(await store().hasOtherHashes()).toBe(false);
  });

  it("only a dead import is deleted unasked, and a deletion that has started is finished", async () => {
    const n = await begin();
    await stage(n, [user("a", 1, "f"), user("b", 2), user("c", 3, "f")]);
    expect(await sweep(undefined, start + 60)).toBe(false);
    await sweep(n);
    expect(await sweep(undefined, start + 60)).toBe(true);
    expect(await store().hasOtherHashes()).toBe(false);
    const left = await begin();
    expect([await sweep(undefined, start + 61), await sweep(left)]).toEqual([true, false]);
  });

  it("a batch contains many rows and keeps the order of its lines", async () => {
    const n = await begin();
    const batch = Array.from({ length: 123 }, (_, index) => user(`u${index % 120}`, index + 1));
    expect(await stage(n, batch)).toEqual({
      outcome: "staged",
      rejected: [1, 2, 3].map((firstLine) => ({ line: 120 + firstLine, reason: "repeated", firstLine })),
    });
  });

  it("users are counted per kind of hash, and a new password or a new hash is a current one", async () => {
    await addUser(store());
    await addUser(store(), { id: "u-none", canonical: "none", passwordHash: null });
    const n = await begin();
    await stage(n, [user("x", 1, "f"), user("y", 2, "f"), user("z", 3, "g")]);
    await publish(n);
    expect(await store().hasOtherHashes()).toBe(true);
    const pages = [];
    for (let after: string | undefined; ; ) {
      const page = await store().countHashKinds({ after, limit: 2 });
      pages.push(...page.counts.map(({ kind, hasHash, users }) => `${kind} ${hasHash} ${users}`));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(pages).toEqual(["null true 1", "null false 1", "f true 2", "g true 1"]);

    await store().rehashPassword({ userId: "i-z-3", from: "hash-i", to: "h", now: start, origin: operator });
    for (const userId of ["i-x-1", "i-y-2"])
      await store().setPassword({
        userId,
        passwordHash: "h",
        passwordVersion: undefined,
        own: undefined,
        now: start,
        origin: operator,
      });
    expect(await store().hasOtherHashes()).toBe(false);
  });

  it("a page of users is short if hidden rows of an import lie between them", async () => {
    for (const canonical of ["a", "d"]) await addUser(store(), { id: canonical, canonical });
    const n = await begin();
    await stage(n, [user("b", 1), user("c", 2)]);
    const page = await store().listUsers({ after: undefined, limit: 2 });
    expect([page.users.map(({ canonical }) => canonical), page.next]).toEqual([["a"], "b"]);
    expect(await listed()).toEqual(["a", "d"]);
  });
}

/** Each deadlock costs PostgreSQL a second, and on a busy machine several take longer than a call has. The import then repeats it. */
async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof AmphoError) || error.code !== "unavailable") throw error;
    }
  }
}

async function list(store: Store) {
  const all = [];
  for (let after: string | undefined; ; ) {
    const { users, next } = await store.listUsers({ after, limit: 2 });
    all.push(...users);
    if (next === undefined) return all;
    after = next;
  }
}
