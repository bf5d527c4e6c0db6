// Attempts against two real servers on one database. Each 401 is a hash that was computed, and a 429 costs no hash.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pause } from "../world/wait.js";
import { type LoginResponse, right, type Servers, startServers, strangers, wrong } from "./servers.js";

/** The first wait after the free attempts: a fifteenth of the window. */
const waitSeconds = 600;

let servers: Servers;
beforeAll(async () => {
  // Each wait is so long that no test on a busy machine outlives it.
  servers = await startServers(2, { AMPHO_SECURITY_THROTTLE_WINDOW: `${15 * waitSeconds}s` });
  const ampho = await servers.open();
  for (const login of ["alice", "bob", "carol", "dave", "erin", "frank"])
    await ampho.users.create({ login, password: right });
  await ampho.close();
});
afterAll(() => servers.close());

const countOf = (responses: readonly LoginResponse[], status: number) =>
  responses.filter((response) => response.status === status).length;

/** On a busy machine a request that waited too long in a queue is sent back: with 503, or with 429 for a second. */
async function comingAgain(ask: () => Promise<LoginResponse>): Promise<LoginResponse> {
  for (;;) {
    const response = await ask();
    const { status, retryAfter = 0 } = response;
    if (status !== 503 && (status !== 429 || retryAfter !== 1)) return response;
    await pause(1_000 * retryAfter);
  }
}

describe("fifty attempts at once at two processes", () => {
  it("fifty attempts at one login get five hashes in all, and the right password at position 40 does not slip through", async () => {
    const addresses = strangers(50);
    const responses = await Promise.all(
      addresses.map((address, n) =>
        comingAgain(() => servers.logIn(n % 2, { login: "alice", password: n === 40 ? right : wrong, address })),
      ),
    );
    expect(countOf(responses, 401)).toBe(5);
    expect(countOf(responses, 429)).toBe(45);
    expect(responses[40]).toMatchObject({ status: 429 });
    // A client that waits as long as the response states is accepted.
    for (const { status, retryAfter = 0 } of responses)
      if (status === 429) expect(retryAfter > 0 && retryAfter <= waitSeconds).toBe(true);
  });

  it("fifty attempts from one address at one login get five hashes as well", async () => {
    const [address = ""] = strangers(1);
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        comingAgain(() => servers.logIn(n % 2, { login: "bob", password: wrong, address })),
      ),
    );
    expect([countOf(responses, 401), countOf(responses, 429)]).toEqual([5, 45]);
  });

  it("fifty attempts at different logins from one address get twenty hashes", async () => {
    const [address = ""] = strangers(1);
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        comingAgain(() => servers.logIn(n % 2, { login: `nobody-${n}`, password: wrong, address })),
      ),
    );
    expect([countOf(responses, 401), countOf(responses, 429)]).toEqual([20, 30]);
  });

  it("fifty logins with the right password are all accepted", async () => {
    const [address = ""] = strangers(1);
    const responses = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        comingAgain(() => servers.logIn(n % 2, { login: "carol", password: right, address })),
      ),
    );
    expect(countOf(responses, 200)).toBe(30);
  });
});

describe("an owner whose account is attacked", () => {
  it("the owner can sign in on a known device while 200 other addresses attack the account", async () => {
    const [home = ""] = strangers(1);
    let { device } = await servers.logIn(0, { login: "dave", password: right, address: home });
    let running = true;
    const attackers = strangers(200).map(async (address, n) => {
      const statuses: number[] = [];
      do {
        const { status } = await servers.logIn(n % 2, { login: "dave", password: wrong, address, device: "forged" });
        statuses.push(status);
        await pause(200);
      } while (running);
      return statuses;
    });
    const owner: number[] = [];
    for (let n = 0; n < 20; n++) {
      // From any network: the proof counts, not the address.
      const [address = ""] = strangers(1);
      const proof = device;
      const logIn = () => servers.logIn(n % 2, { login: "dave", password: right, address, device: proof });
      const response = await comingAgain(logIn);
      owner.push(response.status);
      device = response.device ?? device;
    }
    running = false;
    const attack = (await Promise.all(attackers)).flat();
    expect(owner).toEqual(Array.from({ length: 20 }, () => 200));
    expect(attack.filter((status) => status === 401)).toHaveLength(5);
    expect(attack.filter((status) => status === 200)).toEqual([]);
  });

  it("the device proofs of other users give an attacker no more attempts", async () => {
    const [home = ""] = strangers(1);
    const mine: (string | undefined)[] = [];
    for (let n = 0; n < 10; n++)
      mine.push((await servers.logIn(n % 2, { login: "erin", password: right, address: home })).device);
    expect(new Set(mine).size).toBe(10);
    const responses = await Promise.all(
      mine.flatMap((device, n) =>
        strangers(5).map((address) =>
          comingAgain(() => servers.logIn(n % 2, { login: "frank", password: wrong, address, device })),
        ),
      ),
    );
    expect([countOf(responses, 401), countOf(responses, 429)]).toEqual([5, 45]);
  });
});

describe("an unknown login", () => {
  it("an unknown login is throttled like a known one, with the same status, header names and body", async () => {
    const shapes = [];
    for (const login of ["bob", "nobody-at-all"]) {
      const [address = ""] = strangers(1);
      for (let n = 0; n < 6; n++) await servers.logIn(n % 2, { login, password: wrong, address });
      const { status, headerNames, text } = await servers.logIn(0, { login, password: right, address });
      shapes.push({ status, headerNames, text });
    }
    expect(shapes[0]).toEqual(shapes[1]);
    expect(shapes[0]).toMatchObject({ status: 429 });
  });
});
