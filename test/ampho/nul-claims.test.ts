// A token of other software with the key can have NUL in its claims. No database row has that name, so the token belongs to no
// session and no user, and is rejected like a token of a missing session or user.
import { expect, it } from "vitest";
import { openWorld, password, readResponse } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { foreignToken, sessionOf } from "../world/tokens.js";

const claims = { exp: start + 600, iat: start, auth_time: start };

async function openAnn() {
  const world = await openWorld();
  const ann = await world.user("ann", { password });
  const grant = await world.session(ann);
  const own = { ...claims, login: "ann", sub: ann.id, sid: sessionOf(grant), gen: 0 };
  const odd = (changed: object) => foreignToken(world.key, { ...own, ...changed });
  return { world, grant, odd };
}

const outcomeOf = ({ status, error }: { readonly status: number; readonly error: unknown }) => [status, error];

it("a session id with NUL cannot be renewed", async () => {
  const { world, grant, odd } = await openAnn();
  for (const sid of ["\0", `${sessionOf(grant)}\0`])
    expect(outcomeOf(await world.call("POST", "/renew", { bearer: odd({ sid }) }))).toEqual([401, "session_ended"]);
  expect((await world.renew(grant.refresh_token)).status).toBe(200);
});

it.each([
  ["POST", "/logout"],
  ["GET", "/sessions"],
  ["DELETE", "/sessions"],
  ["DELETE", "/sessions/x"],
  ["POST", "/password", { password, new_password: "orchid tractor window monday" }],
])("%s %s rejects a session id or user id with NUL", async (method, path, body?: object) => {
  const { world, grant, odd } = await openAnn();
  for (const changed of [{ sid: `${sessionOf(grant)}\0` }, { sub: "a\0b" }])
    expect(outcomeOf(await world.call(method, path, { bearer: odd(changed), body }))).toEqual([
      403,
      "credential_not_accepted",
    ]);
  expect((await world.call("GET", "/session", { bearer: grant.token })).status).toBe(200);
});

it("a login with a bearer token whose session id has NUL opens a new session", async () => {
  const { world, grant, odd } = await openAnn();
  const next = await world.login("ann", { bearer: odd({ sid: `${sessionOf(grant)}\0` }) });
  expect(sessionOf(next)).not.toBe(sessionOf(grant));
});

it("a token with NUL in its claims authorizes, except with live", async () => {
  const { world, grant, odd } = await openAnn();
  const nameless = { sub: undefined, sid: undefined, gen: undefined };
  for (const changed of [{ sid: `${sessionOf(grant)}\0` }, { ...nameless, login: "ann\0" }]) {
    const token = odd(changed);
    expect((await world.ampho.verify(token)).login).toMatch(/^ann/);
    const strict = world.ampho.authorize({ live: true }, (_: Request) => new Response());
    const request = new Request("http://localhost/", { headers: { Authorization: `Bearer ${token}` } });
    expect(outcomeOf(await readResponse(await strict(request)))).toEqual([401, "invalid_token"]);
  }
});
