// `ampho/client/connections` against a real server, with tokens in the record and with tokens in cookies.
import { expect, it } from "vitest";
import { createConnections } from "../../dist/client/connections.js";
import { createClient } from "../../dist/client/full.js";
import { newVerifier, queryOf, redirect, settings } from "../connect/connections.js";
import { settableClock } from "../world/clock.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage } from "./storage.js";
import { ann, openWorld } from "./world.js";

it.each([false, true])("a user reads, rejects, allows, lists and ends, with tokens in cookies: %s", async (cookies) => {
  const clock = settableClock();
  const scopes = { "*": ["articles:read", "articles:write"] };
  const world = await openWorld({ ...settings, scopes, clock, cookies });
  if (cookies) openCookieJar(world.url);
  const client: ReturnType<typeof createClient> = createClient({
    baseUrl: world.url,
    storage: createTestStorage(),
    cookies,
    onStepUp: () => client.login(ann.login, ann.password),
  });
  await client.login(ann.login, ann.password);
  const userScopes = ["articles:read", "articles:write"];
  const service = { name: "reader", scopes: [], client: { redirects: [redirect], userScopes, public: true } };
  const { id } = await world.ampho.services.add(service);
  const { connections } = createConnections(client);
  const verifier = newVerifier();
  const query = queryOf(id, verifier);
  // The client proves the login once more, and goes on.
  clock.advance(400);
  const asked = await connections.ask(query);
  expect(asked).toMatchObject({ client: { id, name: "reader", returns: "reader.example" }, scopes: [{}, {}] });
  clock.advance(2);
  const rejected = new URL(await connections.reject(query, asked.transaction));
  expect(rejected.searchParams.get("error")).toBe("access_denied");
  const allowed = new URL(await connections.allow(query, asked.transaction, ["articles:read"]));
  const code = allowed.searchParams.get("code") ?? "";
  await expect(connections.allow(query, asked.transaction)).rejects.toMatchObject({ code: "transaction_over" });
  const form = { grant_type: "authorization_code", client_id: id, code, redirect_uri: redirect };
  const body = new URLSearchParams({ ...form, code_verifier: verifier });
  expect((await fetch(`${world.url}/api/security/token`, { method: "POST", body })).status).toBe(200);
  const [one, ...others] = await connections.list();
  expect([one, others]).toMatchObject([{ client: id, name: "reader", scopes: ["articles:read"] }, []]);
  await connections.end(one?.id ?? "");
  expect(await connections.list()).toEqual([]);
  await expect(connections.end(one?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  await expect(connections.end("../sessions")).rejects.toMatchObject({ code: "not_found" });
  await expect(connections.ask("client_id=svc_none")).rejects.toMatchObject({ code: "not_found" });
  await expect(connections.ask(queryOf(id, verifier, { scope: "none" }))).rejects.toMatchObject({
    code: "invalid_scope",
    details: { location: expect.stringContaining(`${redirect}?error=invalid_scope`) },
  });
});
