// jose reads the methods and the level of our tokens, and our guard reads those of a token that jose made.
import { importJWK, jwtVerify, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { openWorld, password } from "../world/ampho.js";
import { start } from "../world/clock.js";

const currentDate = new Date(start * 1000);

async function openAnn() {
  const world = await openWorld();
  const ann = await world.user("ann", { password });
  const secret = await importJWK(world.key, "HS256");
  const levelOf = async (token: string) => {
    const { amr, acr } = (await jwtVerify(token, secret, { typ: "at+jwt", currentDate })).payload;
    return { amr, acr };
  };
  return { world, ann, secret, levelOf };
}

describe("jose", () => {
  it("jose reads amr and acr of a login and of a session that the application created", async () => {
    const { world, ann, levelOf } = await openAnn();
    expect(await levelOf((await world.login("ann")).token)).toEqual({ amr: ["pwd"], acr: "1fa" });
    const { sessions } = world.ampho;
    expect(await levelOf((await sessions.create(ann.id)).token)).toEqual({ amr: [], acr: "1fa" });
    const amr = ["pwd", "otp", "mfa"];
    expect(await levelOf((await sessions.create(ann.id, { amr })).token)).toEqual({ amr, acr: "2fa" });
    expect(await levelOf((await sessions.create(ann.id, { acr: "phr" })).token)).toEqual({ amr: [], acr: "phr" });
  });

  it.each([
    ["2fa", 200],
    ["phr", 200],
    ["1fa", 401],
    ["urn:mace:incommon:iap:silver", 401],
  ])("a token of jose with the acr %s gets %i where a second factor is required", async (acr, status) => {
    const { world, secret } = await openAnn();
    const claims = { login: "ann", exp: start + 600, amr: ["pwd", "sms"], acr };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
    const guarded = world.ampho.authorize({ acr: "2fa" }, (_: Request, auth) => Response.json(auth.amr));
    const response = await guarded(new Request("http://host/", { headers: { Authorization: `Bearer ${token}` } }));
    expect(response.status).toBe(status);
    if (status === 200) expect(await response.json()).toEqual(["pwd", "sms"]);
  });
});
