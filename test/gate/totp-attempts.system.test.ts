// Attempts at second factors: their number is limited for each login, account, device and session, however they are spread.
import { expect, it } from "vitest";
import { type FullGrant, grantOf, type World } from "../world/ampho.js";
import {
  addOwner,
  codeAt,
  fullLogin,
  logIn,
  type Owner,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  wrong,
  wrongCode,
} from "./owners.js";

const tooMany = [429, "too_many_attempts"];
const over = [401, "transaction_over"];

const guess = ({ secret }: Owner, world: World) => wrongCode(secret, world.clock.now());
const second = (world: World, transaction: string, totp: string) =>
  world.call("POST", "/login", { body: { transaction, totp } });
const stepUp = (world: World, { token: bearer }: FullGrant, totp: string) =>
  world.call("POST", "/login", { bearer, body: { totp } });

/** Logs in with the proof of a remembered device, as a thief of the password and the device does. */
const deviceLogin = async (world: World, device: string) => grantOf(await logIn(world, "ann", { device }));

onBothDatabases((ground) => {
  it("five wrong codes are free, then each one waits, and a new login resets nothing", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const first = await pendingLogin(world, "ann");
    for (let n = 0; n < 5; n++) expect(outcomeOf(await second(world, first, guess(ann, world)))).toEqual(wrong);
    expect(outcomeOf(await second(world, first, codeAt(ann.secret, world.clock.now())))).toEqual(over);
    const next = await pendingLogin(world, "ann");
    const waits = await second(world, next, guess(ann, world));
    expect(outcomeOf(waits)).toEqual(tooMany);
    expect(Number(waits.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(outcomeOf(await second(world, next, ann.nextCode()))).toEqual(tooMany);
    world.clock.advance(60);
    expect((await second(world, next, ann.nextCode())).status).toBe(200);
  });

  it("ten logins with five wrong codes each have as many free attempts as one", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    let checked = 0;
    for (let login = 0; login < 10; login++) {
      const transaction = await pendingLogin(world, "ann");
      for (let n = 0; n < 5; n++)
        if ((await second(world, transaction, guess(ann, world))).status === 401) checked += 1;
    }
    expect(checked).toBe(5);
  });

  it("wrong recovery codes and wrong codes of the app share one limit", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const codes = ["totp", "recovery_code", "totp", "recovery_code", "totp", "recovery_code"];
    const outcomes: unknown[] = [];
    for (const name of codes) {
      const code = name === "totp" ? guess(ann, world) : "0".repeat(24);
      outcomes.push((await logIn(world, "ann", { [name]: code })).status);
    }
    expect(outcomes).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("a lock by strangers keeps neither a known device nor a live session from the second factor", async () => {
    const world = await ground.open({ throttleLock: 5 });
    const ann = await addOwner(world, "ann");
    const { device, ...session } = await fullLogin(world, ann);
    const transaction = await pendingLogin(world, "ann");
    for (let n = 0; n < 5; n++) await second(world, transaction, guess(ann, world));
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual(tooMany);
    expect((await stepUp(world, { device, ...session }, ann.nextCode())).status).toBe(200);
    for (let n = 0; n < 5; n++) await second(world, await pendingLogin(world, "ann"), guess(ann, world));
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual(tooMany);
    expect((await logIn(world, "ann", { totp: ann.nextCode(), device })).status).toBe(200);
  });

  it("each login on a stolen remembered device gives no new attempts at the second factor", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { device } = await fullLogin(world, ann, { remember: true });
    let checked = 0;
    for (let n = 0; n < 8; n++) {
      const session = await deviceLogin(world, device);
      for (let attempt = 0; attempt < 4; attempt++)
        if ((await stepUp(world, session, guess(ann, world))).status === 401) checked += 1;
    }
    expect(checked).toBe(15);
  });

  it("many proofs of known devices give no more attempts", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const proofs: string[] = [];
    for (let n = 0; n < 5; n++) proofs.push((await fullLogin(world, ann)).device);
    let checked = 0;
    for (const device of [undefined, ...proofs]) {
      const transaction = await pendingLogin(world, "ann");
      for (let n = 0; n < 5; n++) {
        const body = { transaction, totp: guess(ann, world), device };
        if ((await world.call("POST", "/login", { body })).status === 401) checked += 1;
      }
    }
    // Five of unknown devices, and fifteen of all known ones together.
    expect(checked).toBe(20);
  });

  it("a right code ends the streak of all devices, and a right password alone does not", async () => {
    const world = await ground.open({ throttleLock: 6 });
    const ann = await addOwner(world, "ann");
    const proofs = [(await fullLogin(world, ann)).device, (await fullLogin(world, ann)).device];
    const fail = async (times: number) => {
      for (let n = 0; n < times; n++)
        expect((await logIn(world, "ann", { totp: guess(ann, world), device: proofs[n % 2] })).status).toBe(401);
    };
    await fail(5);
    await pendingLogin(world, "ann");
    expect((await logIn(world, "ann", { totp: ann.nextCode(), device: proofs[0] })).status).toBe(200);
    await fail(5);
    await pendingLogin(world, "ann");
    await fail(1);
    const locked = async () => (await world.ampho.throttle.list()).map(({ kind }) => kind);
    expect(await locked()).toEqual(["factors"]);
    // The owner counts as an unknown device, which strangers have not locked.
    expect((await logIn(world, "ann", { totp: ann.nextCode(), device: proofs[1] })).status).toBe(200);
    expect(await locked()).toEqual([]);
  });

  it("a lock of known devices and of unknown ones rejects the right code", async () => {
    const world = await ground.open({ throttleLock: 5, throttleAttempts: 100 });
    const ann = await addOwner(world, "ann");
    const { device, ...session } = await fullLogin(world, ann);
    for (let n = 0; n < 10; n++)
      expect((await logIn(world, "ann", { totp: guess(ann, world), device })).status).toBe(401);
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode(), device }))).toEqual(tooMany);
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual(tooMany);
    expect(outcomeOf(await stepUp(world, { device, ...session }, ann.nextCode()))).toEqual(tooMany);
  });
});
