import { afterEach, describe, expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { type Ampho, type AmphoOptions, createAmpho } from "../../dist/index.js";
import { listening } from "../world/listen.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, startServe } from "../world/serve.js";

const forged = "9.9.9.9, 198.51.100.7, 192.0.2.1";
/** Headers as they arrive, and the address that counts with no, one and two proxies. */
const cases: readonly (readonly [headers: Readonly<Record<string, string>>, believed: readonly string[]])[] = [
  [{}, ["127.0.0.1", "127.0.0.1", "127.0.0.1"]],
  [{ "x-forwarded-for": forged }, ["127.0.0.1", "192.0.2.1", "198.51.100.7"]],
  [{ "x-forwarded-for": "192.0.2.1" }, ["127.0.0.1", "192.0.2.1", "127.0.0.1"]],
  [{ "x-forwarded-for": "9.9.9.9, unknown" }, ["127.0.0.1", "127.0.0.1", "9.9.9.9"]],
  [{ "x-forwarded-for": "::ffff:192.0.2.1" }, ["127.0.0.1", "192.0.2.1", "127.0.0.1"]],
  [{ forwarded: 'for=198.51.100.7, for="[2001:db8::1]:4711"' }, ["127.0.0.1", "2001:db8::1", "198.51.100.7"]],
  [{ forwarded: "for=9.9.9.9", "x-forwarded-for": "192.0.2.1" }, ["127.0.0.1", "127.0.0.1", "127.0.0.1"]],
  [{ "x-real-ip": "9.9.9.9", "client-ip": "9.9.9.9" }, ["127.0.0.1", "127.0.0.1", "127.0.0.1"]],
];

interface Seen {
  readonly address: string | null;
}

describe.each([0, 1, 2])("ampho serve behind %i proxies", (hops) => {
  it("ampho serve lists sessions and audits rejections by the trusted address", async () => {
    const place = freshPlace({ AMPHO_TRUST_PROXY: String(hops) });
    await addUser(place);
    const served = await startServe(place);
    for (const [at, [headers]] of cases.entries()) {
      expect((await post(`${served.url}/login`, alice, headers)).status).toBe(200);
      expect((await post(`${served.url}/login`, { ...alice, login: `nobody-${at}` }, headers)).status).toBe(401);
    }
    const expected = cases.map(([, believed]) => believed[hops]);
    const { token } = await logIn(served);
    const listed = await fetch(`${served.url}/sessions`, { headers: bearer(token) });
    const all: readonly (Seen & { readonly current: boolean })[] = (await listed.json()).sessions;
    const sessions = all.filter(({ current }) => !current);
    expect(sessions.map(({ address }) => address).sort()).toEqual([...expected].sort());
    const audit: readonly { readonly event: string; readonly origin: Seen }[] = JSON.parse(
      (await command(place, ["audit-list", "--json"])).stdout,
    );
    for (const event of ["login", "login_rejected"]) {
      const addresses = audit.filter((row) => row.event === event).map(({ origin }) => origin.address);
      const own = event === "login" ? ["127.0.0.1"] : [];
      expect([event, [...addresses].sort()]).toEqual([event, [...expected, ...own].sort()]);
    }
    await served.stop();
  });
});

const opened: Ampho[] = [];
afterEach(async () => {
  for (const ampho of opened.splice(0)) await ampho.close();
});
async function open(options: AmphoOptions): Promise<Ampho> {
  const key = { kty: "oct", k: "6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw" };
  const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", key, log: () => {}, ...options });
  opened.push(ampho);
  await ampho.users.create(alice);
  return ampho;
}

async function addressesOf(ampho: Ampho): Promise<readonly (string | null)[]> {
  const user = await ampho.users.find(alice.login);
  return (await ampho.sessions.list(user?.id ?? "")).map(({ address }) => address);
}

describe("ampho/node and proxies", () => {
  it.each([0, 1, 2])("ampho/node passes on the socket's address and the headers, behind %i proxies", async (hops) => {
    const ampho = await open({ trustProxy: hops });
    const url = `${(await listening(mount(ampho))).url}/api/security`;
    for (const [headers] of cases) await post(`${url}/login`, alice, headers);
    expect([...(await addressesOf(ampho))].sort()).toEqual(cases.map(([, believed]) => believed[hops]).sort());
    await logIn({ url });
  });
});

describe("ampho.fetch and proxies", () => {
  const login = (who = alice, headers: Record<string, string> = {}) =>
    new Request("http://localhost/api/security/login", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(who),
    });

  it.each([
    [0, "198.51.100.7", undefined, "198.51.100.7"],
    [0, "198.51.100.7", "192.0.2.1", "198.51.100.7"],
    [1, "198.51.100.7", "192.0.2.1", "192.0.2.1"],
    [0, "::ffff:198.51.100.7", undefined, "198.51.100.7"],
    [0, "no address", undefined, null],
    [0, undefined, "192.0.2.1", null],
    [1, undefined, "192.0.2.1", "192.0.2.1"],
  ])(
    "ampho.fetch behind %i proxies with the address %j and the header %j uses %j",
    async (hops, address, forwardedFor, expected) => {
      const ampho = await open({ trustProxy: hops });
      const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
      expect((await ampho.fetch(login(alice, headers), { address })).status).toBe(200);
      expect(await addressesOf(ampho)).toEqual([expected]);
    },
  );

  it("requests through ampho.fetch without an address share no throttle with each other", async () => {
    const ampho = await open({});
    for (let count = 0; count < 40; count++) {
      expect((await ampho.fetch(login({ login: `stranger-${count}`, password: "x" }))).status).toBe(401);
    }
    expect((await ampho.fetch(login())).status).toBe(200);
    // A known address counts.
    const from = { address: "198.51.100.7" };
    const statuses = new Set<number>();
    for (let count = 0; count < 40; count++) {
      statuses.add((await ampho.fetch(login({ login: `stranger-${count}`, password: "x" }), from)).status);
    }
    expect(statuses).toEqual(new Set([401, 429]));
  });
});
