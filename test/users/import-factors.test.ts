// TOTP secrets and recovery codes of another system: imported, and then used.
import { createHash } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { describe, expect, it } from "vitest";
import { hashPassword } from "../../dist/index.js";
import { readImportLine } from "../../dist/users/import-lines.js";
import { logIn, onBothDatabases, outcomeOf, wrong } from "../gate/owners.js";
import { password } from "../world/ampho.js";
import { command, freshPlace } from "../world/serve.js";

const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const code = "7K3M9QXA0B5TWRH2C8VN4JDF";
const hash = createHash("sha256").update(code).digest("base64url");

onBothDatabases((ground) => {
  it("A user signs in with the authenticator app and the recovery codes of the other system", async () => {
    const world = await ground.open();
    const app = new TOTP({ secret: Secret.fromBase32(secret) });
    const line = {
      login: "ann",
      password_hash: await hashPassword(password),
      totp_secret: secret,
      recovery_hashes: [hash],
    };
    await world.ampho.users.import([`${JSON.stringify(line)}\n`]);
    expect(outcomeOf(await logIn(world, "ann"))).toEqual([401, "factor_needed"]);
    // The other system can have accepted the code of this step.
    for (const seconds of [-30, 0]) {
      const totp = app.generate({ timestamp: (world.clock.now() + seconds) * 1000 });
      expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
    }
    const next = () => {
      world.clock.advance(30);
      return app.generate({ timestamp: world.clock.now() * 1000 });
    };
    const totp = next();
    expect((await logIn(world, "ann", { totp })).status).toBe(200);
    expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
    expect((await logIn(world, "ann", { recovery_code: code.toLowerCase() })).json["recovery_codes_left"]).toBe(0);
    // At rest the secret is encrypted as any other, and bound to its user.
    expect(await ground.dump(world)).not.toContain(secret);
    expect(await ground.sql(world, "select kid from ampho_totp")).toEqual([{ kid: "key-1" }]);
  });

  it("A recovery code of another user makes the import fail, and nothing of it stays", async () => {
    const world = await ground.open();
    const of = (login: string) => `${JSON.stringify({ login, totp_secret: secret, recovery_hashes: [hash] })}\n`;
    await expect(world.ampho.users.import([of("ann"), of("bob")])).rejects.toThrow(/Line 2: An account has/);
    for (const table of ["users", "accounts", "totp", "recovery"])
      expect(await ground.sql(world, `select * from ampho_${table}`), table).toEqual([]);
  });
});

describe("the factors of a line", () => {
  const read = (line: object) => readImportLine(JSON.stringify({ login: "ann", ...line }), 2);

  it.each([
    ["base32 with padding and in lower case", { totp_secret: `${"a".repeat(25)}e======` }],
    ["the least size", { totp_secret: "A".repeat(24) }],
  ])("A secret in %s is read", (_, line) => {
    expect(read(line)).toHaveProperty("user");
  });

  it.each([
    ["a secret of 80 bits", { totp_secret: "JBSWY3DPEHPK3PXP" }],
    ["a secret that is no base32", { totp_secret: "1".repeat(32) }],
    ["a secret with bits that are left", { totp_secret: `${"A".repeat(25)}B` }],
    ["a secret that is no text", { totp_secret: 1 }],
    ["recovery codes alone", { recovery_hashes: [hash] }],
    ["no recovery codes alone", { recovery_hashes: [] }],
    ["recovery codes beside passkeys", { passkeys: [], recovery_hashes: [hash] }],
    ["a recovery code in clear", { totp_secret: secret, recovery_hashes: [code] }],
    ["nine recovery codes", { totp_secret: secret, recovery_hashes: Array(9).fill(hash) }],
    ["a recovery code twice", { totp_secret: secret, recovery_hashes: [hash, hash] }],
  ])("A line with %s is wrong, and the reason contains nothing of it", (_, line) => {
    const result = read(line);
    expect(result).toHaveProperty("wrong");
    for (const value of [secret, code, hash]) expect(JSON.stringify(result)).not.toContain(value);
  });
});

it("The command imports TOTP secrets under the configured key, and rejects them without one", async () => {
  const line = `${JSON.stringify({ login: "ann", totp_secret: secret })}\n`;
  const place = freshPlace();
  const without = await command(
    { ...place, env: { ...place.env, AMPHO_SECURITY_KEY: "" } },
    ["user-import", "-"],
    line,
  );
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("Set AMPHO_SECURITY_KEY before")]);
  expect(await command(place, ["user-import", "-"], line)).toMatchObject({ code: 0 });
  const { stdout } = await command(place, ["factor-list", "ann", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ factors: [{ id: "totp" }] });
});
