// One transaction at many processes at once, and at a database that is down.
import { expect, it, onTestFinished, vi } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { startInstance } from "../ampho/processes.js";
import { authenticate, createSubject, register } from "../factors/webauthn/authenticator.js";
import { startChild } from "../store/processes.js";
import { openWorld, password, type World } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { startOwnPostgres } from "../world/postgres.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { addPerson, asked, askedReset, begin, newPassword, openMailing } from "./mailboxes.js";
import {
  addOwner,
  codeAt,
  type Ground,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
  unthrottled,
} from "./owners.js";
import { addPasskeyOwner, assertion, beginPasskey, challengeOf, passkeyLogin } from "./passkey-owners.js";

const server = usePostgres(startOwnPostgres);
const database = useDatabase(server);

const tally = async (ground: Ground, world: World) => {
  const [row] = await ground.sql(
    world,
    `select (select count(*) from ampho_sessions where ended_at is null) as sessions,
       (select count(*) from ampho_recovery where used_at is not null) as used,
       (select count(*) from ampho_spent where bought is not null) as bought,
       (select count(*) from ampho_spent) as spent`,
  );
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, n]) => [name, Number(n)]));
};

onBothDatabases((ground) => {
  it("a transaction that is redeemed 16 times at once in two processes opens one session", async () => {
    const clock = runningClock();
    const world = { ...(await ground.open({ ...unthrottled, clock })), clock };
    const settings = { databaseUrl: ground.urlOf(world), databaseMigrate: "off", throttleAttempts: 1_000_000 };
    const one = await startInstance(world, settings);
    const other = await startInstance(world, settings);
    for (const round of [1, 2]) {
      const ann = await addOwner(world, `ann${round}`);
      const transaction = await pendingLogin(world, ann.login);
      // Each of eight requests proves a factor of its own, so that nothing but the transaction decides.
      const requests = ann.recoveryCodes.map((code) => ({
        method: "POST",
        path: "/login",
        body: { transaction, recovery_code: code },
      }));
      const responses = (await Promise.all([one.all(requests), other.all(requests)])).flat();
      expect(responses).toHaveLength(16);
      expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status, text } of responses) if (status !== 200) expect([401, 429], text).toContain(status);
      expect(await tally(ground, world)).toEqual({ sessions: 3 * round, used: round, bought: round, spent: 2 * round });
    }
  });
});

/** Takes the database away, and returns how it comes back. */
const downs = {
  SQLite: async ({ databaseFile }: World) => {
    const locker = startChild("lock", databaseFile);
    onTestFinished(() => void locker.process.kill("SIGKILL"));
    expect(await locker.line()).toBe("locked");
    locker.process.kill("SIGSTOP");
    return async () => {
      locker.process.kill("SIGKILL");
      await locker.ended;
    };
  },
  PostgreSQL: async () => {
    await server.signal("SIGINT");
    return () => server.start();
  },
} as const;

it.each(Object.keys(downs) as (keyof typeof downs)[])(
  "a transaction is unspent after its redemption failed because %s was down",
  async (name) => {
    const clock = runningClock();
    if (name === "PostgreSQL") await database.empty();
    const url = name === "PostgreSQL" ? { databaseUrl: database.runtimeUrl, databaseMigrate: "off" as const } : {};
    const open = async (options?: AmphoOptions) => ({ ...(await openWorld({ ...url, ...options })), clock });
    const world = await openMailing({ open, sql: async () => [] }, { ...unthrottled, clock });
    const ann = await addOwner(world, "ann");
    await world.user("bob", { password: "heron violet tumbrel 91" });
    const bob = await world.login("bob");
    const enrolment = await setUp(world, bob.token);
    const transaction = await pendingLogin(world, "ann");
    for (const login of ["mail@x.example", "reset@x.example"]) await world.ampho.users.create({ login, password });
    const [mailed, reset] = [await asked(world, "mail@x.example"), await askedReset(world, "reset@x.example")];
    const registration = await begin(world, "/register", { email: "new@x.example" });
    const registering = await world.mail("register");
    const cid = await addPerson(world, "cid@x.example", password);
    const change = await begin(world, "/account/email", { email: "other@x.example" }, { bearer: cid.token });
    const changing = await world.mail("email");
    const byMail = [
      ["/login", { transaction: mailed.transaction, code: mailed.mail.code }],
      ["/password/reset/finish", { transaction: reset.transaction, code: reset.mail.code, new_password: newPassword }],
      ["/register/finish", { transaction: registration.transaction, code: registering.code, password: newPassword }],
      ["/account/email/finish", { transaction: change.transaction, code: changing.code }, cid.token],
    ] as const;
    const key = await addPasskeyOwner(world, "key");
    const { token: bearer } = await passkeyLogin(world, key);
    const [alone, pending] = [await assertion(world, key), challengeOf(await logIn(world, "key"))];
    const adding = await beginPasskey(world, bearer);
    const byPasskey = [
      ["/login", alone],
      ["/login", { transaction: pending.transaction, passkey: authenticate(key.subject, pending.challenge) }],
      [
        "/passkeys",
        { transaction: adding.transaction, passkey: register(createSubject(-7), adding.challenge) },
        bearer,
      ],
    ] as const;
    const back = await downs[name](world);
    const sendAll = (requests: readonly (readonly [path: string, body: object, bearer?: string])[]) =>
      Promise.all(requests.map(([path, body, token]) => world.call("POST", path, { body, bearer: token })));
    const sendByMail = () => sendAll(byMail);
    const finish = { transaction, totp: ann.nextCode() };
    const confirm = { transaction: enrolment.transaction, totp: codeAt(enrolment.secret, clock.now()) };
    const redeem = () =>
      Promise.all([
        world.call("POST", "/login", { body: finish }),
        world.call("POST", "/totp/confirm", { body: confirm, bearer: bob.token }),
      ]);
    for (const response of await redeem()) expect(outcomeOf(response)).toEqual([503, "unavailable"]);
    for (const response of [...(await sendByMail()), ...(await sendAll(byPasskey))])
      expect(outcomeOf(response)).toEqual([503, "unavailable"]);
    // The page of a login needs no database.
    expect((await world.call("GET", "/login")).status).toBe(200);
    expect(outcomeOf(await world.call("POST", "/login/mail", { body: { login: "bob" } }))).toEqual([
      503,
      "unavailable",
    ]);
    await back();
    await vi.waitFor(() => world.ampho.host.ready(), { timeout: 60_000, interval: 50 });
    for (const response of await redeem()) expect(response.status, response.text).toBe(200);
    expect((await sendByMail()).map(({ status }) => status)).toEqual([200, 204, 200, 200]);
    for (const response of await sendByMail()) expect(response.status, response.text).toBe(401);
    // A new passkey would end the pending login, so it comes last.
    for (const each of byPasskey) expect((await sendAll([each]))[0]?.status).toBe(200);
    // A change replaces the token of its session too.
    const [over, replaced] = [
      [401, "transaction_over"],
      [401, "invalid_token"],
    ];
    expect((await sendAll(byPasskey)).map(outcomeOf)).toEqual([over, over, replaced]);
    expect((await redeem()).map(outcomeOf)).toEqual([over, replaced]);
  },
);
