// An import whose connection is cut before a response of a commit, at each commit in turn: it reports what has happened.
import { afterAll, beforeAll, expect, it } from "vitest";
import { command, freshPlace } from "../world/serve.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { startWireProxy, type WireProxy } from "./wire-proxy.js";

const server = usePostgres();
const database = useDatabase(server);
let proxy: WireProxy;
beforeAll(async () => {
  await database.empty();
  proxy = await startWireProxy(server.port);
});
afterAll(() => proxy.close());

it("an import is reported as failed only if nothing was imported", { timeout: 120_000 }, async () => {
  const url = new URL(database.runtimeUrl);
  url.port = String(proxy.port);
  const place = freshPlace({ AMPHO_DATABASE_URL: url.href });
  const outcomes: (readonly [number | null, number])[] = [];
  for (let at = 1; at < 30; at++) {
    let [commits, isCut] = [0, false];
    proxy.judge(({ from, kind, bytes }) => {
      if (from === "client" || kind !== "C" || !bytes.includes("COMMIT")) return "pass";
      commits += 1;
      if (commits !== at) return "pass";
      isCut = true;
      return "cut";
    });
    const lines = [1, 2, 3].map((n) => `{"login":"of-${at}-${n}"}`).join("\n");
    const { code, stderr } = await command(place, ["user-import", "-"], lines);
    const [row] = await database.query(
      `select count(*)::int as n from ampho.ampho_users join ampho.ampho_imports on n = import_n
         where state = 'published' and login like 'of-${at}-%'`,
    );
    expect([at, code, code === 0 ? 3 : 0], stderr).toEqual([at, code, row?.["n"]]);
    outcomes.push([code, Number(row?.["n"])]);
    if (!isCut) break;
  }
  // The start, a batch, the publication, and the deletion afterwards were all cut.
  expect(outcomes.length).toBeGreaterThan(4);
  expect(outcomes.at(-1)).toEqual([0, 3]);
  const events = await database.query(
    "select count(*)::int as n from ampho.ampho_audit where event = 'users_imported'",
  );
  expect(events[0]?.["n"]).toBe(outcomes.filter(([code]) => code === 0).length);
});
