// Attempts that arrive while the account changes, at two real servers on one database of either kind.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { within } from "../world/deadline.js";
import { startPostgres } from "../world/postgres.js";
import { type LoginResponse, right, type Servers, startServers, strangers, wrong } from "./servers.js";

const stores = {
  async sqlite() {
    return { url: undefined, stop: async () => {} };
  },
  async postgres() {
    const server = await startPostgres();
    const database = await server.database();
    await database.empty();
    return { url: database.ownerUrl, stop: server.stop };
  },
};
const logins = ["alice", "bob", "carol", "dave"] as const;
const tries = 5;
/** The first wait is four minutes, so that it is not over here even on a slow machine. */
const patient = { AMPHO_SECURITY_THROTTLE_WINDOW: "3600" };

/** A busy machine sheds some requests, which returns their attempts. They come again, as clients do. */
async function served<A extends { readonly status: number }>(ask: () => Promise<A>): Promise<A> {
  for (;;) {
    const response = await ask();
    if (response.status !== 503) return response;
  }
}

describe.each(Object.entries(stores))("fifty attempts at once on %s", (_, openStore) => {
  let servers: Servers;
  let store: Awaited<ReturnType<typeof openStore>>;
  let operator: Awaited<ReturnType<Servers["open"]>>;
  beforeAll(async () => {
    store = await openStore();
    servers = await startServers(2, { ...patient, ...(store.url !== undefined && { AMPHO_DATABASE_URL: store.url }) });
    operator = await servers.open();
    for (const login of logins) await operator.users.create({ login, password: right });
  });
  afterAll(async () => {
    await operator.close();
    await servers.close();
    await store.stop();
  });

  const attempt = (login: string, password = wrong) =>
    Promise.all(strangers(50).map((address, n) => served(() => servers.logIn(n % 2, { login, password, address }))));

  /** The owner on a known device. `come` reports the results there. */
  async function ownerOf(login: string) {
    const [address = ""] = strangers(1);
    let { device } = await servers.logIn(0, { login, password: right, address });
    return async (): Promise<number> => {
      const response = await served(() => servers.logIn(1, { login, password: right, address, device }));
      device = response.device ?? device;
      return response.status;
    };
  }

  const sendAt = async (server: number, path: string, token: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return served(() => fetch(servers.urls[server] + path, { headers, ...sent }));
  };
  const statusAt = async (...sent: Parameters<typeof sendAt>) => (await sendAt(...sent)).status;

  it("fifty attempts while the owner changes the password get five hashes, and none with the old one keeps a session", async () => {
    const [address = ""] = strangers(1);
    const mine = JSON.parse((await servers.logIn(0, { login: "alice", password: right, address })).text);
    // An attacker who has the old password, ten times at once, among the attempts.
    const known = strangers(10).map((from, n) =>
      servers.logIn(n % 2, { login: "alice", password: right, address: from }),
    );
    const change = sendAt(0, "/password", mine.token, { password: right, new_password: "quite another morning 7" });
    const responses = await attempt("alice");
    const changed = await change;
    expect(changed.status).toBe(200);
    const entered = (await Promise.all(known)).filter(({ status }) => status === 200);
    const failed = [...responses, ...(await Promise.all(known))].filter(({ status }) => status === 401);
    expect(failed.length).toBeLessThanOrEqual(tries);
    expect(statusesOf(responses).filter((status) => status !== 401 && status !== 429)).toEqual([]);
    for (const { text } of entered)
      await within(1000, async () => (await statusAt(1, "/session", JSON.parse(text).token)) === 401);
    expect(await statusAt(1, "/session", JSON.parse(await changed.text()).token)).toBe(200);
  });

  it("fifty attempts at a user who is disabled and enabled get five hashes, and the owner signs in once enabled", async () => {
    const come = await ownerOf("bob");
    let over = false;
    const toggling = (async () => {
      while (!over) {
        await operator.users.disable("bob");
        await operator.users.enable("bob");
      }
    })();
    const responses = await attempt("bob");
    over = true;
    await toggling;
    expect(countOf(responses)).toEqual({ 401: tries, 429: 50 - tries });
    expect(await come()).toBe(200);
  });

  it("fifty attempts while they are cleared three times get five hashes each time, and the owner is never rejected", async () => {
    const come = await ownerOf("carol");
    const clears = 3;
    let over = false;
    const owner: number[] = [];
    const coming = (async () => {
      while (!over) owner.push(await come());
    })();
    const waves: LoginResponse[] = [];
    for (let wave = 0; wave <= clears; wave++) {
      const attempts = attempt("carol");
      if (wave < clears) await operator.throttle.clear({ login: "carol" });
      waves.push(...(await attempts));
    }
    over = true;
    await coming;
    expect(waves.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(tries * (clears + 1));
    expect(statusesOf(waves).filter((status) => status !== 401 && status !== 429)).toEqual([]);
    expect(new Set(owner)).toEqual(new Set([200]));
  });

  it("fifty attempts at a login that an import is about to publish get five hashes, before and after together", async () => {
    const { pairs }: { pairs: readonly { passwordUtf8Hex: string; hash: string }[] } = JSON.parse(
      readFileSync(new URL("../vectors/password-hashes/known-pairs.json", import.meta.url), "utf8"),
    );
    const [pair] = pairs.filter(({ hash }) => hash.startsWith("$2b$"));
    const password = Buffer.from(pair?.passwordUtf8Hex ?? "", "hex").toString();
    const lines = Array.from({ length: 3000 }, (_, n) => `{"login":"new-${n}"}\n`);
    const importing = operator.users.import([...lines, JSON.stringify({ login: "ivy", password_hash: pair?.hash })]);
    const waves = [await attempt("ivy")];
    await importing;
    waves.push(await attempt("ivy"), await attempt("ivy", password));
    expect(countOf(waves.flat())).toEqual({ 401: tries, 429: 150 - tries });
  });

  it("attempts at each endpoint at once get no more hashes than each allows, and none counts at another endpoint", async () => {
    const come = await ownerOf("dave");
    const [address = ""] = strangers(1);
    // An attacker with a stolen session also tries passwords there.
    const stolen = JSON.parse((await servers.logIn(0, { login: "dave", password: right, address })).text).token;
    const body = { password: wrong, new_password: "quite another morning 7" };
    const [responses, changes, owner] = await Promise.all([
      attempt("dave"),
      Promise.all(Array.from({ length: 50 }, (_, n) => statusAt(n % 2, "/password", stolen, body))),
      Promise.all(Array.from({ length: 10 }, come)),
    ]);
    expect(countOf(responses)).toEqual({ 401: tries, 429: 50 - tries });
    expect(changes.filter((status) => status === 401)).toHaveLength(10);
    expect(changes.filter((status) => status === 429)).toHaveLength(40);
    expect(new Set(owner)).toEqual(new Set([200]));
  });
});

const statusesOf = (responses: readonly LoginResponse[]) => responses.map(({ status }) => status);

function countOf(responses: readonly LoginResponse[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const status of statusesOf(responses)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
