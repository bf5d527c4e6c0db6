// The policy of one user beside that of the roles: the stricter one counts, and a weaker one needs a reason.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { onBothDatabases, outcomeOf } from "./owners.js";

const factors = { editor: "required", admin: "phr" } as const;
const login = "ann";
const needed = [401, "factor_needed"];

const logIn = async (world: World) => outcomeOf(await world.call("POST", "/login", { body: { login, password } }));

onBothDatabases((ground) => {
  it("a role that asks for more than the policy of the user counts", async () => {
    const world = await ground.open({ factors });
    await world.user(login, { password });
    await world.ampho.factors.setPolicy({ login }, "optional");
    const { token, refresh_token } = await world.login(login);
    await world.ampho.users.setRoles(login, { add: ["editor"] });
    expect(await logIn(world)).toEqual(needed);
    expect((await world.renew(refresh_token)).status).toBe(401);
    expect((await world.call("GET", "/account", { bearer: token })).status).toBe(401);
  });

  it("a policy that asks for more than the roles counts", async () => {
    const world = await ground.open({ factors });
    await world.user(login, { password });
    await world.ampho.factors.setPolicy({ login }, "required");
    expect(await logIn(world)).toEqual(needed);
    await world.ampho.factors.setPolicy({ login }, "default");
    expect(await logIn(world)).toEqual([200]);
  });

  it("a policy that is weaker than that of the roles is rejected without a reason", async () => {
    const world = await ground.open({ factors });
    await world.user(login, { password, roles: ["editor"] });
    const rejected = { code: "invalid_request", details: { field: "reason" } };
    for (const options of [undefined, {}, { reason: " " }])
      await expect(world.ampho.factors.setPolicy({ login }, "optional", options)).rejects.toMatchObject(rejected);
    expect(await logIn(world)).toEqual(needed);
    expect(await world.ampho.factors.list({ login })).toEqual({ policy: null, insteadOf: null, factors: [] });
  });

  it("a weaker policy with a reason counts, but not in place of a role that asks for still more", async () => {
    const world = await ground.open({ factors });
    await world.user(login, { password, roles: ["editor"] });
    await world.ampho.factors.setPolicy({ login }, "optional", { reason: "A robot of the warehouse." });
    expect(await world.ampho.factors.list({ login })).toMatchObject({ policy: "optional", insteadOf: "required" });
    expect(await logIn(world)).toEqual([200]);
    const { token, refresh_token } = await world.login(login);
    expect((await world.call("GET", "/account", { bearer: token })).json).toMatchObject({ policy: "optional" });
    expect((await world.renew(refresh_token)).status).toBe(200);
    expect(
      (await world.ampho.audit.list({ login })).find(({ event }) => event === "factor_policy_changed"),
    ).toMatchObject({ reason: "A robot of the warehouse.", detail: { policy: "optional", instead_of: "required" } });
    await world.ampho.users.setRoles(login, { add: ["admin"] });
    expect(await logIn(world)).toEqual(needed);
    await world.ampho.users.setRoles(login, { remove: ["admin"] });
    expect(await logIn(world)).toEqual([200]);
    await world.ampho.factors.setPolicy({ login }, "default");
    expect(await logIn(world)).toEqual(needed);
  });

  it("the roles of an own table count beside the policy of the user", async () => {
    const row: ApplicationUser = { id: "7", login };
    const roles: string[] = [];
    const find = () => ({ ...row, roles });
    const users = { find, findById: find, verify: (_: unknown, given: string) => given === password };
    const world = await ground.open({ factors, users });
    await world.ampho.factors.setPolicy("7", "optional");
    const { refresh_token } = grantOf(await world.call("POST", "/login", { body: { login, password } }));
    roles.push("editor");
    expect(await logIn(world)).toEqual(needed);
    expect((await world.renew(refresh_token)).status).toBe(401);
    await expect(world.ampho.factors.setPolicy("7", "optional")).rejects.toMatchObject({ code: "invalid_request" });
    await world.ampho.factors.setPolicy("7", "optional", { reason: "A robot of the warehouse." });
    expect(await logIn(world)).toEqual([200]);
    roles.push("admin");
    expect(await logIn(world)).toEqual(needed);
  });
});
