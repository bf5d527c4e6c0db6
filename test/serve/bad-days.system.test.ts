// Faults around a server, on the installed command. It either prints one line that an operator can act on and ends,
// or continues as far as it can and recovers by itself.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { sendRaw } from "../http/raw.js";
import { mayMount, mountSmall } from "../store/processes.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Place, type Served, startServe } from "../world/serve.js";

const serveArguments = ["serve", "--port", "0"];
const database = ({ cwd }: Place) => join(cwd, "ampho.db");

function changeDatabase(place: Place, sql: string): void {
  const { DatabaseSync } = loadDriver(undefined);
  const opened = new DatabaseSync(database(place));
  opened.exec(sql);
  opened.close();
}

const sessionStatus = async ({ url }: Served, token: string) =>
  (await fetch(`${url}/session`, { headers: bearer(token) })).status;

describe("a start that cannot work", () => {
  const cases: readonly (readonly [name: string, spoil: (place: Place) => unknown, says: RegExp])[] = [
    ["is a folder", (place) => mkdirSync(database(place)), /is a folder/],
    [
      "is no database",
      (place) => writeFileSync(database(place), "minutes\n".repeat(1000)),
      /is not an SQLite database/,
    ],
    [
      "is of a newer version",
      async (place) => {
        await command(place, ["db-up"]);
        changeDatabase(
          place,
          "insert into ampho_migrations (version, name, serves_from, applied_at) values (99, 'later', 99, 1)",
        );
      },
      /schema version 99, but this program only knows/,
    ],
    [
      "was cut short",
      async (place) => {
        await addUser(place);
        const { DatabaseSync } = loadDriver(undefined);
        const opened = new DatabaseSync(database(place));
        opened.exec("pragma wal_checkpoint(truncate)");
        opened.close();
        writeFileSync(database(place), "SQLite format 3\0".padEnd(8_000, "x"));
      },
      /is not an SQLite database|is damaged|malformed/,
    ],
  ];
  it.each(cases)("serve ends with 1 and one reason when the database %s", async (_, spoil, says) => {
    const place = freshPlace();
    await spoil(place);
    const { code, stdout, stderr } = await command(place, serveArguments);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/^ampho: The database is [^\n]+\nampho: [^\n]+\n$/);
  });

  it("serve ends with 1 and one reason when the folder of the database does not exist", async () => {
    const place = freshPlace({ AMPHO_DATABASE_URL: "sqlite:not/there/ampho.db" });
    const { code, stderr } = await command(place, serveArguments);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ampho: The database is [^\n]+\nampho: [^\n]*does not exist[^\n]*\n$/);
  });

  it("serve ends with 1 and one reason when the database is read-only", async () => {
    if (mayMount) {
      const disk = mountSmall(4096);
      try {
        const place = freshPlace({ AMPHO_DATABASE_URL: `sqlite:${join(disk.folder, "ampho.db")}` });
        await addUser(place);
        disk.remount("ro");
        await expectReadOnly(place);
      } finally {
        disk.end();
      }
    } else {
      const place = freshPlace();
      await addUser(place);
      chmodSync(database(place), 0o444);
      await expectReadOnly(place);
    }
  });

  async function expectReadOnly(place: Place): Promise<void> {
    const { code, stdout, stderr } = await command(place, serveArguments);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ampho: The database is [^\n]+\nampho: [^\n]*cannot be written to[^\n]*\n$/);
  }
});

describe("serve in production", () => {
  it("serve without a key ends with 2 and names the command that creates one", async () => {
    const place = freshPlace({ AMPHO_SECURITY_KEY: "" });
    const { code, stdout, stderr } = await command(place, serveArguments);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("AMPHO_SECURITY_KEY must be set in production.");
    expect(stderr).toContain("`ampho sec-gen-key`");
  });
});

describe("a full disk", () => {
  const sizeKiB = 2048;

  /** Returns the newest refresh token of the session, because a renewal needs less space than a login. */
  async function expectFull(served: Served, token: string, refreshToken: string): Promise<string> {
    // Writes succeed until the space is used up.
    let refusal = await post(`${served.url}/login`, alice);
    while (refusal.status === 200) refusal = await post(`${served.url}/login`, alice);
    expect([refusal.status, (await refusal.json()).error]).toEqual([503, "unavailable"]);
    expect(refusal.headers.has("retry-after")).toBe(true);
    let newest = refreshToken;
    let renewal = await post(`${served.url}/renew`, { refresh_token: newest });
    while (renewal.status === 200) {
      newest = (await renewal.json()).refresh_token;
      renewal = await post(`${served.url}/renew`, { refresh_token: newest });
    }
    expect(renewal.status).toBe(503);
    expect(await sessionStatus(served, token)).toBe(200);
    expect((await fetch(`${served.root}/healthz`)).status).toBe(200);
    return newest;
  }

  it("logins are 503 and guards go on when the files of the database cannot grow", async () => {
    const place = { ...freshPlace(), through: ["sh", "-c", 'ulimit -f 600; exec "$@"', "sh"] };
    await addUser(place);
    const served = await startServe(place);
    const { token, refresh_token } = await logIn(served);
    const newest = await expectFull(served, token, refresh_token);
    expect((await served.stop()).code).toBe(0);
    const after = await startServe({ cwd: place.cwd, env: place.env });
    expect((await post(`${after.url}/renew`, { refresh_token: newest })).status).toBe(200);
    expect((await after.stop()).code).toBe(0);
  });

  // Only root can mount a small disk.
  if (mayMount)
    it(
      "logins are 503 and guards go on when the disk is full, and all recovers when there is space again",
      withSmallDisk,
    );

  async function withSmallDisk(): Promise<void> {
    const disk = mountSmall(sizeKiB);
    try {
      const place = freshPlace({ AMPHO_DATABASE_URL: `sqlite:${join(disk.folder, "ampho.db")}` });
      await addUser(place);
      const served = await startServe(place);
      const { token, refresh_token } = await logIn(served);
      const filler = join(disk.folder, "filler");
      expect(() => writeFileSync(filler, Buffer.alloc(sizeKiB * 1024))).toThrow(/ENOSPC/);
      const newest = await expectFull(served, token, refresh_token);
      rmSync(filler);
      await expect.poll(async () => (await post(`${served.url}/login`, alice)).status).toBe(200);
      expect((await post(`${served.url}/renew`, { refresh_token: newest })).status).toBe(200);
      const { code, stderr } = await served.stop();
      expect(code).toBe(0);
      expect(stderr).not.toContain("internal error");
    } finally {
      disk.end();
    }
  }
});

describe("SIGTERM", () => {
  it("requests in flight get responses after SIGTERM, new ones are not accepted, and the exit code is 0", async () => {
    const place = freshPlace();
    await addUser(place);
    const served = await startServe(place);
    const { token } = await logIn(served);
    const body = JSON.stringify(alice);
    const flights = Array.from({ length: 4 }, () => takeOff(served.port, body.length));
    // The server has asked each client for its body.
    for (const { asked } of flights) await asked;
    expect(await sessionStatus(served, token)).toBe(200);
    const ended = served.stop();
    await expect.poll(() => served.stderr()).toContain("SIGTERM");
    for (const { socket } of flights) socket.write(body);
    for (const { landed } of flights) expect(await landed).toMatch(/HTTP\/1\.1 200 OK\r\n.*connection: close/is);
    expect((await ended).code).toBe(0);
    expect((await sendRaw(served.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).status).toBe(0);
  });

  /** A login whose body waits until the server asks for it. */
  function takeOff(port: number, lengthBytes: number) {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    const asked = new Promise<void>((resolve) =>
      socket.on("data", (chunk: Buffer) => {
        received += chunk.toString();
        if (received.includes("100 Continue")) resolve();
      }),
    );
    const landed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
    const fields = `Content-Type: application/json\r\nContent-Length: ${lengthBytes}\r\nExpect: 100-continue`;
    socket.write(`POST /api/security/login HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`);
    return { socket, asked, landed };
  }

  it("a second signal does not wait for requests that hang", async () => {
    const place = freshPlace();
    const served = await startServe(place);
    const stuck = connect(served.port, "127.0.0.1");
    stuck.on("error", () => undefined);
    await new Promise((resolve) => stuck.once("connect", resolve));
    stuck.write(
      "POST /api/security/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    );
    await fetch(`${served.root}/healthz`);
    const ended = served.stop();
    await expect.poll(() => served.stderr()).toContain("SIGTERM");
    await served.stop();
    expect((await ended).code).toBe(null);
    stuck.destroy();
  });
});

describe("several servers on one file", () => {
  it("three servers that start at once on an empty file are one service", async () => {
    const place = freshPlace();
    const servers = await Promise.all([startServe(place), startServe(place), startServe(place)]);
    const [first, second, third] = servers;
    if (!first || !second || !third) throw new Error("three were started");
    await addUser(place);
    const { token, refresh_token } = await logIn(first);
    for (const served of servers) expect(await sessionStatus(served, token)).toBe(200);

    const renewals = await Promise.all(
      Array.from({ length: 20 }, (_, at) => post(`${servers[at % 3]?.url}/renew`, { refresh_token })),
    );
    const tokens = await Promise.all(renewals.map(async (response) => (await response.json()).token));
    const generations = tokens.map((each) => JSON.parse(Buffer.from(each.split(".")[1], "base64url").toString()).gen);
    expect(new Set(generations)).toEqual(new Set([1]));

    const logout = await fetch(`${second.url}/logout`, { method: "POST", headers: bearer(token) });
    expect([logout.status, await sessionStatus(second, token)]).toEqual([204, 401]);
    for (const served of [first, third]) await expect.poll(() => sessionStatus(served, tokens[0])).toBe(401);
    for (const served of servers) expect((await served.stop()).code).toBe(0);
  });
});
