// A service that gives its tokens back (RFC 7009), one after the other and within a second.
import { expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { openAmpho } from "../world/ampho.js";
import { listen } from "../world/listen.js";
import { claimsOf } from "../world/tokens.js";
import { askToken, basic, openService, readers, scopes, tokenOf } from "./services.js";

/** They are of real time, because the clock of a fleet goes on. */
async function open(tokenLeeway: number) {
  const { ampho } = await openAmpho({ scopes, tokenEndpoint: true, tokenLeeway });
  onTestFinished(() => ampho.close());
  const { url } = await listen(mount(ampho));
  const { id } = await ampho.services.add({ name: "nightly", scopes: ["articles:read"] });
  const { key } = await ampho.services.createApiKey("nightly");
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    fetch(`${url}/api/security${path}`, { method: "POST", headers: basic(id, key), body: new URLSearchParams(form) });
  return { ampho, post };
}

it.each([0, 60])(
  "each token that follows one that was given back is good at once, with a leeway of %i seconds",
  async (leeway) => {
    const { ampho, post } = await open(leeway);
    for (let cycle = 0; cycle < 4; cycle += 1) {
      const response = await post("/token", { grant_type: "client_credentials" });
      expect(response.status).toBe(200);
      const { access_token: token } = (await response.json()) as { readonly access_token: string };
      expect(claimsOf(token)["iat"]).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) + Math.min(leeway, 1));
      await expect(ampho.verify(token, readers.credentials)).resolves.toMatchObject({ scopes: ["articles:read"] });
      expect((await post("/revoke", { token })).status).toBe(200);
      await expect(ampho.verify(token, readers.credentials)).rejects.toThrow();
    }
  },
);

it("a token that cannot be issued yet leaves no entry in the audit log, and is issued a second later", async () => {
  // The clock of this world stands still.
  const service = await openService({ tokenLeeway: 0 });
  const { world } = service;
  const token = await tokenOf(service);
  await world.call("POST", "/revoke", { form: { token }, headers: basic(service.id, service.key) });
  const events = await world.events();
  const rejected = await askToken(service);
  expect([rejected.status, rejected.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await world.events()).toEqual(events);
  world.clock.advance(1);
  expect((await askToken(service)).status).toBe(200);
});
