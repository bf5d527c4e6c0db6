// A start that fails after the database was opened closes it, because the application can catch the error and go on.
import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type AmphoOptions, ConfigurationError, createAmpho } from "../../dist/index.js";
import { freshFolder } from "../world/folder.js";
import { newKey } from "../world/tokens.js";
import { useDatabase } from "../world/use-postgres.js";

const start = (databaseUrl: string, options: AmphoOptions = {}) =>
  createAmpho({ databaseUrl, key: newKey("key-1"), log: () => {}, ...options });

/** The clock is read when the database notes that the application owns the users. */
const failing: AmphoOptions = {
  users: { find: () => undefined, verify: () => false },
  clock: {
    now: () => {
      throw new Error("there is no time");
    },
    monotonicMs: () => 0,
  },
};

/** The files of this folder that this process has open. */
function filesOpen(folder: string): readonly string[] {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The folder itself, closed by now.
      return "";
    }
  });
  return links.filter((link) => link.startsWith(folder));
}

describe("a start that fails after the database was opened", () => {
  const postgres = useDatabase();

  it("a failed start keeps no file of SQLite open", async () => {
    const folder = freshFolder();
    const url = `sqlite:${path.join(folder, "ampho.db")}`;
    await expect(start(url, failing)).rejects.toThrow("there is no time");
    expect(filesOpen(folder)).toEqual([]);
    // The same with mails keeps it open, so the count above means something.
    const ampho = await start(url, { mail: async () => {}, appUrl: "https://app.example/" });
    expect(filesOpen(folder)).not.toEqual([]);
    await ampho.close();
    expect(filesOpen(folder)).toEqual([]);
  });

  it("a failed start keeps no connection to PostgreSQL", async () => {
    await postgres.empty();
    await expect(start(postgres.runtimeUrl, failing)).rejects.toThrow("there is no time");
    const connections = () =>
      postgres.query(
        "select pid from pg_stat_activity where application_name = 'ampho' and datname = current_database()",
      );
    await expect.poll(connections).toEqual([]);
  });
});

describe("a start without a way to send the mails of its users", () => {
  it.each([
    [{ registration: "open" }, /REGISTRATION must be closed, but is "open"/],
    [{ mailLogin: true }, /MAIL_LOGIN must be false, but is true/],
    // Nothing can be created below a device.
    [{ appUrl: "https://app.example/", mailUrl: "file:/dev/null/mails" }, /MAIL_URL names a folder that cannot be/],
    [{ registration: "invite", mail: async () => {} }, /It needs mails, so set AMPHO_APP_URL\.$/],
  ] satisfies [AmphoOptions, RegExp][])(
    "the start with %j is rejected and creates no database",
    async (options, why) => {
      const folder = freshFolder();
      const started = start(`sqlite:${path.join(folder, "ampho.db")}`, options);
      await expect(started).rejects.toThrow(ConfigurationError);
      await expect(started).rejects.toThrow(why);
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
