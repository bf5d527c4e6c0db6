// A code and a recovery code that two processes receive at the same moment: one of them opens a session.
import { expect, it } from "vitest";
import { realClock, startInstance } from "../ampho/processes.js";
import { password, type World } from "../world/ampho.js";
import { codeAt, type Ground, onBothDatabases, pendingLogin, setUp, textsOf, unthrottled } from "./owners.js";

/** A user whose app is set up with the code of the present step. That of the next one is valid already. */
async function open(ground: Ground) {
  const world: World = await ground.open({ ...unthrottled, clock: realClock });
  const { id } = await world.user("ann", { password });
  const { token } = await world.login("ann");
  const { secret, transaction } = await setUp(world, token);
  const totp = codeAt(secret, realClock.now());
  const confirmed = await world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer: token });
  expect(confirmed.status, confirmed.text).toBe(200);
  const options = { ...unthrottled, databaseUrl: ground.urlOf(world) };
  const processes = await Promise.all([startInstance(world, options), startInstance(world, options)]);
  return { world, id, secret, recoveryCodes: textsOf(confirmed.json["recovery_codes"]), processes };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Both processes receive the request eight times at once. Returns the statuses. */
async function race({ processes }: Opened, bodies: readonly object[]) {
  const requests = bodies.map((body) => ({ method: "POST", path: "/login", body }));
  const responses = await Promise.all(
    processes.map((process, n) => process.calls(8, requests[n] ?? { method: "POST", path: "/login" })),
  );
  return responses.flat().map(({ status }) => status);
}

onBothDatabases((ground) => {
  it("a code that two processes receive 16 times at once opens one session", async () => {
    const opened = await open(ground);
    const { world, secret, id } = opened;
    const transactions = [await pendingLogin(world, "ann"), await pendingLogin(world, "ann")];
    const totp = codeAt(secret, realClock.now() + 30);
    const statuses = await race(
      opened,
      transactions.map((transaction) => ({ transaction, totp })),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(await world.ampho.sessions.list(id)).toHaveLength(2);
  });

  it("a recovery code that two processes receive 16 times at once opens one session", async () => {
    const opened = await open(ground);
    const { world, recoveryCodes, id } = opened;
    const transactions = [await pendingLogin(world, "ann"), await pendingLogin(world, "ann")];
    const [recovery_code] = recoveryCodes;
    const statuses = await race(
      opened,
      transactions.map((transaction) => ({ transaction, recovery_code })),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(await world.ampho.sessions.list(id)).toHaveLength(2);
    const [row] = await ground.sql(
      world,
      `select count(*) as n from ampho_recovery where user_id = '${id}' and used_at is null`,
    );
    expect(Number(row?.["n"])).toBe(7);
  });
});
