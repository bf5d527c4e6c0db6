import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type Ampho, AmphoError, type ImportInput, type ImportOptions, type WrongLine } from "../../dist/index.js";
import { openWorld, password } from "../world/ampho.js";
import { start } from "../world/clock.js";

const bcrypt = "$2b$04$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";
const line = (login: string, more: object = {}) => JSON.stringify({ login, ...more });

async function outcome(ampho: Ampho, lines: ImportInput, options: ImportOptions = {}) {
  const wrong: WrongLine[] = [];
  try {
    const report = await ampho.users.import(lines, { ...options, onWrongLine: (each) => void wrong.push(each) });
    return { report, wrong };
  } catch (error) {
    if (!(error instanceof AmphoError)) throw error;
    return { code: error.code, message: error.message, wrong };
  }
}

async function logins(ampho: Ampho): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { login } of ampho.users.list()) all.push(login);
  return all;
}

describe("an import", () => {
  it("an import creates users with their roles and counts the formats", async () => {
    const { ampho, events } = await openWorld();
    const lines = [
      line("Ann", { password_hash: bcrypt, roles: ["b", "a"] }),
      "",
      line("bea"),
      Buffer.from(line("cid")),
    ];
    expect(await ampho.users.import(lines)).toEqual({ users: 3, formats: { bcrypt: 1, none: 2 }, wrong: 0 });
    expect(await ampho.users.find("ANN")).toMatchObject({ login: "Ann", roles: ["b", "a"], disabled: false });
    expect(await logins(ampho)).toEqual(["Ann", "bea", "cid"]);
    expect(await events()).toEqual(["users_imported"]);
    const [row] = await ampho.audit.list({});
    expect(row).toMatchObject({
      at: start,
      origin: { actor: "application" },
      detail: { import: 1, users: 3, formats: ["bcrypt 1", "none 2"] },
    });
  });

  it("an import with wrong lines creates no user and names the lines by number, in order", async () => {
    const { ampho, events, user } = await openWorld();
    await user("dan");
    const lines = [line("ann"), "no JSON", line("DAN"), line("ANN"), line("bea", { rolls: [] }), line("bea")];
    const { code, message, wrong } = await outcome(ampho, lines);
    expect(wrong).toEqual([
      { line: 2, reason: "The line is not a JSON object in UTF-8 whose members are all different." },
      { line: 3, reason: "A user with this login already exists." },
      { line: 4, reason: "Line 1 has the same login." },
      {
        line: 5,
        reason:
          "The line has an unknown member. The members are id, login, password_hash, roles, disabled, email, email_proven, totp_secret, recovery_hashes, user_handle, passkeys, identities.",
      },
    ]);
    expect([code, message]).toEqual([
      "invalid_request",
      "Nothing was imported. 4 lines are wrong. Line 2: The line is not a JSON object in UTF-8 whose members are all different.",
    ]);
    expect(await logins(ampho)).toEqual(["dan"]);
    expect(await events()).toEqual(["user_created"]);
  });

  it("an import takes a Readable of bytes, of text or of lines, and a web stream", async () => {
    const { ampho } = await openWorld();
    const text = (name: string) => `${line(`${name}1`)}\n${line(`${name}2`)}\n`;
    const bytes = Buffer.from(text("a"));
    const inputs = [
      Readable.from([bytes.subarray(0, 20), bytes.subarray(20)], { objectMode: false }),
      Readable.from([text("b")]).setEncoding("utf8"),
      Readable.from([line("c1"), line("c2")]),
      new Blob([text("d")]).stream(),
    ];
    for (const input of inputs) expect(await ampho.users.import(input)).toMatchObject({ users: 2 });
    expect(await logins(ampho)).toEqual(["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"]);
  });

  it("an import can be repeated after its lines were fixed", async () => {
    const { ampho } = await openWorld();
    await outcome(ampho, [line("ann"), line("")]);
    expect(await ampho.users.import([line("ann"), line("bea")])).toMatchObject({ users: 2 });
  });

  it("an import of many batches finds repeated logins and reports at most a hundred wrong lines", async () => {
    const { ampho } = await openWorld();
    const lines = Array.from({ length: 3600 }, (_, index) => line(`user-${index % 2400}`));
    const { message, wrong } = await outcome(ampho, lines);
    expect(wrong).toHaveLength(100);
    expect(wrong[0]).toEqual({ line: 2401, reason: "Line 1 has the same login." });
    expect(message).toMatch(/1200 lines are wrong/);
    expect(await logins(ampho)).toEqual([]);
    const progress: number[] = [];
    const report = await ampho.users.import(lines.slice(0, 2400), { onProgress: (read) => void progress.push(read) });
    expect(report.users).toBe(2400);
    expect(progress).toEqual([2000, 2400]);
    expect(await logins(ampho)).toHaveLength(2400);
  });

  it("an import is written in the order of logins and reported in the order of lines", async () => {
    const { ampho } = await openWorld();
    // After the first thousands so many are sorted together that they make several batches.
    const names = Array.from({ length: 9000 }, (_, index) => `user-${(index * 7919) % 9001}`);
    const lines = names.map((name) => line(name));
    // Some repeat a login that was written long before, one that of a line which is written with it.
    for (const [at, like] of [
      [8000, 3],
      [8100, 100],
      [8500, 8400],
    ] as const)
      lines[at] = line(names[like] ?? "");
    const { wrong } = await outcome(ampho, lines);
    expect(wrong).toEqual([
      { line: 8001, reason: "Line 4 has the same login." },
      { line: 8101, reason: "Line 101 has the same login." },
      { line: 8501, reason: "Line 8401 has the same login." },
    ]);
    expect(await ampho.users.import(names.map((name) => line(name)))).toMatchObject({ users: 9000, wrong: 0 });
  });

  it("an import of large lines is written in smaller batches", async () => {
    const { ampho } = await openWorld();
    const roles = Array.from({ length: 250 }, (_, index) => `${index}`.padEnd(200, "x"));
    const lines = Array.from({ length: 50 }, (_, index) => line(`user-${index}`, { roles }));
    const progress: number[] = [];
    await ampho.users.import(lines, { onProgress: (read) => void progress.push(read) });
    expect(progress).toEqual([21, 42, 50]);
  });

  it("a dry run imports nothing, reports wrong lines, and can be followed by the import", async () => {
    const { ampho, events } = await openWorld();
    const lines = [line("ann", { password_hash: bcrypt }), line("bea"), line("bea")];
    const { report, wrong } = await outcome(ampho, lines, { dryRun: true });
    expect(report).toEqual({ users: 2, formats: { bcrypt: 1, none: 1 }, wrong: 1 });
    expect(wrong).toEqual([{ line: 3, reason: "Line 2 has the same login." }]);
    expect([await logins(ampho), await events()]).toEqual([[], []]);
    expect(await outcome(ampho, lines.slice(0, 2))).toMatchObject({ report: { users: 2 } });
  });

  it("an import whose input fails leaves nothing behind", async () => {
    const { ampho } = await openWorld();
    async function* broken() {
      for (let index = 0; index < 2100; index += 1) yield line(`user-${index}`);
      throw new RangeError("the pipe broke");
    }
    await expect(ampho.users.import(broken())).rejects.toThrow("the pipe broke");
    expect(await ampho.users.countHashFormats()).toEqual([]);
    expect(await ampho.users.import([line("user-1")])).toMatchObject({ users: 1 });
  });

  it("an import is invisible until its end, blocks no login, and loses a login that is taken meanwhile", async () => {
    const { ampho, user, call } = await openWorld();
    const seen: unknown[] = [];
    async function* lines() {
      for (let index = 0; index < 2100; index += 1) yield line(`user-${index}`);
      // The first 2000 are written by now.
      seen.push(await ampho.users.find("user-3"), await logins(ampho));
      await user("user-3", { password });
      seen.push((await call("POST", "/login", { body: { login: "user-3", password } })).status);
    }
    const { code, message } = await outcome(ampho, lines());
    expect(seen).toEqual([undefined, [], 200]);
    expect([code, message]).toEqual([
      "invalid_request",
      "Nothing was imported. One line is wrong. Line 4: A user has got the id, the login, the address or an identity of this line meanwhile.",
    ]);
    expect(await logins(ampho)).toEqual(["user-3"]);
  });

  it("two concurrent imports both succeed, or with a common login exactly one of them", async () => {
    const { ampho } = await openWorld();
    const range = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => line(`user-${from + index}`));
    const apart = await Promise.all([outcome(ampho, range(0, 2200)), outcome(ampho, range(2200, 4400))]);
    expect(apart.map(({ report }) => report?.users)).toEqual([2200, 2200]);
    const overlapping = await Promise.all([outcome(ampho, range(5000, 8000)), outcome(ampho, range(7900, 10_900))]);
    expect(overlapping.map(({ report }) => report?.users).filter((users) => users !== undefined)).toEqual([3000]);
    expect(await logins(ampho)).toHaveLength(4400 + 3000);
  });

  it("an import that counted as dead fails and imports nothing", async () => {
    const world = await openWorld();
    async function* lines() {
      for (let index = 0; index < 2100; index += 1) yield line(`user-${index}`);
      world.clock.advance(61);
      await world.ampho.users.import([line("zoe")]);
    }
    expect(await outcome(world.ampho, lines())).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching("counted as dead"),
    });
    expect(await logins(world.ampho)).toEqual(["zoe"]);
  });

  it("an import rejects with not_found where the application keeps its own users", async () => {
    const { ampho } = await openWorld({ users: { find: () => undefined, verify: () => false } });
    expect(await outcome(ampho, [line("ann")])).toMatchObject({ code: "not_found" });
    await expect(ampho.users.countHashFormats()).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("the formats of hashes", () => {
  it("users.countHashFormats counts the current format apart from others of its name", async () => {
    const { ampho, user } = await openWorld();
    await user("ann", { password });
    await user("bea");
    const other = `$argon2id$v=19$m=65536,t=3,p=4$${"A".repeat(22)}$${"A".repeat(43)}`;
    const kept = other.replace("m=65536,t=3,p=4", "m=19456,t=2,p=1");
    const costs = ["04", "05", "06"].map((cost) => bcrypt.replace("04", cost));
    await ampho.users.import(
      [...costs, other, kept].map((hash, index) => line(`user-${index}`, { password_hash: hash })),
    );
    expect(await ampho.users.countHashFormats()).toEqual([
      { format: "bcrypt", current: false, users: 3 },
      { format: "argon2id", current: true, users: 2 },
      { format: null, current: false, users: 1 },
      { format: "argon2id", current: false, users: 1 },
    ]);
  });
});
