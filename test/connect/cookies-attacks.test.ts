// Attacks on connections with tokens in cookies, by pages of other sites and by transactions of other flows.
import { expect, it } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { addClient, newVerifier, queryOf, settings } from "./connections.js";

const own = { Origin: "https://localhost", "Sec-Fetch-Site": "same-origin" };

async function open() {
  const world = await openWorld({ ...settings, cookies: true });
  const client = await addClient(world, "reader");
  await world.ampho.users.create({ login: "alice", password, roles: ["editor"] });
  const login = await world.call("POST", "/login", { body: { login: "alice", password }, headers: own });
  const cookie = login.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  return { world, client, cookie };
}

const connections = async (world: World, cookie: string) =>
  (await world.call("GET", "/connections", { headers: { ...own, cookie } })).json["connections"] as { id: string }[];

it("M-75: pages of other sites neither give consent nor end a connection", async () => {
  const { world, client, cookie } = await open();
  const verifier = newVerifier();
  const query = queryOf(client, verifier);
  const shown = await world.call("GET", `/connect?${query}`, { headers: { ...own, cookie } });
  expect(shown.status).toBe(200);
  expect(shown.headers.getSetCookie()).toEqual([]);
  world.clock.advance(2);
  const body = { query, transaction: shown.json["transaction"], allow: true };
  const form = new URLSearchParams({ query, transaction: String(body.transaction), allow: "true" }).toString();
  const foreign: Record<string, string>[] = [
    { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
    { Origin: "https://evil.localhost", "Sec-Fetch-Site": "same-site" },
    { Origin: "null", "Sec-Fetch-Site": "cross-site" },
    { Origin: "null" },
    {},
    { "Sec-Fetch-Site": "none" },
    { Origin: "https://app.example", "Sec-Fetch-Site": "cross-site" },
  ];
  for (const headers of foreign) {
    const all = { ...headers, cookie };
    expect((await world.call("POST", "/connect", { headers: all, body })).status, JSON.stringify(headers)).toBe(403);
    expect((await world.call("POST", "/connect", { headers: all, form })).status).toBe(403);
    const plain = { ...all, "Content-Type": "text/plain" };
    expect((await world.call("POST", "/connect", { headers: plain, body })).status).toBeGreaterThanOrEqual(400);
  }
  for (const method of ["GET"])
    expect(
      (
        await world.call(method, `/connect?${query}&allow=true&transaction=${String(body.transaction)}`, {
          headers: { cookie },
        })
      ).status,
    ).toBeLessThan(500);
  const said = await world.call("POST", "/connect", { headers: { ...own, cookie }, body });
  expect(said.status, said.text).toBe(200);
  const code = new URL(String(said.json["location"])).searchParams.get("code") ?? "";
  const redeemed = await world.call("POST", "/token", {
    form: {
      grant_type: "authorization_code",
      client_id: client,
      code,
      code_verifier: verifier,
      redirect_uri: "https://reader.example/callback",
    },
  });
  expect(redeemed.status, redeemed.text).toBe(200);
  expect(redeemed.headers.getSetCookie()).toEqual([]);
  const [one] = await connections(world, cookie);
  for (const headers of foreign)
    expect((await world.call("DELETE", `/connections/${one?.id}`, { headers: { ...headers, cookie } })).status).toBe(
      403,
    );
  expect(await connections(world, cookie)).toHaveLength(1);
  expect((await world.call("DELETE", `/connections/${one?.id}`, { headers: { ...own, cookie } })).status).toBe(204);
});

it("M-75: the transaction of a login that was begun is good for no page of an application, and stays", async () => {
  const { world, client, cookie } = await open();
  const query = queryOf(client, newVerifier());
  const begun = await world.call("GET", "/login");
  const login = String(begun.json["transaction"]);
  world.clock.advance(2);
  for (const transaction of ["", login]) {
    const headers = { ...own, cookie: `${cookie}; __Host-ampho-transaction=${login}` };
    const said = await world.call("POST", "/connect", { headers, body: { query, transaction, allow: true } });
    expect([said.status, said.json["error"]]).toEqual([401, "transaction_over"]);
  }
  const shown = await world.call("GET", `/connect?${query}`, { headers: { ...own, cookie } });
  // That of a connection begins no login.
  const transaction = String(shown.json["transaction"]);
  world.clock.advance(2);
  for (const path of ["/login", "/totp/confirm", "/password/reset/finish", "/identities/finish", "/passkeys"]) {
    const body = { transaction, totp: "000000", code: "12345678", new_password: "heron walnut tulip 1" };
    const response = await world.call("POST", path, { headers: { ...own, cookie }, body });
    expect(response.status, `${path} ${response.text}`).toBeGreaterThanOrEqual(400);
  }
});

it("/token and /revoke read no cookie", async () => {
  const { world, client, cookie } = await open();
  for (const form of [
    { grant_type: "refresh_token", client_id: client },
    { grant_type: "client_credentials", client_id: client },
  ]) {
    const response = await world.call("POST", "/token", { headers: { ...own, cookie }, form });
    expect(response.status).toBeGreaterThanOrEqual(400);
  }
  await world.call("POST", "/revoke", { headers: { ...own, cookie }, form: { token: "" } });
  expect((await world.call("GET", "/connections", { headers: { ...own, cookie } })).status).toBe(200);
});
