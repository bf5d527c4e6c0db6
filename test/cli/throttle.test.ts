import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import { ampho } from "../world/command.js";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-throttle-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

// The commands need no key.
const run = (...args: readonly string[]) => ampho(args, { cwd, env: {}, stdin: "" });

/** Sends wrong passwords for a user and for a login that does not exist, from one address. */
async function failLogins(): Promise<void> {
  const api = await createAmpho({
    databaseUrl: `sqlite:${join(cwd, "ampho.db")}`,
    throttleAttempts: 1,
    throttleAddress: 2,
    log: () => {},
  });
  await api.users.create({ login: "Ann" });
  for (const login of ["ann", "a secret"])
    await api.fetch(
      new Request("http://localhost/api/security/login", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ login, password: "heron tumbrel lantern" }),
      }),
      { address: "2001:db8::1" },
    );
  await api.close();
}

describe("throttle-list and throttle-clear", () => {
  test("throttle-list shows who must wait, throttle-clear forgets it, and the audit log records both", async () => {
    await failLogins();
    const shown = await run("throttle-list");
    const lines = shown.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^LOGIN NAME OR IP ADDRESS +COUNTER +FAILED +UNTIL \(UTC\)$/);
    expect(lines[1]).toMatch(/^2001:db8:0:0::\/64 +address +2 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(lines.slice(2).sort().join("\n")).toMatch(
      /^\(no such user\) +login, unknown devices +1 +[-\d]+ [:\d]+\nAnn +login, unknown devices +1 +[-\d]+ [:\d]+$/,
    );
    expect(shown.stdout).not.toContain("secret");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);

    const named = `ampho: The database is ${join(cwd, "ampho.db")}.\n`;
    expect(await run("throttle-clear", "ANN")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: `${named}Cleared 1 counter of failed attempts.\n`,
    });
    expect(await run("throttle-clear", "ANN")).toMatchObject({
      code: 0,
      stderr: `${named}No failed attempts were counted.\n`,
    });
    expect(await run("throttle-clear", "--address", "2001:db8::7")).toMatchObject({
      stderr: `${named}Cleared 2 counters of failed attempts.\n`,
    });
    expect(JSON.parse((await run("throttle-list", "--json")).stdout)).toMatchObject([
      { kind: "login", login: null, source: null, failures: 1, locked: false },
    ]);
    expect(await run("throttle-clear", "--all")).toMatchObject({
      stderr: `${named}Cleared 1 counter of failed attempts.\n`,
    });
    expect(JSON.parse((await run("throttle-list", "--json")).stdout)).toEqual([]);

    const rows: readonly { event: string; login?: string; origin: { operator?: string } }[] = JSON.parse(
      (await run("audit-list", "--json")).stdout,
    );
    const traces = rows.filter(({ event }) => event.startsWith("throttle_"));
    expect(traces.map(({ event }) => event)).toEqual([
      "throttle_listed",
      "throttle_cleared",
      "throttle_cleared",
      "throttle_cleared",
      "throttle_listed",
      "throttle_cleared",
      "throttle_listed",
    ]);
    expect(traces.every(({ origin }) => origin.operator?.includes("@"))).toBe(true);
    expect(traces[1]).toMatchObject({ login: "Ann" });
  });

  test("throttle-clear rejects two things to clear, and an address that is not one", async () => {
    await failLogins();
    expect(await run("throttle-clear")).toMatchObject({ code: 2 });
    expect(await run("throttle-clear", "ann", "--all")).toMatchObject({ code: 2 });
    expect(await run("throttle-clear", "--address", "localhost")).toMatchObject({ code: 2 });
  });
});
