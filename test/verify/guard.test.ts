import { describe, expect, test } from "vitest";
import { authorize as authorizeNode, guarded } from "../../dist/adapters/node.js";
import { type Auth, createVerifier, toHandler } from "../../dist/verify/verifier.js";
import { openWorld, password } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { foreignToken, newKey } from "../world/tokens.js";
import { verdictOf, verifierFor } from "./servers.js";

const key = newKey("key-1");
const seconds = () => Math.floor(Date.now() / 1000);
const claims = {
  login: "alice",
  sub: "1",
  roles: ["editor"],
  scope: "articles:read articles:write",
  auth_time: seconds() - 100,
  amr: ["pwd", "otp", "mfa"],
  acr: "2fa",
  exp: seconds() + 600,
};
const token = foreignToken(key, claims);

const requestWith = (authorization: string | undefined) =>
  new Request("http://host/", authorization === undefined ? {} : { headers: { authorization } });

const say = (_request: Request, auth: Auth | undefined) => Response.json({ login: auth?.login ?? null });
const no = () => false;
const later = async () => true;

describe("the requirements of a verifier", () => {
  const { authorize } = createVerifier({ keys: key });
  const plain = authorize(say);
  const cases: readonly [string, (request: Request) => Promise<Response>, string | undefined, number, string?][] = [
    ["a good token", plain, `Bearer ${token}`, 200],
    ["a scheme in another case", plain, `bEARER ${token}`, 200],
    ["a missing token", plain, undefined, 401, "missing_token"],
    ["another scheme", plain, "Basic YTpi", 401, "missing_token"],
    ["a token that is no JWT", plain, "Bearer x", 401, "invalid_token"],
    ["a forged token", plain, `Bearer ${foreignToken(newKey("key-1"), claims)}`, 401, "invalid_token"],
    [
      "an expired token",
      plain,
      `Bearer ${foreignToken(key, { ...claims, exp: seconds() - 61 })}`,
      401,
      "invalid_token",
    ],
    ["a token within the leeway", plain, `Bearer ${foreignToken(key, { ...claims, exp: seconds() - 30 })}`, 200],
    [
      "an exp that is too far ahead",
      plain,
      `Bearer ${foreignToken(key, { ...claims, exp: seconds() + 90_000 })}`,
      401,
      "invalid_token",
    ],
    ["two tokens in one header", plain, `Bearer ${token}, Bearer ${token}`, 400, "invalid_request"],
    ["one of the required roles", authorize({ roles: ["admin", "editor"] }, say), `Bearer ${token}`, 200],
    ["none of the required roles", authorize({ roles: ["admin"] }, say), `Bearer ${token}`, 403, "insufficient_scope"],
    ["all required scopes", authorize({ scopes: ["articles:write", "articles:read"] }, say), `Bearer ${token}`, 200],
    [
      "a missing scope",
      authorize({ scopes: ["articles:write", "x"] }, say),
      `Bearer ${token}`,
      403,
      "insufficient_scope",
    ],
    ["a login within maxAge", authorize({ maxAge: 300 }, say), `Bearer ${token}`, 200],
    ["a login before maxAge", authorize({ maxAge: 10 }, say), `Bearer ${token}`, 401, "login_too_old"],
    ["a login at the required level", authorize({ acr: "2fa", maxAge: 300 }, say), `Bearer ${token}`, 200],
    ["a login below the required level", authorize({ acr: "phr" }, say), `Bearer ${token}`, 401, "login_too_weak"],
    ["a weak and old login", authorize({ acr: "phr", maxAge: 10 }, say), `Bearer ${token}`, 401, "login_too_weak"],
    ["a can that returns false", authorize({ can: no }, say), `Bearer ${token}`, 403, "insufficient_scope"],
    ["a can that resolves to true", authorize({ can: later }, say), `Bearer ${token}`, 200],
    ["a missing token under optional", authorize({ optional: true }, say), undefined, 200],
    ["a good token under optional", authorize({ optional: true }, say), `Bearer ${token}`, 200],
    ["a bad token under optional", authorize({ optional: true }, say), "Bearer x", 401, "invalid_token"],
  ];
  test.each(cases)("the guard of a verifier handles %s", async (_, handler, authorization, status, error) => {
    const response = await handler(requestWith(authorization));
    expect(response.status).toBe(status);
    const body = await response.json();
    if (error === undefined) expect(body).toEqual({ login: authorization === undefined ? null : "alice" });
    else expect(body).toEqual({ message: expect.any(String), error });
    expect(response.headers.get("www-authenticate")?.startsWith('Bearer realm="') ?? false).toBe(
      [401, 403].includes(status),
    );
  });

  test("`live` is an error of the compiler and throws a TypeError where it is written", () => {
    const message = /live.*database/;
    // @ts-expect-error: a verifier has no database
    expect(() => authorize({ live: true }, say)).toThrow(message);
    // @ts-expect-error: a verifier has no database
    expect(() => authorize({ live: true })).toThrow(message);
    const { verifier } = verifierFor({ keys: key });
    // @ts-expect-error: a verifier has no database
    expect(() => authorizeNode(verifier, { live: true })).toThrow(message);
    expect(() => verifier.host.guard(`Bearer ${token}`, { live: true }, undefined)).toThrow(message);
  });

  test("misspelled requirements throw a TypeError", () => {
    // @ts-expect-error: there is no such member
    expect(() => authorize({ role: ["admin"] }, say)).toThrow(TypeError);
  });
});

test("authorize of a verifier decorates methods", async () => {
  const { authorize } = createVerifier({ keys: key });
  class Articles {
    readonly name = "articles";
    @authorize({ roles: ["editor"] })
    list(_request: Request, auth: Auth): Response {
      return Response.json([this.name, auth.login]);
    }
  }
  const response = await toHandler(new Articles(), "list")(requestWith(`Bearer ${token}`));
  expect(await response.json()).toEqual(["articles", "alice"]);
});

test("authorize and guarded of a framework accept a verifier", async () => {
  const { verifier } = verifierFor({ keys: key });
  const hello = guarded(verifier, { roles: ["editor"] }, (request, response) => response.end(request.auth.login));
  const { url } = await listening((request, response) => void hello(request, response));
  const good = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  expect([good.status, await good.text()]).toEqual([200, "alice"]);
  expect((await fetch(url)).status).toBe(401);
});

test("a token has the same Auth as from the Ampho that issued it", async () => {
  const world = await openWorld({
    scopes: { editor: ["articles:write"] },
    tokenIssuer: "https://auth.example",
    tokenAudience: ["a", "b"],
  });
  await world.user("alice", { roles: ["editor"], password });
  const grant = await world.login("alice");
  const options = { keys: world.key, clock: world.clock };
  const { verifier } = verifierFor({ ...options, issuer: "https://auth.example", audience: "b" });
  const auth = await verifier.verify(grant.token);
  expect(auth).toEqual(world.ampho.verifySync(grant.token));
  expect(Object.isFrozen(auth) && Object.isFrozen(auth.claims)).toBe(true);
  // The second time the Auth comes from the cache.
  expect(await verifier.verify(grant.token)).toBe(auth);
  expect(await verdictOf(verifierFor({ ...options, issuer: "https://other.example" }).verifier, grant.token)).toBe(
    "invalid_token",
  );
  expect(await verdictOf(verifierFor({ ...options, audience: ["c", "d"] }).verifier, grant.token)).toBe(
    "invalid_token",
  );
  expect(await verdictOf(verifierFor({ ...options, audience: ["c", "a"] }).verifier, grant.token)).toBe("accepted");
  expect(await verdictOf(verifier, grant.refresh_token)).toBe("invalid_token");
  world.clock.advance(grant.ttl + grant.leeway - 1);
  expect(await verdictOf(verifier, grant.token)).toBe("accepted");
  world.clock.advance(1);
  expect(await verdictOf(verifier, grant.token)).toBe("invalid_token");
});

test.each<[string, object, RegExp]>([
  ["neither keys nor jwksUrl", {}, /needs either `keys` or `jwksUrl`/],
  ["both", { keys: key, jwksUrl: "https://auth.example/" }, /needs either `keys` or `jwksUrl`/],
  ["a misspelled option", { keys: key, isuer: "x" }, /has no option "isuer"/],
  ["an empty issuer", { keys: key, issuer: "" }, /issuer must be a text/],
  ["an empty list of audiences", { keys: key, audience: [] }, /audience must be/],
  [
    "a leeway above 300 s",
    { keys: key, leeway: 301 },
    /leeway must be whole seconds from 0 to 300 or a duration such as "1m", but is 301/,
  ],
  ["a leeway of 6m", { keys: key, leeway: "6m" }, /leeway must be .* but is "6m"/],
  ["a foreignTtl that is no duration", { keys: key, foreignTtl: "soon" }, /foreignTtl must be/],
])("createVerifier throws ConfigurationError for %s", (_, options, message) => {
  // @ts-expect-error: on purpose
  expect(() => createVerifier(options)).toThrow(
    expect.objectContaining({ name: "ConfigurationError", message: expect.stringMatching(message) }),
  );
});
