// Tokens that are not the user's own, outside of the routes of a framework: in code, at the flows, and over time.
import { describe, expect, it } from "vitest";
import { createVerifier } from "../../dist/verify/verifier.js";
import { openWorld } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { bearer } from "../world/requests.js";
import { claimsOf, foreignToken } from "../world/tokens.js";

const notTaken = expect.objectContaining({ code: "credential_not_accepted" });
const claims = [
  ["act", { sub: "operator" }],
  ["act", null],
  ["client_id", "reports"],
] as const;
const bound = [
  ["by", "o_7f3"],
  ["by", null],
] as const;

async function open() {
  const world = await openWorld({ scopes: { editor: ["articles:read", "articles:write"] } });
  const ann = await world.ampho.users.create({ login: "ann", roles: ["editor"] });
  const grant = await world.ampho.sessions.create(ann.id);
  const more = (further: object) => foreignToken(world.key, { ...claimsOf(grant.token), ...further });
  const { host, verify, verifySync, authenticate } = world.ampho;
  const guard = async (token: string, requirements: Parameters<typeof host.guard>[1]) =>
    host.guard(`Bearer ${token}`, requirements, undefined);
  return { world, ann, grant, more, guard, verify, verifySync, authenticate };
}

describe.each([...claims, ...bound])("a token of a session with %s %j", (name, value) => {
  it("verify, verifySync, authenticate and a verifier reject the token", async () => {
    const { world, more, verify, verifySync, authenticate } = await open();
    const token = more({ [name]: value });
    await expect(verify(token)).rejects.toEqual(notTaken);
    expect(() => verifySync(token)).toThrow(notTaken);
    await expect(authenticate({ headers: new Headers(bearer(token)) })).rejects.toEqual(notTaken);
    const verifier = createVerifier({ keys: world.key, clock: world.clock });
    await expect(verifier.verify(token)).rejects.toEqual(notTaken);
    expect(() => verifier.host.guard(`Bearer ${token}`, undefined, undefined)).toThrow(notTaken);
  });

  it("the token renews nothing, raises nothing and ends nothing", async () => {
    const { world, grant, more } = await open();
    const token = more({ [name]: value });
    for (const [method, path, body] of [
      ["POST", "/renew", undefined],
      ["POST", "/login", {}],
      ["POST", "/login", { totp: "123456" }],
      ["POST", "/logout", undefined],
    ] as const) {
      const { status, json } = await world.call(method, path, { bearer: token, ...(body && { body }) });
      expect([status, json["error"]]).toEqual([403, "credential_not_accepted"]);
    }
    expect((await world.call("GET", "/session", { bearer: grant.token })).status).toBe(200);
  });
});

describe.each(claims)("a token of another actor with %s %j", (name, value) => {
  it("the token lives no longer than one of other software", async () => {
    const { world, more, guard } = await open();
    const accepted = { credentials: ["service", "delegated"] as const, can: () => true };
    const day = start + 86_400;
    await expect(guard(more({ [name]: value, exp: day }), accepted)).resolves.toMatchObject({
      login: "ann",
      roles: [],
    });
    await expect(guard(more({ [name]: value, exp: day + 1 }), accepted)).rejects.toMatchObject({
      code: "invalid_token",
    });
    const known = more({ [name]: value, exp: day, jti: "known" });
    await guard(known, accepted);
    world.clock.advance(-1);
    await expect(guard(known, accepted)).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("the token ends with the session and with the user", async () => {
    const accepted = { credentials: ["service", "delegated"] as const, can: () => true };
    const revoked = { code: "invalid_token" };
    const first = await open();
    const token = first.more({ [name]: value });
    await first.guard(token, accepted);
    await first.world.ampho.sessions.end(String(claimsOf(first.grant.token)["sid"]));
    await expect(first.guard(token, accepted)).rejects.toMatchObject(revoked);
    const second = await open();
    const other = second.more({ [name]: value });
    await second.guard(other, accepted);
    await second.world.ampho.users.disable("ann");
    await expect(second.guard(other, accepted)).rejects.toMatchObject(revoked);
  });
});

// Routes of organizations come in a later version. A route of this one must not let their tokens in.
describe.each(bound)("a token that is bound to an organization by %s %j", (name, value) => {
  it("no route takes it, whatever it names and whatever else the token has", async () => {
    const { more, guard, verify } = await open();
    const need = { credentials: ["session", "foreign", "service", "delegated"] as const, can: () => true };
    for (const other of [{}, { act: { sub: "operator" } }, { client_id: "reports" }, { sid: undefined }]) {
      const token = more({ ...other, [name]: value });
      await expect(guard(token, need)).rejects.toEqual(notTaken);
      await expect(verify(token, need.credentials)).rejects.toEqual(notTaken);
    }
  });
});

it("a delegated token has with live the scopes that it and the user both have, and no role", async () => {
  const { world, more, guard } = await open();
  const need = { credentials: ["delegated"] as const, live: true as const };
  const act = { sub: "operator" };
  expect(await guard(more({ act, scope: "articles:write other" }), need)).toMatchObject({
    credential: "delegated",
    roles: [],
    scopes: ["articles:write"],
  });
  const late = more({ act, scope: "articles:write", ver: Number.MAX_SAFE_INTEGER });
  await guard(late, need);
  await world.ampho.users.setRoles("ann", []);
  await expect(guard(late, need)).resolves.toMatchObject({ scopes: [] });
});

it("a service is rejected with live, because it has no session", async () => {
  const { more, guard } = await open();
  const need = { credentials: ["service"] as const, live: true as const, can: () => true };
  await expect(guard(more({ client_id: "reports" }), need)).rejects.toMatchObject({ code: "invalid_token" });
});

it("the message lists what a route takes", async () => {
  const { grant, guard } = await open();
  await expect(guard(grant.token, { credentials: ["foreign", "delegated"] })).rejects.toMatchObject({
    message: expect.stringContaining("a token of other software or a delegated token"),
  });
});
