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
    const use = async (key: string) => (await world.ampho.verify(key, ["key"])).scopes;
    return { world, clock, open, use };
  }

  it("a user creates, lists, replaces and removes an API key", async () => {
    const { clock, open, use } = await openDevice();
    const client = open();
    await client.login(ann.login, ann.password);
    const { keys } = createApiKeys(client);
    expect(await keys.list()).toEqual([]);
    const first = await keys.create({ ...options, expires: clock.now() + 3600 });
    expect(first).toMatchObject({ ...options, expires: clock.now() + 3600 });
    expect(await use(first.key)).toEqual(["articles:read"]);
    const [listed] = await keys.list();
    expect(listed).toMatchObject({ id: first.id, name: "Backup", last_used: null });
    expect(
      first.key
        .split("_")
        .pop()
        ?.startsWith(listed?.start ?? "x"),
    ).toBe(true);
    expect(JSON.stringify(listed)).not.toContain(first.key.slice(14));
    const second = await keys.rotate(first.id, 60);
    expect([await use(first.key), await use(second.key)]).toEqual([["articles:read"], ["articles:read"]]);
    const third = await keys.rotate(second.id);
    await expect(use(second.key)).rejects.toMatchObject({ code: "invalid_token" });
    await keys.remove(third.id);
    await expect(use(third.key)).rejects.toMatchObject({ code: "invalid_token" });
    await expect(keys.remove(third.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(keys.remove("../sessions")).rejects.toMatchObject({ code: "not_found" });
    expect(await client.session()).toMatchObject({ login: "ann" });
  });

  it("a user without a recent login proves it, and then goes on", async () => {
    const { clock, open, use } = await openDevice();
    const client = open({ onStepUp: () => client.login(ann.login, ann.password) });
    await client.login(ann.login, ann.password);
    clock.advance(400);
    expect(await use((await createApiKeys(client).keys.create(options)).key)).toEqual(["articles:read"]);
  });

  it("the server rejects a key that the user cannot have, and every call without a session", async () => {
    const { open } = await openDevice();
    const client = open();
    const { keys } = createApiKeys(client, { prefix: "/api/security/" });
    await expect(keys.list()).rejects.toMatchObject({ code: expect.stringMatching(/^(missing|invalid)_token$/) });
    await client.login(ben.login, ben.password);
    await expect(keys.create(options)).rejects.toMatchObject({ code: "invalid_request" });
    await client.logout();
    await client.login(ann.login, ann.password);
    for (const wrong of [{ scopes: [] }, { scopes: ["*"] }, { expires: 1 }])
      await expect(keys.create({ ...options, ...wrong })).rejects.toMatchObject({ code: "invalid_request" });
    for (let n = 0; n < 3; n++) await keys.create(options);
    await expect(keys.create(options)).rejects.toMatchObject({ code: "invalid_request" });
    expect(await keys.list()).toHaveLength(3);
  });
});
