// An alarm, a thief's change, the owner's reset and an operator's recovery at the same moment, in eight instances on one
// database. In whatever order they end, the thief has nothing after it.
import { expect, it } from "vitest";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import {
  addPerson,
  askedReset,
  confirm,
  finishReset,
  logInBy,
  type Mailing,
  newPassword,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { codeAt, type Ground, onBothDatabases, setUp, unthrottled } from "./owners.js";
import { passkeySettings } from "./passkey-owners.js";

const ann = "ann@x.example";
const thiefs = "violet kettle harbour evening";

interface Account {
  readonly world: Mailing;
  /** Eight instances, each with a connection of its own. */
  readonly instances: readonly World[];
  /** The secret of the owner's app. */
  readonly secret: string | undefined;
  /** A session by the password, and with the app where there is one. */
  readonly thief: { readonly token: string; readonly refresh_token: string };
  readonly alarm: string;
}

async function openAccount(ground: Ground, hasApp: boolean): Promise<Account> {
  const world = await openMailing(ground, { ...unthrottled, ...passkeySettings });
  const others = await Promise.all(Array.from({ length: 7 }, () => world.another()));
  const owner = await addPerson(world, ann, password);
  let secret: string | undefined;
  if (hasApp) {
    const begun = await setUp(world, owner.token);
    ({ secret } = begun);
    const body = { transaction: begun.transaction, totp: codeAt(secret, world.clock.now()) };
    grantOf(await world.call("POST", "/totp/confirm", { bearer: owner.token, body }));
  }
  world.clock.advance(301);
  const totp = secret && codeAt(secret, world.clock.now());
  const thief = grantOf(await logInBy(world, { login: ann, password, totp }));
  const { alarm } = await world.mail("new_device");
  return { world, instances: [world, ...others], secret, thief, alarm };
}

const rowsOf = (ground: Ground, world: World) =>
  Promise.all([
    ground.sql(world, "select id, login, email, email_proven_at from ampho_users"),
    ground.sql(world, "select id from ampho_passkeys"),
    ground.sql(world, "select user_id, secret from ampho_totp"),
    ground.sql(world, "select subject from ampho_identities"),
  ]);

onBothDatabases((ground) => {
  it.each([false, true])("a thief of the password has nothing after a race of all repairs, app: %s", async (hasApp) => {
    const { world, instances, secret, thief, alarm } = await openAccount(ground, hasApp);
    const before = await rowsOf(ground, world);
    const reset = await askedReset(world, ann);
    world.clock.advance(30);
    const totp = secret && codeAt(secret, world.clock.now());
    const at = (n: number) => instances[n % instances.length] ?? world;
    const bearer = thief.token;
    const work: readonly ((on: World) => Promise<unknown>)[] = [
      (on) => raiseAlarm(on, alarm),
      (on) => on.call("POST", "/password", { bearer, body: { password, new_password: thiefs } }),
      (on) => finishReset(on, { transaction: reset.transaction, code: reset.mail.code, totp }),
      (on) => on.ampho.users.recover(ann, { reason: "called", print: true }),
      (on) => on.call("POST", "/totp", { bearer, body: {} }),
      (on) => on.call("POST", "/passkeys/options", { bearer, body: {} }),
      (on) => on.call("POST", "/account/login", { bearer, body: { login: "thief" } }),
      (on) => on.call("POST", "/account/email", { bearer, body: { email: "thief@evil.example" } }),
    ];
    await Promise.all(work.map((each, n) => each(at(n))));
    // J-1, J-2: no way in was added or taken, and no name or address has changed.
    expect(await rowsOf(ground, world)).toEqual(before);
    // J-5: the session is out in each instance.
    for (const on of instances) await expect.poll(() => admission(on.ampho, bearer)).toBe("invalid_token");
    expect((await world.renew(thief.refresh_token)).status).not.toBe(200);
    // J-6: neither password of the thief opens anything, and J-4: with an app neither does the mailbox alone.
    for (const tried of [password, thiefs]) {
      world.clock.advance(61);
      const entered = await logInBy(world, { login: ann, password: tried });
      expect([tried, hasApp ? entered.status : entered.error]).toEqual([tried, hasApp ? 401 : "invalid_credentials"]);
    }
    // The owner repairs the account, and signs in.
    const again = await askedReset(world, ann);
    world.clock.advance(30);
    const proof = { transaction: again.transaction, code: again.mail.code };
    if (hasApp) expect((await finishReset(world, proof)).error).toBe("factor_needed");
    const fresh = secret && codeAt(secret, world.clock.now());
    expect((await finishReset(world, { ...proof, totp: fresh })).status).toBe(204);
    world.clock.advance(30);
    const last = secret && codeAt(secret, world.clock.now());
    const owner = await logInBy(world, { login: ann, password: newPassword, totp: last });
    expect(owner.json).toMatchObject({ review: true });
    const { token } = await confirm(world, grantOf(owner).token, "review");
    expect((await world.callOnce("DELETE", "/account/access", { bearer: token })).status).toBe(200);
  });
});
