// `ampho/client/api-keys` against a real server, with tokens in the record and with tokens in cookies.
import { describe, expect, it } from "vitest";
import { createApiKeys } from "../../dist/client/api-keys.js";
import { createClient } from "../../dist/client/full.js";
import { settableClock } from "../world/clock.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage } from "./storage.js";
import { ann, ben, openWorld } from "./world.js";

const scopes = { editor: ["articles:read", "articles:write"] };
const options = { name: "Backup", scopes: ["articles:read"] };

describe.each([false, true])("API keys with tokens in cookies: %s", (cookies) => {
  async function openDevice() {
    const clock = settableClock();
    const world = await openWorld({ clock, cookies, scopes, apiKeys: 3 });
    if (cookies) openCookieJar(world.url);
    const open = (more = {}) => createClient({ baseUrl: world.url, storage: createTestStorage(), cookies, ...more });
    const use = async (key: string) => (await world.ampho.verify(key, ["api_key"])).scopes;
    return { world, clock, open, use };
  }

  it("a user creates, lists, replaces and removes an API key", async () => {
    const { clock, open, use } = await openDevice();
    const client = open();
    await client.login(ann.login, ann.password);
    const { apiKeys } = createApiKeys(client);
    expect(await apiKeys.list()).toEqual([]);
    const first = await apiKeys.create({ ...options, expires: clock.now() + 3600 });
    expect(first).toMatchObject({ ...options, expires: clock.now() + 3600 });
    expect(await use(first.key)).toEqual(["articles:read"]);
    const [listed] = await apiKeys.list();
    expect(listed).toMatchObject({ id: first.id, name: "Backup", last_used: null });
    expect(
      first.key
        .split("_")
        .pop()
        ?.startsWith(listed?.start ?? "x"),
    ).toBe(true);
    expect(JSON.stringify(listed)).not.toContain(first.key.slice(14));
    const second = await apiKeys.rotate(first.id, 60);
    expect([await use(first.key), await use(second.key)]).toEqual([["articles:read"], ["articles:read"]]);
    const third = await apiKeys.rotate(second.id);
    await expect(use(second.key)).rejects.toMatchObject({ code: "invalid_token" });
    await apiKeys.remove(third.id);
    await expect(use(third.key)).rejects.toMatchObject({ code: "invalid_token" });
    await expect(apiKeys.remove(third.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(apiKeys.remove("../sessions")).rejects.toMatchObject({ code: "not_found" });
    expect(await client.session()).toMatchObject({ login: "ann" });
  });

  it("a user without a recent login proves it, and then goes on", async () => {
    const { clock, open, use } = await openDevice();
    const client = open({ onStepUp: () => client.login(ann.login, ann.password) });
    await client.login(ann.login, ann.password);
    clock.advance(400);
    expect(await use((await createApiKeys(client).apiKeys.create(options)).key)).toEqual(["articles:read"]);
  });

  it("the server rejects a key that the user cannot have, and every call without a session", async () => {
    const { open } = await openDevice();
    const client = open();
    const { apiKeys } = createApiKeys(client, { prefix: "/api/security/" });
    await expect(apiKeys.list()).rejects.toMatchObject({ code: expect.stringMatching(/^(missing|invalid)_token$/) });
    await client.login(ben.login, ben.password);
    await expect(apiKeys.create(options)).rejects.toMatchObject({ code: "invalid_request" });
    await client.logout();
    await client.login(ann.login, ann.password);
    for (const wrong of [{ scopes: [] }, { scopes: ["*"] }, { expires: 1 }])
      await expect(apiKeys.create({ ...options, ...wrong })).rejects.toMatchObject({ code: "invalid_request" });
    for (let n = 0; n < 3; n++) await apiKeys.create(options);
    await expect(apiKeys.create(options)).rejects.toMatchObject({ code: "invalid_request" });
    expect(await apiKeys.list()).toHaveLength(3);
  });
});
