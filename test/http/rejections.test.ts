import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isOAuth } from "../../dist/http/rest/route-access.js";
import { routes } from "../../dist/http/rest/routes.js";
import { everyFeature } from "../world/every-feature.js";
import { type Serving, serve } from "../world/http-server.js";
import { bearer, type Grant } from "../world/requests.js";
import { claimsOf, foreignToken } from "../world/tokens.js";

let serving: Serving;
let grant: Grant;
/** The token of the session, signed again with the key of the server, with further claims. */
const withClaims = (more: object) => bearer(foreignToken(serving.key, { ...claimsOf(grant.token), ...more }));
/** Claims of tokens that are not the user's own, whatever their value. */
const notOwn: readonly object[] = [
  { act: { sub: "operator" } },
  { act: null },
  { client_id: "reports" },
  { client_id: "" },
  { by: "operator" },
  { by: false },
  { act: { sub: "reports" }, client_id: "reports", by: "operator" },
];
beforeAll(async () => {
  serving = await serve(everyFeature);
  grant = await serving.login();
});
afterAll(() => serving.close());

const inputs: Readonly<Record<string, object>> = {
  login: { login: "alice", password: "x" },
  changePassword: { password: "x", new_password: "y" },
};

interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path?: (path: string) => string;
  readonly headers?: () => Record<string, string>;
  readonly body?: string;
  readonly expected: (route: (typeof routes)[number]) => readonly [status: number, error: string] | undefined;
}

const hasBody = (route: (typeof routes)[number]) => route.method !== "GET";
const ifBody =
  (status: number, error: string): Case["expected"] =>
  (route) =>
    hasBody(route) ? [status, error] : undefined;
const ifGuarded =
  (status: number, error: string): Case["expected"] =>
  (route) =>
    route.access.guarded ? [status, error] : undefined;
const always =
  (status: number, error: string): Case["expected"] =>
  () => [status, error];
const json = { "content-type": "application/json" };

const cases: readonly Case[] = [
  { name: "no token", expected: ifGuarded(401, "missing_token") },
  {
    name: "another scheme",
    headers: () => ({ authorization: "Basic YTpi" }),
    expected: ifGuarded(401, "missing_token"),
  },
  { name: "Bearer alone", headers: () => ({ authorization: "Bearer" }), expected: ifGuarded(401, "invalid_token") },
  { name: "garbage", headers: () => bearer("x.y.z"), expected: ifGuarded(401, "invalid_token") },
  {
    name: "a token with a character more",
    headers: () => bearer(`${grant.token}x`),
    expected: ifGuarded(401, "invalid_token"),
  },
  {
    name: "a refresh token as bearer",
    headers: () => bearer(grant.refresh_token),
    expected: ifGuarded(401, "invalid_token"),
  },
  {
    name: "a token without session",
    headers: () => bearer(foreignToken(serving.key)),
    expected: (route) => (route.access.name === "session" ? [403, "credential_not_accepted"] : undefined),
  },
  ...notOwn.map(
    (more): Case => ({
      name: `a token of a session with ${JSON.stringify(more)}`,
      headers: () => withClaims(more),
      expected: ifGuarded(403, "credential_not_accepted"),
    }),
  ),
  { name: "a method that the path does not have", method: "PATCH", expected: always(405, "method_not_allowed") },
  { name: "OPTIONS", method: "OPTIONS", expected: always(405, "method_not_allowed") },
  {
    name: "a method override",
    method: "PUT",
    headers: () => ({ "x-http-method-override": "GET" }),
    expected: always(405, "method_not_allowed"),
  },
  ...["access_token", "refresh_token", "token", "password", "ACCESS_TOKEN", "access%5Ftoken"].map(
    (name): Case => ({
      name: `${name} in the query`,
      path: (path) => `${path}?a=b&${name}=x`,
      headers: () => bearer(grant.token),
      expected: always(400, "invalid_request"),
    }),
  ),
  { name: "a slash at the end", path: (path) => `${path}/`, expected: always(404, "not_found") },
  { name: "a double slash", path: (path) => `/${path}`, expected: always(404, "not_found") },
  { name: "a semicolon", path: (path) => `${path};a`.replace("{id};a", "{id}/;a"), expected: always(404, "not_found") },
  {
    name: "an escaped letter",
    path: (path) => `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`,
    expected: always(404, "not_found"),
  },
  { name: "capitals", path: (path) => path.toUpperCase(), expected: always(404, "not_found") },
  {
    name: "text",
    headers: () => ({ "content-type": "text/plain" }),
    body: "x",
    expected: ifBody(415, "unsupported_media_type"),
  },
  {
    name: "compressed JSON",
    headers: () => ({ ...json, "content-encoding": "gzip" }),
    body: "{}",
    expected: ifBody(415, "unsupported_media_type"),
  },
  {
    name: "JSON in UTF-16",
    headers: () => ({ "content-type": "application/json; charset=utf-16" }),
    body: "{}",
    expected: ifBody(415, "unsupported_media_type"),
  },
  {
    name: "16 KiB and a byte",
    headers: () => json,
    body: `{"a":"${"x".repeat(16_384 - 7)}"}`,
    expected: ifBody(413, "payload_too_large"),
  },
  { name: "no JSON", headers: () => json, body: "{", expected: ifBody(400, "invalid_request") },
  { name: "an array", headers: () => json, body: "[]", expected: ifBody(400, "invalid_request") },
  { name: "a member twice", headers: () => json, body: '{"a":1,"a":1}', expected: ifBody(400, "invalid_request") },
  {
    name: "a form with a field twice",
    headers: () => ({ "content-type": "application/x-www-form-urlencoded" }),
    body: "a=1&a=1",
    expected: ifBody(400, "invalid_request"),
  },
  {
    name: "a token in the body beside the header",
    headers: () => ({ ...json, ...bearer(grant.token) }),
    body: '{"access_token":"x"}',
    expected: ifBody(400, "invalid_request"),
  },
  {
    name: "a token in the body alone",
    headers: () => json,
    body: '{"access_token":"x"}',
    expected: (route) => (hasBody(route) && route.access.guarded ? [401, "missing_token"] : undefined),
  },
];

describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))("the route %s", (_, route) => {
  const wanted = cases.flatMap((one) => {
    const expected = one.expected(route);
    return expected === undefined ? [] : [[one.name, one, expected] as const];
  });
  it.each(wanted)(
    "the route rejects %s",
    async (_name, { method = route.method, path = (text) => text, headers, body }, [status, error]) => {
      const url =
        serving.url +
        path(route.path)
          .replace(/\{id\}/i, "0.abc")
          .replace(/\{provider\}/i, "acme");
      const input =
        body ?? (headers?.()["content-type"] ? undefined : inputs[route.name] && JSON.stringify(inputs[route.name]));
      const response = await fetch(url, {
        method,
        headers: { ...(input === undefined ? {} : json), ...headers?.() },
        ...(input !== undefined && method !== "GET" && { body: input }),
      });
      const received = await response.json();
      expect([response.status, received.error]).toEqual([status, error]);
      const again =
        isOAuth(route.access) && status !== 405 && status !== 404 && !/[?]/.test(url) ? received.message : undefined;
      expect(received).toEqual({ message: expect.stringMatching(/^.{4,}$/), error, error_description: again });
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("referrer-policy")).toBe("no-referrer");
      expect(response.headers.get("server")).toBeNull();
      expect(response.headers.get("x-powered-by")).toBeNull();
      expect(response.headers.get("www-authenticate")?.startsWith('Bearer realm="') ?? false).toBe(
        status === 401 || error === "insufficient_scope",
      );
      if (error === "missing_token") expect(response.headers.get("www-authenticate")).not.toContain("error=");
      if (status === 405) expect(response.headers.get("allow")?.split(", ")).toContain(route.method);
    },
  );
});

const optional = routes.filter(({ access }) => access.name === "optional");

describe.each(optional.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
  const input = { login: "alice", transaction: "x", totp: "123456", password: "x", name: "x", passkey: {} };

  it.each(notOwn)("a token of a session with %j opens no more than no token", async (more) => {
    const send = async (body: object | undefined, headers: Record<string, string>) => {
      const init = body === undefined ? { headers } : { headers: { ...json, ...headers }, body: JSON.stringify(body) };
      const response = await fetch(serving.url + route.path, { method: route.method, ...init });
      return [response.status, (await response.json()).error];
    };
    for (const body of [undefined, {}, input]) {
      const outcome = await send(body, withClaims(more));
      if (outcome[1] !== "credential_not_accepted") expect(outcome).toEqual(await send(body, {}));
    }
    expect((await fetch(`${serving.url}/session`, { headers: bearer(grant.token) })).status).toBe(200);
  });
});
