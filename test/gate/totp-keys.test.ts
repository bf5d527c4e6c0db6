// TOTP secrets and the keys under which they are stored: a login moves its secret to the present key, and a revoked key
// opens none.
import { expect, it } from "vitest";
import { admission, type World } from "../world/ampho.js";
import { command, freshPlace } from "../world/serve.js";
import { newKey } from "../world/tokens.js";
import { addOwner, type Ground, logIn, onBothDatabases, outcomeOf, wrong } from "./owners.js";

const kidsOf = async (ground: Ground, world: World, { id }: { readonly id: string }) =>
  (await ground.sql(world, `select kid from ampho_totp where user_id = '${id}'`)).map(({ kid }) => kid);

const rekey = (ground: Ground, world: World, key: object) =>
  command(freshPlace({ AMPHO_SECURITY_KEY: JSON.stringify(key), AMPHO_DATABASE_URL: ground.urlOf(world) }), [
    "factor-rekey",
  ]);

onBothDatabases((ground) => {
  it("each login by an app moves its secret to the key that signs", async () => {
    const world = await ground.open();
    const [ann, bob] = [await addOwner(world, "ann"), await addOwner(world, "bob")];
    const rotated = await world.another({ key: { keys: [newKey("key-2"), world.key] } });
    const [recovery_code = ""] = ann.recoveryCodes;
    expect((await logIn(rotated, "ann", { recovery_code })).status).toBe(200);
    expect(outcomeOf(await logIn(rotated, "ann", { totp: "000000" }))).toEqual(wrong);
    expect(await kidsOf(ground, world, ann)).toEqual(["key-1"]);
    expect((await logIn(rotated, "ann", { totp: ann.nextCode() })).status).toBe(200);
    expect(await kidsOf(ground, world, ann)).toEqual(["key-2"]);
    expect(await kidsOf(ground, world, bob)).toEqual(["key-1"]);
    expect((await logIn(rotated, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });

  it("a secret under a revoked key opens no session until it is rekeyed, and recovery codes do", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const key = { keys: [newKey("key-2"), world.key] };
    const rotated = await world.another({ key });
    await world.ampho.signingKeys.revoke("key-1");
    const [recovery_code = ""] = ann.recoveryCodes;
    // A login before the revocation arrives would move the secret to the new key.
    await expect.poll(() => admission(rotated.ampho, ann.weak.token)).toBe("invalid_token");
    // Without a wait, a lock, or a warning of an attack, which wrong codes cause.
    for (let attempt = 0; attempt < 7; attempt += 1)
      expect(outcomeOf(await logIn(rotated, "ann", { totp: ann.nextCode() }))).toEqual([503, "unavailable"]);
    expect((await world.events()).filter((event) => event.startsWith("factor_"))).toEqual(["factor_added"]);
    expect((await logIn(rotated, "ann", { recovery_code })).status).toBe(200);
    expect(await kidsOf(ground, world, ann)).toEqual(["key-1"]);
    expect(await rekey(ground, world, key)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^ampho: The database is .*\n1 TOTP secret moved to key key-2\.\n$/),
    });
    expect(await kidsOf(ground, world, ann)).toEqual(["key-2"]);
    expect((await logIn(rotated, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });

  it("a code is no failed attempt in a process that does not have the key of its secret", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const lacking = await world.another({ key: newKey("key-2") });
    for (let attempt = 0; attempt < 7; attempt += 1)
      expect(outcomeOf(await logIn(lacking, "ann", { totp: ann.nextCode() }))).toEqual([503, "unavailable"]);
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
    expect(outcomeOf(await logIn(world, "ann", { totp: "000000" }))).toEqual(wrong);
  });

  it("a set-up that began under a key that was revoked meanwhile is over", async () => {
    const world = await ground.open();
    await world.user("ann", { password: "heron violet tumbrel 91" });
    const { token } = await world.login("ann");
    const rotated = await world.another({ key: { keys: [newKey("key-2"), world.key] } });
    const begun = await world.call("POST", "/totp", { bearer: token });
    const body = { transaction: begun.json["transaction"], totp: "123456" };
    expect((await rotated.call("POST", "/totp/confirm", { body, bearer: token })).error).toBe("invalid_credentials");
    await rotated.ampho.signingKeys.revoke("key-1");
    const confirmed = await rotated.call("POST", "/totp/confirm", { body, bearer: token });
    expect(outcomeOf(confirmed)).toEqual([401, "transaction_over"]);
    expect(await ground.sql(world, "select kid from ampho_totp where kid = 'key-2'")).toEqual([]);
  });
});
