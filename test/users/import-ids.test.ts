// The members `id` and `disabled` of a line. The rows of the application keep their user, and a banned user stays out.
import { expect, it } from "vitest";
import { logIn, onBothDatabases } from "../gate/owners.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";

const lines = (...users: readonly object[]) => users.map((user) => `${JSON.stringify(user)}\n`);

async function wrongLines(world: World, ...users: readonly object[]) {
  const wrong: string[] = [];
  const onWrongLine = ({ line, reason }: { readonly line: number; readonly reason: string }) =>
    void wrong.push(`${line}: ${reason}`);
  const imported = world.ampho.users.import(lines(...users), { onWrongLine });
  await expect(imported).rejects.toMatchObject({ code: "invalid_request" });
  return wrong;
}

onBothDatabases((ground) => {
  it("a user comes in with the id of the other system, which is the `sub` of tokens", async () => {
    const world = await ground.open();
    const passwordHash = await hashOf(world);
    for (const id of ["1", "user_2abc", "auth0|5f", "~".repeat(255)])
      await world.ampho.users.import(lines({ id, login: `u${id.length}`, password_hash: passwordHash }));
    const grant = grantOf(await logIn(world, "u9"));
    expect(claimsOf(grant.token)).toMatchObject({ sub: "user_2abc", login: "u9" });
    expect(await world.ampho.users.findById("auth0|5f")).toMatchObject({ login: "u8" });
  });

  it("MV-14: an id of another user, of another line or of a service is an error of its line", async () => {
    const world = await ground.open();
    const ann = await world.user("ann");
    const service = { id: `svc_${"a".repeat(22)}`, login: "eve" };
    expect(await wrongLines(world, { id: ann.id, login: "eve" }, service, { id: "1", login: "bob" })).toEqual([
      "1: A user with this id already exists.",
      "2: The id has the form of the id of a service account.",
    ]);
    expect(await wrongLines(world, { id: "1", login: "bob" }, { id: "1", login: "cleo" })).toEqual([
      "2: Line 1 has the same id.",
    ]);
    const bad = ["", " ", "a b", "ä", "\u0000", "x".repeat(256), 7, null].map((id, n) => ({ id, login: `u${n}` }));
    expect((await wrongLines(world, ...bad)).map((each) => each.slice(3))).toEqual(
      bad.map(() => "The id is not a text of 1 to 255 visible ASCII characters."),
    );
    // A hundred lines with one id, in statements of fifty rows.
    const same = Array.from({ length: 100 }, (_, n) => ({ id: "same", login: `same${n}` }));
    expect(await wrongLines(world, ...same)).toHaveLength(99);
    expect(await world.ampho.users.find("eve")).toBeUndefined();
    expect(await world.ampho.users.findById(ann.id)).toMatchObject({ login: "ann" });
  });

  it("MV-10: a user who was disabled in the other system gets no session until an operator enables it", async () => {
    const world = await ground.open();
    const line = { id: "7", login: "ann", password_hash: await hashOf(world), disabled: true };
    await world.ampho.users.import(lines(line));
    expect((await logIn(world, "ann")).error).toBe("invalid_credentials");
    await expect(world.ampho.sessions.create("7")).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(await world.ampho.users.findById("7")).toMatchObject({ disabled: true });
    await world.ampho.users.enable("ann");
    expect((await logIn(world, "ann")).status).toBe(200);
    expect(await wrongLines(world, { login: "bob", disabled: 1 })).toEqual([
      "1: The member disabled is not true or false.",
    ]);
  });

  async function hashOf(world: World): Promise<string> {
    await world.user("hashed", { password });
    const [row] = await ground.sql(world, "select password_hash from ampho_users where login = 'hashed'");
    return String(row?.["password_hash"]);
  }
});
