// Attempting, against two real servers on one database. Each 401 is a hash that was computed; a 429 is none.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoginAnswer, right, type Servers, startServers, strangers, wrong } from "./servers.js";

let servers: Servers;
beforeAll(async () => {
  servers = await startServers(2);
  const ampho = await servers.open();
  for (const login of ["alice", "bob", "carol", "dave", "erin", "frank"])
    await ampho.users.create({ login, password: right });
  await ampho.close();
});
afterAll(() => servers.close());

const countOf = (answers: readonly LoginAnswer[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

/** Who waited too long behind others, on a machine that is busy with something else, is told to come again in a second. */
async function comingAgain(ask: () => Promise<LoginAnswer>): Promise<LoginAnswer> {
  for (;;) {
    const answer = await ask();
    if (![429, 503].includes(answer.status) || answer.retryAfter !== 1) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

describe("fifty attempts at once, over two processes", () => {
  it("get five hashes in all, and the right password at place 40 does not slip through", async () => {
    const addresses = strangers(50);
    const answers = await Promise.all(
      addresses.map((address, n) =>
        servers.logIn(n % 2, { login: "alice", password: n === 40 ? right : wrong, address }),
      ),
    );
    expect(countOf(answers, 401)).toBe(5);
    expect(countOf(answers, 429)).toBe(45);
    expect(answers[40]).toMatchObject({ status: 429 });
    // Whoever waits so long as is said is let in.
    for (const { status, retryAfter = 0 } of answers)
      if (status === 429) expect(retryAfter > 50 && retryAfter <= 60).toBe(true);
  });

  it("get five from one address as well", async () => {
    const [address = ""] = strangers(1);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => servers.logIn(n % 2, { login: "bob", password: wrong, address })),
    );
    expect([countOf(answers, 401), countOf(answers, 429)]).toEqual([5, 45]);
  });

  it("at different logins from one address get twenty", async () => {
    const [address = ""] = strangers(1);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => servers.logIn(n % 2, { login: `nobody-${n}`, password: wrong, address })),
    );
    expect([countOf(answers, 401), countOf(answers, 429)]).toEqual([20, 30]);
  });

  it("that are all right are all let in", async () => {
    const [address = ""] = strangers(1);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        comingAgain(() => servers.logIn(n % 2, { login: "carol", password: right, address })),
      ),
    );
    expect(countOf(answers, 200)).toBe(30);
  });
});

describe("an owner whose account is attacked", () => {
  it("is refused no login from a place where she was before, while 200 other addresses attempt", async () => {
    const [home = ""] = strangers(1);
    let { device } = await servers.logIn(0, { login: "dave", password: right, address: home });
    let running = true;
    const attackers = strangers(200).map(async (address, n) => {
      const statuses: number[] = [];
      do {
        const { status } = await servers.logIn(n % 2, { login: "dave", password: wrong, address, device: "forged" });
        statuses.push(status);
        await new Promise((resolve) => setTimeout(resolve, 200));
      } while (running);
      return statuses;
    });
    const owner: number[] = [];
    for (let n = 0; n < 20; n++) {
      // From wherever she is: the proof counts, not the address.
      const [address = ""] = strangers(1);
      const answer = await servers.logIn(n % 2, { login: "dave", password: right, address, device });
      owner.push(answer.status);
      device = answer.device ?? device;
    }
    running = false;
    const attack = (await Promise.all(attackers)).flat();
    expect(owner).toEqual(Array.from({ length: 20 }, () => 200));
    expect(attack.filter((status) => status === 401)).toHaveLength(5);
    expect(attack.filter((status) => status === 200)).toEqual([]);
  });

  it("is not attacked better with another's proof, nor by many of them", async () => {
    const [home = ""] = strangers(1);
    const mine: (string | undefined)[] = [];
    for (let n = 0; n < 10; n++)
      mine.push((await servers.logIn(n % 2, { login: "erin", password: right, address: home })).device);
    expect(new Set(mine).size).toBe(10);
    const answers = await Promise.all(
      mine.flatMap((device, n) =>
        strangers(5).map((address) => servers.logIn(n % 2, { login: "frank", password: wrong, address, device })),
      ),
    );
    expect([countOf(answers, 401), countOf(answers, 429)]).toEqual([5, 45]);
  });
});

describe("a login that nobody has", () => {
  it("is throttled like one that somebody has: status, header names, body", async () => {
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
