// An application's own user table that does what it should not.
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { createPasswordPool } from "../../dist/passwords/pool.js";
import { createApplicationDirectory } from "../../dist/users/application-directory.js";

afterEach(() => void vi.useRealTimers());

const ann: ApplicationUser = { id: "7", login: "ann" };
const turn = {};
const never = () => new Promise<never>(() => undefined);
const unavailable = { code: "unavailable" };

function open(users: Partial<ApplicationUsers>) {
  const reported: string[] = [];
  const directory = createApplicationDirectory({
    users: { find: () => ann, verify: () => true, ...users },
    passwords: createPasswordPool(),
    clock: { now: () => 0, monotonicMs: () => 0 },
    report: (state, cause) => void reported.push(cause instanceof Error ? `${state}: ${cause.message}` : state),
  });
  return { directory, reported };
}

describe("a table that hangs", () => {
  it.each([
    ["find", 5, { find: never }],
    ["findById", 5, { findById: never }],
    ["verify", 8, { verify: never }],
  ])("a call of %s without a result after %i s is unavailable, and the log reports it", async (_, limit, users) => {
    vi.useFakeTimers();
    const { directory, reported } = open(users);
    const account = "verify" in users ? await directory.findByLogin("ann") : undefined;
    const asked = () => {
      if (account !== undefined) return directory.verify(account, "x", turn);
      return "find" in users ? directory.findByLogin("ann") : directory.findSessionUser({ userId: "7", login: "ann" });
    };
    const outcome = expect(asked()).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(limit * 1000 - 1);
    expect(reported).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await outcome;
    expect(reported).toEqual([`failing: no response within ${limit} s`]);
  });

  it("a call that fails after its limit does not end the process, and is reported once", async () => {
    vi.useFakeTimers();
    const late = () => new Promise<never>((_, reject) => setTimeout(() => reject(new Error("late")), 30_000));
    const { directory, reported } = open({ find: late });
    const outcome = expect(directory.findByLogin("ann")).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(5_000);
    await outcome;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reported).toEqual(["failing: no response within 5 s"]);
  });

  it("a call that has returned or thrown leaves no timer", async () => {
    vi.useFakeTimers();
    const { directory } = open({
      findById: () => {
        throw new Error("away");
      },
    });
    await directory.findByLogin("ann");
    await expect(directory.findSessionUser({ userId: "7", login: "ann" })).rejects.toMatchObject(unavailable);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a row", () => {
  it("a row whose getters change is read once", async () => {
    const once = (value: unknown) => {
      const responses = [value];
      return { get: () => responses.shift(), enumerable: true };
    };
    const getters = { id: once("7"), login: once("ann"), roles: once(["editor"]), disabled: once(true) };
    const row: ApplicationUser = Object.defineProperties({ ...ann }, getters);
    const account = await open({ find: () => row }).directory.findByLogin("ann");
    expect(account).toMatchObject({ id: "7", login: "ann", roles: ["editor"], disabled: true });
  });

  it("a row can have private members, be a proxy or frozen, and have a Set of roles", async () => {
    class Row {
      readonly #id = "7";
      get id() {
        return this.#id;
      }
      get login() {
        return "ann";
      }
    }
    const rows: readonly unknown[] = [
      new Row(),
      new Proxy({ ...ann, roles: new Proxy(["editor"], {}) }, {}),
      Object.freeze({ ...ann, roles: Object.freeze(["editor"]) }),
      { ...ann, roles: new Set(["editor"]) },
    ];
    for (const row of rows)
      expect(await open({ find: () => row as ApplicationUser }).directory.findByLogin("ann")).toMatchObject(ann);
  });

  it("a row whose roles change later keeps those that were read", async () => {
    const roles = ["editor"];
    const account = await open({ find: () => ({ ...ann, roles }) }).directory.findByLogin("ann");
    roles.push("admin");
    expect(account?.roles).toEqual(["editor"]);
  });

  it.each([{ roles: 7 }, { roles: {} }, { roles: Promise.resolve(["editor"]) }, { id: "7\0" }, { login: "a\0n" }])(
    "a row with %o is an error that explains the mistake",
    async (members) => {
      const row: object = { ...ann, ...members };
      const finding = open({ find: () => row as ApplicationUser }).directory.findByLogin("ann");
      await expect(finding).rejects.toThrow(/^users\.find must return/);
    },
  );
});

it("a result of verify that is neither true nor false accepts no password and is reported once", async () => {
  const { directory, reported } = open({ verify: () => JSON.parse("1") });
  const account = await directory.findByLogin("ann");
  for (const _ of [1, 2]) expect((await directory.verify(account, "x", turn)).good).toBe(false);
  expect(reported).toEqual(["undecided"]);
});
