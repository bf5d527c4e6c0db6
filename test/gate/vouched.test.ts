// A session for which the application vouches is no recent login, unless the application states when the user signed in.
import { expect, it } from "vitest";
import { errorsOf } from "../../dist/http/rest/openapi.js";
import { recentErrors } from "../../dist/http/rest/route.js";
import { routes } from "../../dist/http/rest/routes.js";
import { acrs } from "../../dist/levels/acr.js";
import { policies } from "../../dist/levels/policy.js";
import { fullGrant, grantOf, password, type World } from "../world/ampho.js";
import { everyFeature } from "../world/every-feature.js";
import { claimsOf } from "../world/tokens.js";
import { addOwner, logIn, onBothDatabases } from "./owners.js";

const transaction = "x";
const bodies: Readonly<Record<string, object>> = {
  "POST /password": { new_password: "quiet violet harbour lantern" },
  "DELETE /password": {},
  "DELETE /account/access": {},
  "GET /account/export": {},
  "POST /account/login": { login: "anna" },
  "POST /account/confirm": { change: "first_factor" },
  "DELETE /account": {},
  "POST /totp": {},
  "POST /passkeys/options": {},
  "DELETE /passkeys/{id}": {},
  "DELETE /totp": {},
  "POST /recovery-codes": {},
  "POST /api-keys": { name: "x", scopes: ["articles:write"] },
  "POST /api-keys/{id}/rotate": {},
  "POST /identities": { provider: "acme" },
  "POST /identities/finish": { transaction, outside: { provider: "acme", code: "1", state: "1" } },
  "DELETE /identities/{id}": {},
  "POST /account/email": { email: "ann@new.example" },
  "POST /account/email/finish": { code: "12345678", later: true },
  "GET /connect": {},
  "POST /connect": { query: "x", transaction, allow: true },
};

async function attemptAll(world: World, bearer: string): Promise<object> {
  const outcomes: Record<string, unknown> = {};
  for (const [name, body] of Object.entries(bodies)) {
    const [method = "", path = ""] = name.split(" ");
    const sent = method === "GET" || Object.keys(body).length === 0 ? { bearer } : { bearer, body };
    const response = await world.call(
      method,
      path.replace("{id}", "x".repeat(path.startsWith("/identities") ? 43 : 16)),
      sent,
    );
    outcomes[name] = response.error ?? response.status;
  }
  return outcomes;
}

/**
 * An identity is linked with a transaction, which a recent login begins. The request of an application is checked before
 * the login (test/connect/consent.test.ts).
 */
const allTooOld = {
  ...Object.fromEntries(Object.keys(bodies).map((name) => [name, "login_too_old"])),
  "POST /identities/finish": "transaction_over",
  "GET /connect": "not_found",
};

it("the table has every operation that asks for a recent login", () => {
  const asks = routes.filter((route) => recentErrors.every((error) => errorsOf(route).includes(error)));
  expect(Object.keys(bodies).sort()).toEqual(asks.map(({ method, path }) => `${method} ${path}`).sort());
});

onBothDatabases((ground) => {
  it.each(policies)(
    "MV-6: nothing that asks for a recent login works after an exchange, with the policy %s",
    async (policy) => {
      const world = await ground.open({ ...everyFeature, factors: { strict: policy }, mail: async () => undefined });
      const { id } = await world.user("ann", { roles: ["strict", "editor"] });
      for (const acr of acrs) {
        const { token } = await world.ampho.sessions.create(id, { acr });
        expect(claimsOf(token)).toMatchObject({ acr, auth_time: 0 });
        expect(await attemptAll(world, token)).toEqual(allTooOld);
      }
      const owner = await addOwner(world, "bob", ["editor"]);
      const { token } = await world.ampho.sessions.create(owner.id, { acr: "2fa" });
      expect(await attemptAll(world, token)).toEqual(allTooOld);
    },
  );

  it("MV-6: a step-up and a renewal of the session do not make it recent, and a login does", async () => {
    const world = await ground.open(everyFeature);
    const ann = await addOwner(world, "ann", ["editor"]);
    const vouched = fullGrant(await world.ampho.sessions.create(ann.id));
    const body = { totp: ann.nextCode() };
    const raised = grantOf(await world.call("POST", "/login", { body, bearer: vouched.token }));
    const renewed = grantOf(await world.renew(raised.refresh_token));
    expect(claimsOf(renewed.token)).toMatchObject({ acr: "2fa", auth_time: 0 });
    expect(await attemptAll(world, renewed.token)).toEqual(allTooOld);
    const grant = grantOf(await logIn(world, "ann", { totp: ann.nextCode() }));
    expect((await world.call("GET", "/account/export", { bearer: grant.token })).status).toBe(200);
  });

  it("the application states when the user signed in", async () => {
    const world = await ground.open();
    const { id } = await world.user("ann", { password });
    const now = world.clock.now();
    for (const [authTime, status] of [
      [now, 200],
      [now - 300, 200],
      [now - 301, 401],
    ] as const) {
      const { token } = await world.ampho.sessions.create(id, { authTime });
      expect(claimsOf(token)["auth_time"]).toBe(authTime);
      expect((await world.call("POST", "/totp", { bearer: token })).status).toBe(status);
    }
    for (const authTime of [now * 1000, now + 301, -1, 0.5, "0" as unknown as number])
      await expect(world.ampho.sessions.create(id, { authTime })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("the audit log and the list of sessions have the way and the request of an exchange", async () => {
    const world = await ground.open({ trustProxy: 1 });
    const { id } = await world.user("ann");
    const headers = { "x-forwarded-for": "::ffff:192.0.2.7", "user-agent": "Curl\u0007" };
    const level = { way: "express-session", request: { headers, socket: { remoteAddress: "10.0.0.1" } } };
    const { token } = await world.ampho.sessions.create(id, level);
    const [row] = (await world.ampho.audit.list({})).filter(({ event }) => event === "login");
    const origin = { actor: "application", address: "192.0.2.7", agent: "Curl" };
    expect(row).toMatchObject({ origin, detail: { way: "express-session" } });
    const { json } = await world.call("GET", "/sessions", { bearer: token });
    expect(json["sessions"]).toMatchObject([{ address: "192.0.2.7", agent: "Curl" }]);
    await world.ampho.sessions.create(id, { way: "auth.js", amr: ["fed"] });
    const [, next] = (await world.ampho.audit.list({})).filter(({ event }) => event === "login");
    expect(next?.detail).toEqual({ amr: ["fed"], way: "auth.js" });
  });

  it("MV-2: two processes that exchange an old session 50 times at once create one session", async () => {
    const world = await ground.open();
    const { id } = await world.user("ann");
    const [bob, another] = [await world.user("bob"), await world.another()];
    const create = ({ ampho }: World, userId = id) => ampho.sessions.create(userId, { once: "sid-1" });
    const calls = Array.from({ length: 50 }, (_, n) => create(n % 2 === 0 ? world : another));
    const sessions = (await Promise.all(calls)).map((grant) => claimsOf(grant.token)["sid"]);
    expect(new Set(sessions).size).toBe(1);
    expect(await world.ampho.sessions.list(id)).toHaveLength(1);
    const over = { code: "transaction_over" };
    await expect(create(world, bob.id)).rejects.toMatchObject(over);
    world.clock.advance(59);
    expect(claimsOf((await create(another)).token)["sid"]).toBe(sessions[0]);
    world.clock.advance(2);
    await expect(create(world)).rejects.toMatchObject(over);
    await expect(create(another)).rejects.toMatchObject(over);
    expect(await world.ampho.sessions.list(id)).toHaveLength(1);
    await expect(world.ampho.sessions.create(id, { once: "" })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("MV-2: a key whose session has ended creates no other one", async () => {
    const world = await ground.open();
    const { id } = await world.user("ann");
    const create = () => world.ampho.sessions.create(id, { once: "sid-1" });
    const { token } = await create();
    expect((await world.call("POST", "/logout", { bearer: token })).status).toBe(204);
    await expect(create()).rejects.toMatchObject({ code: "transaction_over" });
    await world.ampho.users.disable("ann");
    await expect(create()).rejects.toMatchObject({ code: "invalid_credentials" });
  });
});
