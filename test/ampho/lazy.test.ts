// `lazyAmpho` (docs/guides/frameworks.md): a build that loads the module of the instance opens nothing and needs no key.
import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { type AmphoOptions, ConfigurationError, type LazyAmpho, lazyAmpho } from "../../dist/index.js";
import { freshFolder } from "../world/folder.js";
import { newKey } from "../world/tokens.js";

afterEach(() => vi.unstubAllEnvs());

function lazy(options: AmphoOptions): LazyAmpho {
  const ampho = lazyAmpho(options);
  onTestFinished(() => ampho.close());
  return ampho;
}

const fileOptions = () => ({ databaseUrl: `sqlite:${path.join(freshFolder(), "ampho.db")}`, key: newKey("key-1") });
const url = "https://shop.example/orders";

it("a lazy instance needs no key and opens nothing until it is used, also in production", async () => {
  vi.stubEnv("NODE_ENV", "production");
  const folder = freshFolder();
  const ampho = lazy({ databaseUrl: `sqlite:${folder}/ampho.db` });
  const guarded = ampho.authorize({ roles: ["editor"] }, () => new Response("done"));
  expect(() => Reflect.apply(ampho.authorize, undefined, [{ role: "x" }, () => undefined])).toThrow("no member");
  expect(existsSync(`${folder}/ampho.db`)).toBe(false);
  for (const use of [() => guarded(new Request(url)), () => ampho.authenticate(new Request(url)), () => ampho.open()])
    await expect(use()).rejects.toThrow(ConfigurationError);
  expect(existsSync(`${folder}/ampho.db`)).toBe(false);
});

it("a lazy instance serves what an open one does", async () => {
  const ampho = lazy({ ...fileOptions(), cookies: true });
  const { users, sessions } = await ampho.open();
  const { token, refresh_token: refresh } = await sessions.create((await users.create({ login: "ann" })).id);
  const request = () => new Request(url, { headers: { authorization: `Bearer ${token}` } });
  const guarded = ampho.authorize((_request: Request, auth) => new Response(auth.login));
  expect(await (await guarded(request())).text()).toBe("ann");
  expect((await guarded(new Request(url))).status).toBe(401);
  expect((await ampho.authenticate(request()))?.login).toBe("ann");
  await expect(ampho.authenticate(request(), { roles: ["admin"] })).rejects.toMatchObject({
    code: "insufficient_scope",
  });
  expect((await ampho.verify(token)).login).toBe("ann");
  const page = new Request(url, {
    headers: { cookie: `__Host-ampho-refresh=${refresh}`, "sec-fetch-dest": "document" },
  });
  expect((await ampho.renew(page)).auth?.login).toBe("ann");
  expect((await ampho.fetch(new Request("https://shop.example/api/security/session"))).status).toBe(401);
  expect((await ampho.health()).status).toBe(200);
});

it("verify of a lazy instance takes only the credentials that its caller lists", async () => {
  const scopes = { editor: ["articles:read"] };
  const ampho = lazy({ ...fileOptions(), scopes, apiKeys: 5 });
  const { users, sessions, apiKeys } = await ampho.open();
  const { id } = await users.create({ login: "ann", roles: ["editor"] });
  const { token } = await sessions.create(id);
  const { key } = await apiKeys.create(id, { name: "Backup", scopes: ["articles:read"] });
  const rejected = { code: "credential_not_accepted" };
  await expect(ampho.verify(token, ["api_key"])).rejects.toMatchObject(rejected);
  await expect(ampho.verify(key)).rejects.toMatchObject(rejected);
  expect((await ampho.verify(key, ["api_key"])).credential).toBe("api_key");
});

it("the same data share one instance, and functions or other data do not", async () => {
  const options = fileOptions();
  const [one, same] = [lazy(options), lazy(structuredClone(options))];
  expect(await one.open()).toBe(await same.open());
  const [first, second] = [lazy({ ...options, log: () => {} }), lazy({ ...options, log: () => {} })];
  expect(await first.open()).not.toBe(await second.open());
  expect(await lazy({ ...options, cookies: true }).open()).not.toBe(await one.open());
});

it("an instance that could not be opened is tried again, and one that was closed opens again", async () => {
  const ampho = lazy({ ...fileOptions(), appName: `lazy ${freshFolder()}` });
  vi.stubEnv("AMPHO_SECURITY_TOKEN_TTL", "soon");
  await expect(ampho.open()).rejects.toThrow("AMPHO_SECURITY_TOKEN_TTL");
  vi.unstubAllEnvs();
  const opened = await ampho.open();
  await ampho.close();
  expect(await ampho.open()).not.toBe(opened);
});
