// Transactions that run side by side on PostgreSQL. They commit numbers late, run into deadlocks, wait too long for locks, and
// renew a session while it ends.
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openPostgres } from "../../dist/store/postgres/store.js";
import type { Store } from "../../dist/store/store.js";
import { startStopwatch } from "../world/deadline.js";
import { startOwnPostgres } from "../world/postgres.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { until } from "../world/wait.js";
import {
  addUser,
  ann,
  eventsOf,
  login,
  openSession,
  operator,
  origin,
  ownSession,
  renewal,
  revoking,
  start,
} from "./fixtures.js";

const database = useDatabase(usePostgres(() => startOwnPostgres("deadlock_timeout=100ms")));
let store: Store;
beforeAll(async () => {
  await database.empty();
  store = await openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
});
afterAll(() => store.close());
beforeEach(() => database.empty());

/** A transaction that the test holds open. */
async function hold(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.runtimeUrl });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("begin");
  return client;
}

async function takeNumber(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    "update ampho_state set last_revocation = last_revocation + 1 where id = 1 returning last_revocation::int as n",
  );
  const n = Number(rows[0]?.n);
  await client.query(
    "insert into ampho_revocations (n, at, until, kind, kid) values ($1, 1, 253402300799, 'signing_key', 'k')",
    [n],
  );
  return n;
}

/** Reads as each process does. */
function follow() {
  let after = 0;
  const seen: number[] = [];
  return {
    seen,
    read: async () => {
      const { last, rows } = await store.readRevocations({ after, now: start });
      seen.push(...rows.map(({ n }) => n));
      after = last;
    },
  };
}

const waitingFor = (count: number) =>
  until(async () => {
    const [row] = await database.query(
      "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return Number(row?.["n"]) >= count;
  });

const ending = (id: string) => ({ id, userId: undefined, reason: "logout", now: start, origin }) as const;

describe("numbers of revocations", () => {
  it("revocation numbers are read in their order although the first is committed late", async () => {
    const [first, second] = [await openSession(store, { stored: false }), await openSession(store, { stored: false })];
    const follower = follow();
    const late = await hold();
    expect(await takeNumber(late)).toBe(1);
    const ended = [store.endSession(ending(first.id)), store.endSession(ending(second.id))];
    await waitingFor(2);
    await follower.read();
    expect(follower.seen).toEqual([]);
    await late.query("commit");
    await Promise.all(ended);
    await follower.read();
    expect(follower.seen).toEqual([1, 2, 3]);
  });

  it("revocation numbers have no gap when a transaction is rolled back", async () => {
    const session = await openSession(store, { stored: false });
    const late = await hold();
    await takeNumber(late);
    const ended = revoking(store, () => store.endSession(ending(session.id)));
    await waitingFor(1);
    await late.query("rollback");
    expect((await ended).revocations).toMatchObject([{ n: 1 }]);
  });

  it("a reader misses no revocation while many sessions end", async () => {
    const sessions = await Promise.all(Array.from({ length: 100 }, () => openSession(store, { stored: false })));
    const follower = follow();
    let running = true;
    const reading = (async () => {
      while (running) await follower.read();
    })();
    await Promise.all(sessions.map(({ id }) => store.endSession(ending(id))));
    running = false;
    await reading;
    await follower.read();
    expect(follower.seen).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
  });

  it("revocations are read while all other connections wait for a lock", async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, () => openSession(store, { stored: false })));
    const late = await hold();
    await takeNumber(late);
    const ended = sessions.map(({ id }) => store.endSession(ending(id)));
    await waitingFor(9);
    for (let times = 0; times < 20; times++)
      expect(await store.readRevocations({ after: 0, now: start })).toMatchObject({ last: 0, rows: [] });
    await store.ping(1000);
    await late.query("commit");
    expect(new Set(await Promise.all(ended))).toEqual(new Set([true]));
  });
});

describe("transactions in each other's way", () => {
  it("a transaction after a deadlock is repeated and done once", async () => {
    let ended = 0;
    // PostgreSQL ends the transaction whose wait of a second is over first. On a busy machine that can be the other one.
    for (let isOurs = false; !isOurs; ended += 2) {
      const [old, young] = [await openSession(store, { stored: false }), await openSession(store, { stored: false })];
      const other = await hold();
      await other.query("select 1 from ampho_sessions where id = $1 for update", [old.id]);
      const ends = store.endUserSessions({
        change: "sessions_left",
        userId: ann.id,
        exceptSession: undefined,
        reason: "ended_by_user",
        now: start,
        origin,
      });
      await waitingFor(1);
      isOurs = await other.query("select 1 from ampho_sessions where id = $1 for update", [young.id]).then(
        () => true,
        ({ code }) => code !== "40P01",
      );
      await other.query("commit");
      expect(await ends).toBe(2);
    }
    expect((await eventsOf(store)).filter((event) => event.startsWith("session_ended"))).toHaveLength(ended);
  });

  /** Fails the next transactions with a serialization failure. */
  async function failNext(count: number): Promise<void> {
    await database.query(`
      create sequence ampho.tries; grant usage on sequence ampho.tries to public;
      create function ampho.fail() returns trigger language plpgsql as $$ begin
        if nextval('ampho.tries') <= ${count} then raise exception using errcode = '40001'; end if;
        return new;
      end $$;
      create trigger fail before insert on ampho.ampho_audit for each row execute function ampho.fail()`);
    onTestFinished(async () => {
      await database.query("drop function ampho.fail cascade; drop sequence ampho.tries");
    });
  }

  it("a transaction after a serialization failure is repeated and done once", async () => {
    const session = await openSession(store, { stored: false });
    await failNext(3);
    expect(await store.renewSession(renewal(session, { ownRoles: [] }))).toMatchObject({ outcome: "renewed" });
    expect((await eventsOf(store)).filter((event) => event === "renew")).toHaveLength(1);
  });

  it("a transaction that keeps failing is given up after six attempts and leaves nothing", async () => {
    const session = await openSession(store, { stored: false });
    await failNext(1000);
    await expect(store.renewSession(renewal(session, { ownRoles: [] }))).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(await database.query("select last_value::int as tries from ampho.tries")).toEqual([{ tries: 6 }]);
    expect(await database.query("select gen::int from ampho.ampho_sessions")).toEqual([{ gen: 0 }]);
  });

  it("a call that waits too long for a lock fails in time and leaves nothing", async () => {
    const session = await openSession(store, { stored: false });
    const other = await hold();
    await other.query("select 1 from ampho_sessions where id = $1 for update", [session.id]);
    const waited = startStopwatch();
    await expect(store.renewSession(renewal(session, { ownRoles: [] }))).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(waited()).toBeLessThan(6000);
    await other.query("commit");
    expect(await store.renewSession(renewal(session, { ownRoles: [] }))).toMatchObject({ outcome: "renewed" });
    expect((await eventsOf(store)).filter((event) => event === "renew")).toHaveLength(1);
  });

  it("a removed role is revoked as long as a renewal in progress extends it", async () => {
    await addUser(store);
    const session = await openSession(store);
    const renewing = await hold();
    await renewing.query("update ampho_sessions set gen = gen + 1, access_expires = $1 where id = $2", [
      start + 40_000,
      session.id,
    ]);
    const change = {
      userId: ann.id,
      now: start,
      origin: operator,
      foreignMaxSeconds: 0,
      rolePolicies: {},
      change: { set: [] },
    };
    const changed = revoking(store, () => store.setRoles(change));
    await waitingFor(1);
    await renewing.query("commit");
    expect((await changed).revocations).toMatchObject([{ kind: "roles", until: start + 40_300 }]);
  });

  it("a user who is disabled during logins and renewals has no session left", async () => {
    await addUser(store);
    for (let round = 0; round < 10; round++) {
      const session = await openSession(store);
      const racing = [
        store.renewSession(renewal(session)),
        store.setDisabled({ userId: ann.id, disabled: true, now: start, origin: operator, foreignMaxSeconds: 0 }),
        ...Array.from({ length: 4 }, () => openSession(store).catch(() => undefined)),
      ];
      await Promise.all(racing);
      const rows = await database.query("select id from ampho.ampho_sessions where ended_at is null");
      expect(rows).toEqual([]);
      await store.setDisabled({ userId: ann.id, disabled: false, now: start, origin: operator, foreignMaxSeconds: 0 });
    }
  });
});

describe("a change of second factors", () => {
  it("a re-authentication that waits for the first second factor of its account asks for it", async () => {
    await addUser(store);
    const session = await openSession(store);
    const adding = await hold();
    await adding.query(
      `insert into ampho_accounts (user_id, factors_version, devices_version, factors) values ($1, 1, 0, '["totp","recovery_code"]')`,
      [ann.id],
    );
    await adding.query("update ampho_sessions set ended_at = $1, end_reason = 'factors_changed' where id = $2", [
      start,
      session.id,
    ]);
    const entered = store.grantSession(login({ live: session.id }));
    await waitingFor(1);
    await adding.query("commit");
    expect(await entered).toMatchObject({ outcome: "factor_needed", enroll: false });
  });

  it("no change at the same moment sets the version of the devices back", async () => {
    await addUser(store);
    const who = { userId: ann.id, login: ann.login, now: start, origin: operator };
    const changes = Array.from({ length: 8 }, (_, at) => [
      store.forgetDevices(who),
      store.setFactorPolicy({
        ...who,
        policy: at % 2 === 0 ? "required" : undefined,
        reason: undefined,
        ownRoles: undefined,
        rolePolicies: {},
      }),
    ]);
    await Promise.all(changes.flat());
    expect(await store.listFactors(ann.id)).toMatchObject({ devicesVersion: start + 7 });
  });
});

const spend = (hash: string) => ({ hash, until: start + 660, idempotency: undefined });

describe("changes of one user at the same moment", () => {
  const reset = (hash: string) => ({
    userId: ann.id,
    login: ann.login,
    stored: { passwordVersion: 1 },
    passwordHash: hash,
    factorsVersion: 0,
    use: undefined,
    spend: spend("r"),
    attempt: undefined,
    factorAttempt: undefined,
    now: start,
    origin,
    rules: { roles: [], rolePolicies: {} },
    removesFactors: false,
    isRecovery: false,
    provesEmail: "ann@x.example",
    isFirstProof: false,
  });
  const provesEmail = "ann@x.example";

  it.each([
    ["two resets", (own: Store) => [own.finishReset(reset("a")), own.finishReset(reset("b"))]],
    ["two logins by mail", (own: Store) => [1, 2].map(() => own.grantSession(login({ provesEmail })))],
    [
      "a login by mail and a reset",
      (own: Store) => [own.grantSession(login({ provesEmail })), own.finishReset(reset("a"))],
    ],
  ] as const)("%s of one user cause no deadlock", async (_, changesOf) => {
    await addUser(store, {
      email: { address: "ann@x.example", canonical: "ann@x.example", provenAt: undefined, byOperator: undefined },
    });
    const own = await openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
    const other = await hold();
    await other.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`sessions of ${ann.id}`]);
    const deadlocks = async () => {
      const [row] = await database.query("select deadlocks from pg_stat_database where datname = current_database()");
      return Number(row?.["deadlocks"]);
    };
    const before = await deadlocks();
    const changes = changesOf(own);
    await waitingFor(2);
    const backends = await database.query(
      "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    await other.query("commit");
    await Promise.all(changes);
    await own.close();
    // A server process reports its statistics at the latest when it ends.
    const pids = backends.map(({ pid }) => Number(pid)).join(", ");
    await until(
      async () => (await database.query(`select 1 from pg_stat_activity where pid in (${pids})`)).length === 0,
    );
    expect(await deadlocks()).toBe(before);
  });

  it("an address does not change after a new password has ended the session that asked", async () => {
    await addUser(store);
    const { id: sessionId } = await openSession(store);
    const changing = await hold();
    await changing.query("select 1 from ampho_users where id = $1 for update", [ann.id]);
    const email = { address: "new@x.example", canonical: "new@x.example", provenAt: start, byOperator: undefined };
    const changed = store.setEmail({
      userId: ann.id,
      email,
      ownUser: undefined,
      own: ownSession(sessionId),
      spend: undefined,
      attempt: undefined,
      now: start,
      origin,
    });
    await waitingFor(1);
    await changing.query("update ampho_sessions set ended_at = $1, end_reason = 'password_changed' where id = $2", [
      start,
      sessionId,
    ]);
    await changing.query("commit");
    expect(await changed).toMatchObject({ outcome: "changed" });
    expect((await store.findUser(ann.canonical))?.email).toBeUndefined();
  });

  it("an identity that one user links belongs to the login that was faster with it", async () => {
    const eve = { ...ann, id: "u-eve", login: "eve", canonical: "eve" };
    for (const user of [ann, eve]) await addUser(store, user);
    const { id: sessionId } = await openSession(store);
    const proven = { issuer: "https://acme.example", subject: "s-1", provider: "acme", email: undefined };
    const other = await hold();
    await other.query("select 1 from ampho_users where id = $1 for update", [eve.id]);
    const entered = store.grantSession(
      login({ userId: eve.id, login: eve.login, identity: { proven, isNew: true }, spend: spend("e") }),
    );
    await waitingFor(1);
    let isLinked = false;
    const linked = store
      .linkIdentity({
        userId: ann.id,
        login: ann.login,
        own: ownSession(sessionId),
        now: start,
        origin,
        stored: {},
        factorsVersion: 0,
        identity: proven,
        isVouched: false,
        spend: spend("l"),
      })
      .finally(() => {
        isLinked = true;
      });
    await Promise.race([waitingFor(2), linked]);
    expect(isLinked).toBe(false);
    await other.query("commit");
    expect(await entered).toMatchObject({ outcome: "granted" });
    expect(await linked).toMatchObject({ outcome: "taken" });
    expect(await store.findIdentity(proven)).toMatchObject({ identity: { userId: eve.id } });
  });
});

it("the days of use of keys wait for no transaction that ends one of them, and no end of a key waits for them", async () => {
  const ends = await hold();
  await ends.query(
    `insert into ampho_api_keys (id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at)
     select 'key_' || n, 'h' || n, 'u-1', 'ann', 'Backup', 'abcd', '[]', 0, $1, $2 from generate_series(1, 3) as n
     order by n`,
    [start, start + 86_400],
  );
  await ends.query("commit; begin");
  await ends.query("delete from ampho_api_keys where id = 'key_2'");
  await store.touchApiKeys({ ids: ["key_3", "key_2", "key_1"], day: 20_000 });
  await ends.query("rollback");
  const days = async () => (await store.listApiKeys("u-1")).map(({ usedDay }) => usedDay);
  expect(await days()).toEqual([20_000, undefined, 20_000]);
  await store.touchApiKeys({ ids: ["key_2"], day: 20_000 });
  expect(await days()).toEqual([20_000, 20_000, 20_000]);
});

it.each([
  ["the end of all keys", () => store.removeAllApiKeys({ random: "r", now: start, origin })],
  [
    "the end of everything with keys",
    () => store.endAllSessions({ now: start, origin, foreignMaxSeconds: 0, accessTtlSeconds: 900, apiKeys: true }),
  ],
])("%s leaves no key that is created or rotated meanwhile", async (_, endAll) => {
  await addUser(store);
  await database.query(
    `insert into ampho.ampho_api_keys (id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at)
     select 'key_' || n, 'h' || n, case n when 1 then 'u-other' else '${ann.id}' end, 'ann', 'Backup', 'abcd', '[]', 0,
       ${start}, ${start + 86_400} from generate_series(1, 2) as n order by n`,
  );
  // The deletion of all keys waits for the first one.
  const holds = await hold();
  await holds.query("select id from ampho_api_keys where id = 'key_1' for update");
  const ended = endAll();
  await waitingFor(1);
  const key = { id: "key_new", hash: "hash", name: "Backup", start: "abcd", scopes: [], expiresAt: start + 86_400 };
  const change = { userId: ann.id, login: "ann", stored: {}, now: start, origin, own: undefined, apiKeysMax: 10 };
  const created = store.createApiKey({ ...change, key });
  const rotated = store.rotateApiKey({
    ...change,
    key: { ...key, id: "key_next", hash: "next" },
    from: "key_2",
    overlapSeconds: 0,
  });
  await waitingFor(3);
  await holds.query("commit");
  await ended;
  expect((await rotated).outcome).toBe("none");
  // It came after the end.
  expect((await created).outcome).toBe("done");
  expect((await store.listApiKeys(ann.id)).map(({ id }) => id)).toEqual(["key_new"]);
});

describe("a server that takes no writes", () => {
  it("a standby serves neither writes nor reads until it is the primary again", async () => {
    await addUser(store);
    const name = new URL(database.runtimeUrl).pathname.slice(1);
    const others =
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    await database.query(`alter database ${name} set default_transaction_read_only = on`);
    await database.query(others);
    for (const ask of [
      () => store.findUser(ann.canonical),
      () => store.grantSession(login({ stored: false })),
      () => store.readRevocations({ after: 0, now: start }),
    ])
      await expect(ask()).rejects.toMatchObject({ code: "unavailable" });
    const opening = openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
    await expect(opening).rejects.toThrow("the PostgreSQL server is a standby or read-only");
    await database.query(`set transaction_read_only = off; alter database ${name} reset default_transaction_read_only`);
    await database.query(`set transaction_read_only = off; ${others}`);
    expect(await store.findUser(ann.canonical)).toMatchObject({ id: ann.id });
  });
});
