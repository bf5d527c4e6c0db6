// W-03: every way of ways.ts with each policy, for an account with and without a second factor.
import { expect, it } from "vitest";
import { policies } from "../../dist/levels/policy.js";
import { type Answer, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { addOwner, fullLogin, logIn, onBothDatabases, textsOf, unthrottled } from "./owners.js";
import { type Actor, type Column, type Proven, ways } from "./ways.js";

function outcomeOf(answer: Answer | "no way", login: string): string {
  if (answer === "no way") return answer;
  const { status, json, error } = answer;
  if (status !== 200) {
    expect([status, json["token"], json["refresh_token"]]).toEqual([401, undefined, undefined]);
    return error === "factor_needed" && json["enroll"] === true ? "factor_needed, enroll" : String(error);
  }
  const claims = claimsOf(String(json["token"]));
  expect(claims["login"]).toBe(login);
  const amr = textsOf(claims["amr"]);
  expect(claims["acr"]).toBe(amr.includes("otp") || amr.includes("rec") ? "2fa" : "1fa");
  return `${claims["acr"]}${amr.includes("dev") ? " dev" : ""}`;
}

const byRole = { factors: { "*": "optional", required: "required", phr: "phr" } } as const;

async function actorOf(world: World, login: string, column: Column): Promise<Actor> {
  const owner = column.endsWith("with") ? await addOwner(world, login) : undefined;
  const id = owner?.id ?? (await world.user(login, { password })).id;
  const device = owner
    ? (await fullLogin(world, owner, { remember: true })).device
    : String((await logIn(world, login, { remember: true })).json["device"]);
  const [policy = ""] = column.split(",");
  await world.ampho.users.setRoles(login, policy === "optional" ? [] : [policy]);
  const codes = [...(owner?.recoveryCodes ?? [])];
  const factor = (name: Proven): Record<string, string> =>
    name === "totp"
      ? { totp: owner?.nextCode() ?? "123456" }
      : { recovery_code: codes.pop() ?? "0000-0000-0000-0000-0000-0000" };
  return { world, login, id, owner, device, factor };
}

onBothDatabases((ground) => {
  for (const policy of policies)
    for (const second of ["without", "with"] as const) {
      const column: Column = `${policy}, ${second}`;
      it(`no way grants less than the policy ${policy} asks of an account ${second} a second factor (W-03)`, async () => {
        const world = await ground.open({ ...unthrottled, throttleAttempts: 1_000_000, ...byRole });
        const outcomes: Record<string, string> = {};
        // An enrolment changes the account, so each way that enrols gets its own.
        const shared = await actorOf(world, "ann", column);
        for (const [at, way] of ways.entries()) {
          const enrols = way.route === "POST /totp/confirm";
          const needsCodes = way.proves === "recovery_code";
          const actor = enrols || needsCodes ? await actorOf(world, `ann${at}`, column) : shared;
          outcomes[way.name] = outcomeOf(await way.go(actor), actor.login);
        }
        expect(outcomes).toEqual(Object.fromEntries(ways.map(({ name, outcomes }) => [name, outcomes[column]])));
      });
    }

  it("`sessions.create` is the stated exception, and takes the word of the application (W-03)", async () => {
    const world = await ground.open({ factors: { "*": "phr" } });
    const { id } = await world.user("ann", { password });
    expect(claimsOf((await world.ampho.sessions.create(id)).token)).toMatchObject({ amr: [], acr: "1fa" });
    const vouched = await world.ampho.sessions.create(id, { amr: ["hwk", "mfa"], acr: "phr" });
    expect(claimsOf(vouched.token)).toMatchObject({ amr: ["hwk", "mfa"], acr: "phr" });
  });
});
