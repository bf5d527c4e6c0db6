// Remembered devices: the proof spares the prompt for the second factor, until anything changes, and is never a factor.
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { type FullGrant, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { addOwner, codeAt, fullLogin, logIn, type Owner, onBothDatabases, outcomeOf, setUp, wrong } from "./owners.js";

const needed = [401, "factor_needed"];
const remember = true;
const month = 30 * 86_400;

/** The outcome of a login on this device by password alone. */
const onDevice = async (world: World, device: string, login = "ann", word = password) =>
  outcomeOf(await world.call("POST", "/login", { body: { login, password: word, device } }));

onBothDatabases((ground) => {
  async function remembered(options?: AmphoOptions): Promise<{ world: World; ann: Owner; grant: FullGrant }> {
    const world = await ground.open(options);
    const ann = await addOwner(world, "ann");
    const grant = await fullLogin(world, ann, { remember });
    expect(await onDevice(world, grant.device)).toEqual([200]);
    return { world, ann, grant };
  }

  it("a remembered device is not asked for the second factor, and its login is at the lower level", async () => {
    const { world, grant } = await remembered();
    const { token, device } = grantOf(await logIn(world, "ann", { device: grant.device }));
    expect(claimsOf(token)).toMatchObject({ acr: "1fa", amr: ["pwd", "dev"] });
    const route = world.ampho.authorize({ acr: "2fa" }, () => Response.json({}));
    const response = await route(new Request("http://localhost/x", { headers: { Authorization: `Bearer ${token}` } }));
    expect([response.status, (await response.json()).error]).toEqual([401, "login_too_weak"]);
    expect(response.headers.get("www-authenticate")).toContain('error="insufficient_user_authentication"');
    expect(await onDevice(world, device)).toEqual([200]);
  });

  it("a device that was not asked to be remembered is asked again", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    expect(await onDevice(world, (await fullLogin(world, ann)).device)).toEqual(needed);
    expect(await onDevice(world, ann.weak.device)).toEqual(needed);
  });

  it("the proof of a remembered device without the password opens no session", async () => {
    const { world, grant } = await remembered();
    const { device } = grant;
    expect(outcomeOf(await world.call("POST", "/login", { body: { login: "ann", device } }))).toEqual(wrong);
    expect(await onDevice(world, device, "ann", `${password}x`)).toEqual(wrong);
    expect(outcomeOf(await world.call("POST", "/login", { body: { device } }))).toEqual([400, "invalid_request"]);
    expect(outcomeOf(await world.call("GET", "/session", { bearer: device }))).toEqual([401, "invalid_token"]);
  });

  it("`remember` without a second factor remembers no device", async () => {
    const world = await ground.open();
    await world.user("ann", { password });
    const first = grantOf(await logIn(world, "ann", { remember }));
    const { secret, transaction } = await setUp(world, first.token);
    const totp = codeAt(secret, world.clock.now());
    const confirmed = await world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer: first.token });
    expect(confirmed.status).toBe(200);
    expect(await onDevice(world, first.device)).toEqual(needed);
  });

  it("a login on a remembered device does not remember it for longer", async () => {
    const { world, grant } = await remembered();
    world.clock.advance(month - 3600);
    const { device } = grantOf(await logIn(world, "ann", { device: grant.device, remember }));
    world.clock.advance(3600);
    for (const proof of [grant.device, device]) expect(await onDevice(world, proof)).toEqual(needed);
  });

  it("the remembered device of another user is asked", async () => {
    const { world, grant } = await remembered();
    await addOwner(world, "bob");
    expect(await onDevice(world, grant.device, "bob")).toEqual(needed);
  });

  it("a new password forgets all devices", async () => {
    const { world, grant } = await remembered();
    const next = "marble copper lantern 48";
    const body = { password, new_password: next };
    expect((await world.call("POST", "/password", { body, bearer: grant.token })).status).toBe(200);
    expect(await onDevice(world, grant.device, "ann", next)).toEqual(needed);
  });

  it("a new secret, new recovery codes and an end of all sessions forget all devices", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const renewed = await fullLogin(world, ann, { remember });
    expect((await world.call("POST", "/recovery-codes", { bearer: renewed.token })).status).toBe(200);
    expect(await onDevice(world, renewed.device)).toEqual(needed);

    const ended = await fullLogin(world, ann, { remember });
    await world.ampho.sessions.endForUser(ann.id);
    expect(await onDevice(world, ended.device)).toEqual(needed);

    const replaced = await fullLogin(world, ann, { remember });
    const { secret, transaction } = await setUp(world, replaced.token);
    const totp = codeAt(secret, world.clock.now());
    const confirmation = { body: { transaction, totp }, bearer: replaced.token };
    expect((await world.call("POST", "/totp/confirm", confirmation)).status).toBe(200);
    expect(await onDevice(world, replaced.device)).toEqual(needed);
  });

  it("`DELETE /devices` forgets all devices, and the session goes on", async () => {
    const { world, ann, grant } = await remembered();
    const other = await fullLogin(world, ann, { remember });
    expect((await world.call("DELETE", "/devices", { bearer: grant.token })).status).toBe(204);
    for (const { device } of [grant, other]) expect(await onDevice(world, device)).toEqual(needed);
    expect((await world.call("GET", "/sessions", { bearer: grant.token })).status).toBe(200);
  });

  it("devices that are forgotten stay forgotten while the policy of the account changes at the same moment", async () => {
    const { world, ann, grant } = await remembered();
    const other = await world.another();
    const version = async () => {
      const rows = await ground.sql(world, `select devices_version from ampho_accounts where user_id = '${ann.id}'`);
      return Number(rows[0]?.["devices_version"]);
    };
    const before = await version();
    const rounds = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(
      rounds.flatMap((n) => [
        world.ampho.devices.forget(ann.id),
        other.ampho.factors.setPolicy(ann.id, n % 2 === 0 ? "required" : "optional"),
      ]),
    );
    // Each time the version moves by one, and at least to the time.
    expect(await version()).toBe(Math.max(before + 1, world.clock.now()) + rounds.length - 1);
    expect(await onDevice(world, grant.device)).toEqual(needed);
  });

  it("a device is remembered for 30 days, or not at all with the parameter 0", async () => {
    const { world, grant } = await remembered();
    world.clock.advance(month - 60);
    expect(await onDevice(world, grant.device)).toEqual([200]);
    world.clock.advance(60);
    expect(await onDevice(world, grant.device)).toEqual(needed);

    const off = await ground.open({ remember: 0 });
    const bob = await addOwner(off, "bob");
    expect(await onDevice(off, (await fullLogin(off, bob, { remember })).device, "bob")).toEqual(needed);
  });

  it("a device that was remembered before `AMPHO_SECURITY_REMEMBER` became shorter or 0 is asked again", async () => {
    const { world, grant } = await remembered();
    expect(await onDevice(await world.another({ remember: 3600 }), grant.device)).toEqual(needed);
    expect(await onDevice(await world.another({ remember: 0 }), grant.device)).toEqual(needed);
    expect(await onDevice(world, grant.device)).toEqual([200]);
  });

  it("a remembered device is asked under the policy `phr`", async () => {
    const { world, grant } = await remembered();
    const strict = await world.another({ factors: { "*": "phr" } });
    expect(await onDevice(strict, grant.device)).toEqual(needed);
    const required = await world.another({ factors: { "*": "required" } });
    expect(await onDevice(required, grant.device)).toEqual([200]);
  });

  it("a re-authentication on a remembered device needs the second factor", async () => {
    const { world, grant } = await remembered();
    const { token: bearer, device } = grantOf(await logIn(world, "ann", { device: grant.device }));
    const again = { login: "ann", password, device };
    expect(outcomeOf(await world.call("POST", "/login", { body: again, bearer }))).toEqual(needed);
  });

  it("a step-up with `remember` remembers the device", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const body = { totp: ann.nextCode(), remember, device: ann.weak.device };
    const raised = grantOf(await world.call("POST", "/login", { body, bearer: ann.weak.token }));
    expect(await onDevice(world, raised.device)).toEqual([200]);
  });

  it("a device is remembered without a row for it", async () => {
    const { world, ann } = await remembered();
    const count = async () => (await ground.sql(world, "select count(*) as n from ampho_accounts"))[0]?.["n"];
    const before = await count();
    await fullLogin(world, ann, { remember });
    expect(await count()).toBe(before);
  });
});
