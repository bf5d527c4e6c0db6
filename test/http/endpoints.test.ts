import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservedPaths, routes } from "../../dist/http/rest/routes.js";
import type { Message } from "../../dist/index.js";
import { everyFeature } from "../world/every-feature.js";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { claimsOf, foreignToken } from "../world/tokens.js";

let serving: Serving;
beforeAll(async () => {
  serving = await serve({ sessionsPerUser: 1000, scopes: { editor: ["articles:write"] } });
});
afterAll(() => serving.close());

const statusAndError = async (response: Response) => [response.status, (await response.json()).error];
const newLogin = "correct horse battery staple two";

/** Compares responses with the OpenAPI document of the server. */
async function describedBy({ url }: Serving) {
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, "document");
  const seen: string[] = [];

  async function expectDescribed(method: string, path: string, given: Promise<Response>, pattern = path): Promise<Row> {
    const response = await given;
    seen.push(`${method} ${pattern} ${response.status}`);
    const described = document.paths[`/api/security${pattern}`][method].responses[response.status];
    expect(described, seen.at(-1)).toBeDefined();
    const schema = described.content?.["application/json"].schema;
    const text = await response.text();
    if (schema === undefined) {
      expect(text).toBe("");
      return {};
    }
    const validate = ajv.compile({ $ref: `document${schema.$ref}` });
    const json = JSON.parse(text);
    expect(validate(json), `${seen.at(-1)}: ${ajv.errorsText(validate.errors)}`).toBe(true);
    return json;
  }
  return { seen, expectDescribed };
}

type Row = Readonly<Record<string, unknown>>;

describe("the OpenAPI document", () => {
  it("the document is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(await (await fetch(`${serving.url}/openapi.json`)).json());
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe("3.1");
  });

  it("the document names the Idempotency-Key of a login and of a renewal, and no other request header", async () => {
    const { paths } = await (await fetch(`${serving.url}/openapi.json`)).json();
    type Operation = { readonly operationId: string; readonly parameters?: readonly { in: string; name: string }[] };
    const operations = Object.values<Record<string, Operation>>(paths).flatMap((path) => Object.values(path));
    const headers = operations.flatMap(({ operationId, parameters = [] }) =>
      parameters.filter((parameter) => parameter.in === "header").map(({ name }) => [operationId, name]),
    );
    expect(headers).toEqual([
      ["login", "Idempotency-Key"],
      ["renew", "Idempotency-Key"],
    ]);
  });

  it("the document describes the responses that the endpoints return", async () => {
    const { seen, expectDescribed } = await describedBy(serving);
    const { url } = serving;
    const get = (path: string, token?: string) =>
      fetch(url + path, token === undefined ? {} : { headers: bearer(token) });
    const grant = await serving.login();
    await expectDescribed("post", "/login", post(`${url}/login`, alice));
    await expectDescribed("post", "/login", post(`${url}/login`, { ...alice, password: "wrong" }));
    await expectDescribed("post", "/login", post(`${url}/login`, {}));
    await expectDescribed("post", "/renew", post(`${url}/renew`, { refresh_token: grant.refresh_token }));
    await expectDescribed("post", "/renew", post(`${url}/renew`, { refresh_token: "x" }));
    await expectDescribed("get", "/session", get("/session", grant.token));
    await expectDescribed("get", "/session", get("/session", foreignToken(serving.key)));
    await expectDescribed("get", "/session", get("/session"));
    await expectDescribed("get", "/sessions", get("/sessions", grant.token));
    await expectDescribed("get", "/sessions", get("/sessions", foreignToken(serving.key)));
    await expectDescribed("get", "/.well-known/jwks.json", get("/.well-known/jwks.json"));
    await expectDescribed("get", "/openapi.json", get("/openapi.json"));
    const change = { password: alice.password, new_password: "short" };
    await expectDescribed("post", "/password", post(`${url}/password`, change, bearer(grant.token)));
    const end = { method: "DELETE", headers: bearer(grant.token) };
    await expectDescribed("delete", "/sessions/x", fetch(`${url}/sessions/x`, end), "/sessions/{id}");
    await expectDescribed("post", "/logout", fetch(`${url}/logout`, { ...end, method: "POST" }));
    await expectDescribed("post", "/logout", fetch(`${url}/logout`, { ...end, method: "POST" }));
    expect(seen).toEqual([
      "post /login 200",
      "post /login 401",
      "post /login 400",
      "post /renew 200",
      "post /renew 401",
      "get /session 200",
      "get /session 403",
      "get /session 401",
      "get /sessions 200",
      "get /sessions 403",
      "get /.well-known/jwks.json 200",
      "get /openapi.json 200",
      "post /password 400",
      "delete /sessions/{id} 404",
      "post /logout 204",
      "post /logout 401",
    ]);
  });

  it("the document describes the responses of the endpoints by mail", async () => {
    const mails: Message[] = [];
    const mailing = await serve({ ...everyFeature, mail: async (mail) => void mails.push(mail) });
    const { seen, expectDescribed } = await describedBy(mailing);
    const send = (path: string, body: object, token?: unknown) =>
      expectDescribed("post", path, post(mailing.url + path, body, typeof token === "string" ? bearer(token) : {}));
    const taken = async (kind: string) => {
      await expect.poll(() => mails.map((mail) => mail.kind)).toContain(kind);
      const { text = "" } =
        mails.splice(
          mails.findIndex((mail) => mail.kind === kind),
          1,
        )[0] ?? {};
      return { code: /^\d\d \d\d \d\d \d\d$/m.exec(text)?.[0], alarm: /#ampho-alarm=(\S+)/.exec(text)?.[1] };
    };
    const { password } = alice;
    const ann = "ann@x.example";
    await send("/register", { email: "nonsense" });
    const { transaction } = await send("/register", { email: ann });
    const { code } = await taken("register");
    await send("/register/finish", { transaction, code: "12345678", password });
    const { token } = await send("/register/finish", { transaction, code, password });
    await send("/login/mail", { login: ann });
    await send("/login/mail", { login: "nobody" });
    const mailed = await send("/login/mail", { login: "carl" });
    await send("/login", { transaction: mailed["transaction"], code: "12345678" });
    const change = await send("/account/email", { email: "new@x.example" }, token);
    const proof = { transaction: change["transaction"], ...(await taken("email")) };
    await send("/account/email/finish", { ...proof, code: "12345678" }, token);
    await send("/account/email/finish", proof, token);
    await mailing.ampho.users.create({ login: "bob@x.example", password });
    const reset = await send("/password/reset", { login: "bob@x.example" });
    const proven = { transaction: reset["transaction"], code: (await taken("reset")).code };
    await send("/password/reset/finish", { ...proven, new_password: "short" });
    await send("/password/reset/finish", { ...proven, new_password: newLogin });
    const { alarm } = await taken("password_changed");
    await send("/alarm", { alarm: "nonsense", change: "x" });
    await send("/alarm", { alarm, change: "password_changed" });
    expect(seen.map((each) => each.replace("post ", ""))).toEqual([
      "/register 400",
      "/register 200",
      "/register/finish 401",
      "/register/finish 200",
      // One address gets one mail a minute.
      "/login/mail 429",
      "/login/mail 200",
      "/login/mail 200",
      "/login 401",
      "/account/email 200",
      "/account/email/finish 401",
      "/account/email/finish 200",
      "/password/reset 200",
      "/password/reset/finish 400",
      "/password/reset/finish 204",
      "/alarm 401",
      "/alarm 204",
    ]);
    await mailing.close();
  });
});

describe("login", () => {
  it("a login works with JSON and with a form", async () => {
    const form = { method: "POST", body: new URLSearchParams(alice) };
    for (const response of [await post(`${serving.url}/login`, alice), await fetch(`${serving.url}/login`, form)]) {
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.json()).toMatchObject({ token_type: "Bearer", ttl: 900, leeway: 60 });
    }
  });

  it("a boolean of a form is the text true or false, and in JSON a text is no boolean", async () => {
    const byForm = (fields: Record<string, string>) =>
      fetch(`${serving.url}/login`, { method: "POST", body: new URLSearchParams({ ...alice, ...fields }) });
    for (const remember of ["true", "false"]) expect((await byForm({ remember })).status).toBe(200);
    const wrong = [
      ...["yes", "1", "", "True"].map((remember) => byForm({ remember })),
      ...["true", "false"].map((remember) => post(`${serving.url}/login`, { ...alice, remember })),
    ];
    for (const response of wrong)
      expect(await (await response).json()).toMatchObject({ error: "invalid_request", field: "remember" });
    // A field that takes a text keeps it.
    expect(await statusAndError(await byForm({ login: "true", password: "false" }))).toEqual([
      401,
      "invalid_credentials",
    ]);
  });

  it.each([
    ["login", undefined],
    ["login", ""],
    ["login", 5],
    ["login", null],
    ["login", ["alice"]],
    ["login", "a\u0000b"],
    ["login", "a\u0085b"],
    ["login", "x".repeat(256)],
    ["login", "😀".repeat(256)],
    ["password", 5],
    ["password", null],
    ["password", "x".repeat(1025)],
    ["device", 5],
  ])("the error for a wrong %s (%j) names the field and not its value", async (field, value) => {
    const response = await post(`${serving.url}/login`, { ...alice, [field]: value });
    expect(response.status).toBe(400);
    const { message, ...codes } = await response.json();
    expect(codes).toEqual({ error: "invalid_request", field });
    expect(message).toMatch(new RegExp(`^"${field}" must be a text`));
    if (typeof value === "string" && value !== "") expect(message).not.toContain(value);
  });

  it.each([
    ["no password", { login: "alice" }],
    ["an empty password", { login: "alice", password: "" }],
    ["a login of 255 characters beyond the basic plane", { login: "😀".repeat(255), password: "x" }],
    ["a password of 1024 characters", { login: "alice", password: "😀".repeat(1024) }],
    ["a prototype", '{"login":"alice","__proto__":{"password":"violet kettle harbour morning"}}'],
  ])("a login with %s returns 401", async (_, body) => {
    expect(await statusAndError(await post(`${serving.url}/login`, body))).toEqual([401, "invalid_credentials"]);
  });

  it("a login ignores unknown members", async () => {
    expect((await post(`${serving.url}/login`, { ...alice, remember: true, constructor: 1 })).status).toBe(200);
  });

  it("a login with the bearer token of a live session re-authenticates that session", async () => {
    const { token } = await serving.login();
    const again = await (await post(`${serving.url}/login`, alice, bearer(token))).json();
    const sessionOf = async (value: string) =>
      (await (await fetch(`${serving.url}/session`, { headers: bearer(value) })).json()).session.id;
    expect(await sessionOf(again.token)).toBe(await sessionOf(token));
  });
});

describe("renew", () => {
  const renew = (init: RequestInit) => fetch(`${serving.url}/renew`, { method: "POST", ...init });

  it("a renewal accepts a refresh token, or a bearer token without a body", async () => {
    const [a, b] = [await serving.login(), await serving.login()];
    expect(await (await post(`${serving.url}/renew`, { refresh_token: a.refresh_token })).json()).toHaveProperty(
      "refresh_token",
    );
    const byToken = await renew({ headers: bearer(b.token) });
    expect(byToken.status).toBe(200);
    expect(await byToken.json()).not.toHaveProperty("refresh_token");
  });

  it("a renewal requires exactly one token", async () => {
    const { token, refresh_token } = await serving.login();
    const both = await post(`${serving.url}/renew`, { refresh_token }, bearer(token));
    expect(await statusAndError(both)).toEqual([400, "invalid_request"]);
    const empty = await post(`${serving.url}/renew`, {});
    expect([empty.status, await empty.json()]).toMatchObject([
      400,
      { error: "invalid_request", field: "refresh_token" },
    ]);
    expect(await statusAndError(await renew({}))).toEqual([401, "missing_token"]);
    const form = { body: new URLSearchParams({ access_token: token }) };
    expect(await statusAndError(await renew(form))).toEqual([400, "invalid_request"]);
    const emptyBearer = await post(`${serving.url}/renew`, { refresh_token }, { authorization: "Bearer" });
    expect(await statusAndError(emptyBearer)).toEqual([400, "invalid_request"]);
    expect((await post(`${serving.url}/renew`, { refresh_token })).status).toBe(200);
  });

  it("a renewal rejects a refresh token as bearer, an access token as refresh token, and a token without a session", async () => {
    const { token, refresh_token } = await serving.login();
    const asBearer = await renew({ headers: bearer(refresh_token) });
    expect(await statusAndError(asBearer)).toEqual([401, "invalid_token"]);
    const asRefresh = await post(`${serving.url}/renew`, { refresh_token: token });
    expect(await statusAndError(asRefresh)).toEqual([401, "invalid_token"]);
    expect(await statusAndError(await renew({ headers: bearer(foreignToken(serving.key)) }))).toEqual([
      403,
      "credential_not_accepted",
    ]);
  });
});

describe("sessions", () => {
  it("the current session comes from the token alone", async () => {
    const { token } = await serving.login();
    const known = await (await fetch(`${serving.url}/session`, { headers: bearer(token) })).json();
    expect(known).toMatchObject({ login: "alice", roles: ["editor"], scopes: ["articles:write"] });
    expect(known.session.authenticated).toBe(known.starts);
    const more = { ...claimsOf(token), amr: ["pwd", "otp"], acr: "2fa", nbf: undefined };
    const strong = await fetch(`${serving.url}/session`, { headers: bearer(foreignToken(serving.key, more)) });
    expect(await strong.json()).toMatchObject({ amr: ["pwd", "otp"], acr: "2fa", starts: null });
    const foreign = await fetch(`${serving.url}/session`, { headers: bearer(foreignToken(serving.key)) });
    expect(await statusAndError(foreign)).toEqual([403, "credential_not_accepted"]);
  });

  it("a user can end one session or all of them", async () => {
    const [a, b] = [await serving.login(), await serving.login()];
    const statusOf = async (token: string) =>
      (await fetch(`${serving.url}/session`, { headers: bearer(token) })).status;
    const { session } = await (await fetch(`${serving.url}/session`, { headers: bearer(b.token) })).json();
    const end = (path: string) => fetch(serving.url + path, { method: "DELETE", headers: bearer(a.token) });
    expect((await end(`/sessions/${session.id}`)).status).toBe(204);
    expect([await statusOf(a.token), await statusOf(b.token)]).toEqual([200, 401]);
    expect((await end(`/sessions/${session.id}`)).status).toBe(404);
    for (const id of ["nonsense", "%00", "a%2fb", "..%2f", "x".repeat(300)])
      expect((await end(`/sessions/${id}`)).status).toBe(404);
    const all = await end("/sessions");
    expect([all.status, await all.text(), all.headers.get("content-type")]).toEqual([204, "", null]);
    expect(await statusOf(a.token)).toBe(401);
  });
});

describe("password", () => {
  it("a user can change the password, and errors never contain what was sent", async () => {
    await serving.ampho.users.create({ login: "bob", password: alice.password });
    const { token } = await (await post(`${serving.url}/login`, { ...alice, login: "bob" })).json();
    const change = (body: object) => post(`${serving.url}/password`, body, bearer(token));
    expect(await statusAndError(await change({ password: "x", new_password: newLogin }))).toEqual([
      401,
      "invalid_credentials",
    ]);
    expect(await statusAndError(await change({ password: alice.password }))).toEqual([400, "invalid_request"]);
    expect(await (await change({ password: alice.password })).json()).toMatchObject({ field: "new_password" });
    const without = await (await change({ new_password: newLogin })).json();
    expect(without).toMatchObject({ error: "invalid_request", field: "password" });
    const rejected = await change({ password: alice.password, new_password: "canary-1" });
    const short = await rejected.json();
    expect([rejected.status, short]).toMatchObject([400, { error: "password_rejected", reason: "too_short" }]);
    expect(short.message).not.toContain("canary-1");
    expect((await change({ password: alice.password, new_password: newLogin })).status).toBe(200);
    expect((await post(`${serving.url}/login`, { login: "bob", password: newLogin })).status).toBe(200);
  });

  it("the password route returns 404 when the application keeps its own users", async () => {
    const own = await serve({ users: { find: () => undefined, verify: () => false } });
    const response = await post(
      `${own.url}/password`,
      { password: "x", new_password: "y" },
      bearer(foreignToken(own.key)),
    );
    expect(await statusAndError(response)).toEqual([404, "not_found"]);
    expect(await (await fetch(`${own.url}/openapi.json`)).text()).not.toContain("/password");
    await own.close();
  });
});

describe("the address of a session", () => {
  it("a session has the socket's address, or the one from a trusted proxy", async () => {
    const headers = { "x-forwarded-for": "192.0.2.1, 198.51.100.7", "user-agent": "test \u0080agent" };
    const behind = await serve({ trustProxy: 1 });
    for (const [server, address] of [
      [serving, "127.0.0.1"],
      [behind, "198.51.100.7"],
    ] as const) {
      const { token } = await (await post(`${server.url}/login`, alice, headers)).json();
      const { sessions } = await (await fetch(`${server.url}/sessions`, { headers: bearer(token) })).json();
      const { current: _, ...session } = sessions.find((one: { current: boolean }) => one.current);
      expect(session).toMatchObject({ address, agent: "test agent" });
    }
    await behind.close();
  });
});

describe("every response", () => {
  it("a response to HEAD has the headers of GET and no body", async () => {
    for (const path of ["/openapi.json", "/.well-known/jwks.json", "/session", "/nothing"]) {
      const [get, head] = [await fetch(serving.url + path), await fetch(serving.url + path, { method: "HEAD" })];
      expect(head.status).toBe(get.status);
      for (const name of ["content-length", "content-type", "cache-control", "www-authenticate"]) {
        expect(head.headers.get(name), `${name} of ${path}`).toBe(get.headers.get(name));
      }
      expect(await head.text()).toBe("");
    }
  });

  it("every response except the key set forbids caching", async () => {
    const cacheOf = async (path: string) => (await fetch(serving.url + path)).headers.get("cache-control");
    expect(await cacheOf("/.well-known/jwks.json")).toBe("public, max-age=300");
    expect(await cacheOf("/openapi.json")).toBe("no-store");
  });

  it("the Fetch handler returns the same responses", async () => {
    const call = (path: string, init: RequestInit = {}) =>
      serving.ampho.fetch(new Request(`https://api.example/api/security${path}`, init));
    const json = { "content-type": "application/json" };
    const login = await call("/login", { method: "POST", headers: json, body: JSON.stringify(alice) });
    expect(login.status).toBe(200);
    const { token } = await login.json();
    expect((await call("/session", { headers: bearer(token) })).status).toBe(200);
    const two = await call("/session", {
      headers: [
        ["authorization", `Bearer ${token}`],
        ["authorization", "Bearer x"],
      ],
    });
    expect(await statusAndError(two)).toEqual([400, "invalid_request"]);
    const large = await call("/login", { method: "POST", headers: json, body: "x".repeat(16_385) });
    expect(await statusAndError(large)).toEqual([413, "payload_too_large"]);
    expect((await call("/sessions", { method: "DELETE", headers: bearer(token) })).status).toBe(204);
    expect((await serving.ampho.fetch(new Request("https://api.example/elsewhere"))).status).toBe(404);
  });

  it("the Fetch handler returns an error when the body breaks or was read before", async () => {
    const login = (body: BodyInit) => {
      const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
      return new Request("https://api.example/api/security/login", init);
    };
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    expect(await statusAndError(await serving.ampho.fetch(login(broken)))).toEqual([400, "invalid_request"]);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4_096)) });
    expect(await statusAndError(await serving.ampho.fetch(login(endless)))).toEqual([413, "payload_too_large"]);
    const read = login("{}");
    await read.text();
    expect(await statusAndError(await serving.ampho.fetch(read))).toEqual([500, "internal_error"]);
  });
});

describe("the reserved paths", () => {
  it.each(reservedPaths)("the path %s and everything under it return 404", async (path) => {
    for (const url of [path, `${path}/x`])
      for (const method of ["GET", "POST", "OPTIONS"])
        expect(await statusAndError(await fetch(serving.url + url, { method }))).toEqual([404, "not_found"]);
  });

  it("no route lies on a reserved path", () => {
    const firstOf = (path: string) => `/${path.split("/")[1]}`;
    expect(routes.filter(({ path }) => reservedPaths.some((reserved) => reserved === firstOf(path)))).toEqual([]);
  });
});

describe("an unavailable database", () => {
  it("the response is 503 unavailable with Retry-After where the endpoint needs the database", async () => {
    const closing = await serve();
    const { refresh_token } = await closing.login();
    await closing.ampho.close();
    for (const [path, body] of [
      ["/login", alice],
      ["/renew", { refresh_token }],
    ] as const) {
      const response = await post(closing.url + path, body);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await statusAndError(response)).toEqual([503, "unavailable"]);
    }
    await closing.server.close();
  });
});
