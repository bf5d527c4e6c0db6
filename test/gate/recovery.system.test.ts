// Recovery codes at the gate: each works once, for its user, in any spelling, and never as a first factor.
import { expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addOwner,
  fullLogin,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  textsOf,
  unthrottled,
  wrong,
} from "./owners.js";

onBothDatabases((ground) => {
  it("a recovery code is accepted once, in one request and in two", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [one = "", two = ""] = ann.recoveryCodes;
    const first = await logIn(world, "ann", { recovery_code: one });
    expect(first.json["recovery_codes_left"]).toBe(7);
    expect(claimsOf(grantOf(first).token)).toMatchObject({ acr: "2fa", amr: ["pwd", "rec", "mfa"] });
    expect(outcomeOf(await logIn(world, "ann", { recovery_code: one }))).toEqual(wrong);
    const transaction = await pendingLogin(world, "ann");
    const send = (recovery_code: string) => world.call("POST", "/login", { body: { transaction, recovery_code } });
    expect(outcomeOf(await send(one))).toEqual(wrong);
    expect((await send(two)).json["recovery_codes_left"]).toBe(6);
  });

  it("a recovery code that is sent 16 times at once to two instances opens one session", async () => {
    const world = await ground.open(unthrottled);
    const ann = await addOwner(world, "ann");
    const both = [world, await world.another()];
    const [recovery_code = ""] = ann.recoveryCodes;
    const transactions: string[] = [];
    for (let n = 0; n < 16; n++) transactions.push(await pendingLogin(world, "ann"));
    const responses = await Promise.all(
      transactions.map((transaction, n) =>
        (both[n % 2] ?? world).call("POST", "/login", { body: { transaction, recovery_code } }),
      ),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const response of responses.filter(({ status }) => status !== 200)) expect(outcomeOf(response)).toEqual(wrong);
  });

  it("a recovery code of another user or of a replaced set is rejected", async () => {
    const world = await ground.open(unthrottled);
    const [ann, bob] = [await addOwner(world, "ann"), await addOwner(world, "bob")];
    const [theirs = ""] = bob.recoveryCodes;
    expect(outcomeOf(await logIn(world, "ann", { recovery_code: theirs }))).toEqual(wrong);
    const { token } = await fullLogin(world, ann);
    const renewed = await world.call("POST", "/recovery-codes", { bearer: token });
    const codes = textsOf(renewed.json["recovery_codes"]);
    expect(new Set([...codes, ...ann.recoveryCodes]).size).toBe(16);
    for (const recovery_code of ann.recoveryCodes)
      expect(outcomeOf(await logIn(world, "ann", { recovery_code }))).toEqual(wrong);
    expect((await logIn(world, "ann", { recovery_code: codes[0] })).status).toBe(200);
    expect((await logIn(world, "bob", { recovery_code: theirs })).status).toBe(200);
  });

  it("a recovery code is accepted in lower case, without dashes, and with other letters for 0 and 1", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const spellings: readonly ((code: string) => string)[] = [
      (code) => code.toLowerCase(),
      (code) => code.replaceAll("-", ""),
      (code) => code.replaceAll("-", " "),
      (code) => code.replaceAll("0", "O").replaceAll("1", "I"),
      (code) => code.replaceAll("0", "o").replaceAll("1", "l"),
    ];
    for (const [n, spell] of spellings.entries())
      expect((await logIn(world, "ann", { recovery_code: spell(ann.recoveryCodes[n] ?? "") })).status).toBe(200);
  });

  it("a text that is no recovery code in form is a bad request and no attempt", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [code = ""] = ann.recoveryCodes;
    for (const recovery_code of ["", code.slice(1), `${code}0`, code.replace(/.$/, "U"), `${code}\n`, [code], 7, null])
      expect(outcomeOf(await logIn(world, "ann", { recovery_code }))).toEqual([400, "invalid_request"]);
    expect((await logIn(world, "ann", { recovery_code: code })).status).toBe(200);
  });

  it("a recovery code or a code of the app without a password opens no session", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [recovery_code = ""] = ann.recoveryCodes;
    for (const factor of [{ recovery_code }, { totp: ann.nextCode() }]) {
      expect(outcomeOf(await world.call("POST", "/login", { body: factor }))).toEqual([400, "invalid_request"]);
      const body = { login: "ann", ...factor };
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
      const asPassword = { login: "ann", password: Object.values(factor)[0], ...factor };
      expect(outcomeOf(await world.call("POST", "/login", { body: asPassword }))).toEqual(wrong);
    }
    expect((await logIn(world, "ann", { recovery_code })).status).toBe(200);
  });

  it("a recovery code as first factor and another one as second open no session", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [one = "", two = ""] = ann.recoveryCodes;
    const body = { login: "ann", password: one, recovery_code: two };
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
    expect((await logIn(world, "ann", { recovery_code: two })).json["recovery_codes_left"]).toBe(7);
  });

  it("a wrong password uses no recovery code and no code of the app", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [recovery_code = ""] = ann.recoveryCodes;
    const totp = ann.nextCode();
    for (const factor of [{ recovery_code }, { totp }]) {
      const body = { login: "ann", password: `${password}x`, ...factor };
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
      expect((await logIn(world, "ann", factor)).status).toBe(200);
    }
  });

  it("an account that has used its last recovery code still asks for its app", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    for (const recovery_code of ann.recoveryCodes)
      expect((await logIn(world, "ann", { recovery_code })).status).toBe(200);
    const needed = await logIn(world, "ann");
    expect([needed.error, needed.json["factors"]]).toEqual(["factor_needed", ["totp"]]);
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });
});
