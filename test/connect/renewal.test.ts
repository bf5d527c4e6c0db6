// The renewal of a connection, cell by cell: whose token gets the current tokens again, and whose is a replay.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import {
  addClient,
  askGuard,
  type Connect,
  connected,
  openConnect,
  outcomeOf,
  renew,
  type Tokens,
  tokensOf,
} from "./connections.js";

const home = "2001:db8:1:2::7";
/** Another address of the same /64. */
const desk = "2001:db8:1:2:ffff::1";
/** The same /48, but the /64 of another customer. */
const neighbour = "2001:db8:1:3::7";

const rejected = [400, "invalid_grant"];

/** Generation 3 is current. Each was made at `home`, `gapSeconds` after the one before. */
async function openRenewed(connect: Connect, gapSeconds: number): Promise<readonly Tokens[]> {
  const all = [await connected(connect)];
  for (let at = 0; at < 3; at += 1) {
    connect.world.clock.advance(gapSeconds);
    all.push(tokensOf(await renew(connect, all.at(-1)?.refresh ?? "", { address: home })));
  }
  return all;
}

interface Cell {
  /** How many generations behind the newest. */
  readonly behind: 0 | 1 | 2;
  readonly address: string;
  /** Seconds since the last move. */
  readonly after: number;
  /** Seconds between two moves before that. */
  readonly gap: number;
  readonly outcome: "moves" | "again" | "replay";
}

const day = 86_400;
const cells: readonly Cell[] = [
  { behind: 0, address: home, after: 10, gap: 100, outcome: "moves" },
  { behind: 0, address: neighbour, after: 10, gap: 100, outcome: "moves" },
  { behind: 0, address: home, after: 20 * day, gap: 100, outcome: "moves" },
  { behind: 1, address: home, after: 10, gap: 100, outcome: "again" },
  { behind: 1, address: desk, after: 10, gap: 100, outcome: "again" },
  { behind: 2, address: home, after: 10, gap: 100, outcome: "again" },
  { behind: 2, address: home, after: 60, gap: 2 * day, outcome: "again" },
  { behind: 1, address: home, after: 61, gap: 100, outcome: "again" },
  { behind: 2, address: desk, after: day - 200, gap: 100, outcome: "again" },
  { behind: 1, address: home, after: 61, gap: day, outcome: "replay" },
  { behind: 2, address: home, after: day, gap: 100, outcome: "replay" },
  { behind: 1, address: neighbour, after: 60, gap: 100, outcome: "again" },
  { behind: 1, address: neighbour, after: 61, gap: 100, outcome: "replay" },
  { behind: 2, address: neighbour, after: 10, gap: 100, outcome: "replay" },
  { behind: 2, address: neighbour, after: 61, gap: 100, outcome: "replay" },
];

onBothDatabases((ground) => {
  it.each(cells)(
    "M-84: $behind generations old, at $address, $after s after the move, $gap s apart: $outcome",
    async (cell) => {
      const connect = await openConnect({ ground });
      const { world } = connect;
      const all = await openRenewed(connect, cell.gap);
      world.clock.advance(cell.after);
      const presented = all[3 - cell.behind]?.refresh ?? "";
      const response = await renew(connect, presented, { address: cell.address });
      const newest = all[3]?.refresh ?? "";
      if (cell.outcome === "replay") {
        expect(outcomeOf(response)).toEqual(rejected);
        expect(outcomeOf(await renew(connect, newest, { address: home }))).toEqual(rejected);
        for (const { access } of all) expect(await askGuard(world, access)).toBe("invalid_token");
        expect(await world.events()).toContain("connection_replayed");
        return;
      }
      const { access, refresh } = tokensOf(response);
      expect(await askGuard(world, access)).toMatchObject({ login: "alice" });
      if (cell.outcome === "again") expect(refresh).toBe(newest);
      else expect(all.map((one) => one.refresh)).not.toContain(refresh);
      tokensOf(await renew(connect, refresh, { address: cell.address }));
    },
  );

  it("M-84: twenty processes of one machine that race get one successor", async () => {
    const connect = await openConnect({ ground });
    const { refresh } = await connected(connect);
    const racing = Array.from({ length: 20 }, (_, at) => renew(connect, refresh, { address: at % 2 ? home : desk }));
    const got = (await Promise.all(racing)).map(tokensOf);
    expect(new Set(got.map((one) => one.refresh)).size).toBe(1);
    tokensOf(await renew(connect, got[0]?.refresh ?? "", { address: home }));
  });

  it("M-84: a token of another kind, client or place is rejected, and ends nothing", async () => {
    const connect = await openConnect({ ground });
    const { world, bearer } = connect;
    const { access, refresh } = await connected(connect);
    const client = await addClient(world, "other");
    expect(outcomeOf(await renew({ world, client }, refresh))).toEqual(rejected);
    const login = await world.call("POST", "/login", { body: { login: "alice", password: "heron violet tumbrel 91" } });
    for (const token of [access, bearer, String(login.json["refresh_token"]), "x", `${refresh}x`])
      expect(outcomeOf(await renew(connect, token))).toEqual(rejected);
    for (const token of [refresh, access]) {
      expect((await world.renew(token)).status).toBe(401);
      expect((await world.call("POST", "/renew", { bearer: token })).status).toBeGreaterThanOrEqual(400);
    }
    expect(await askGuard(world, refresh, { credentials: ["delegated", "session", "foreign"], can: () => true })).toBe(
      "invalid_token",
    );
    tokensOf(await renew(connect, refresh));
  });

  it("M-84: a session-end of everybody ends the connections too", async () => {
    const connect = await openConnect({ ground });
    const { access, refresh } = await connected(connect);
    await connect.world.ampho.sessions.endForEveryone();
    expect(await askGuard(connect.world, access)).toBe("invalid_token");
    expect(outcomeOf(await renew(connect, refresh))).toEqual(rejected);
  });

  it("a connection ends when it is idle, and at its greatest age", async () => {
    const options = { connectionIdleTtl: "10d", connectionTtl: "25d" } as const;
    const connect = await openConnect({ ground, options });
    let { refresh } = await connected(connect);
    for (const days of [9, 9, 6]) {
      connect.world.clock.advance(days * day);
      refresh = tokensOf(await renew(connect, refresh)).refresh;
    }
    connect.world.clock.advance(day + 1);
    expect(outcomeOf(await renew(connect, refresh))).toEqual(rejected);
    const idle = await openConnect({ ground: await ground.another(), options });
    const { refresh: left } = await connected(idle);
    idle.world.clock.advance(10 * day + 1);
    expect(outcomeOf(await renew(idle, left))).toEqual(rejected);
  });

  it("M-83: a renewal never widens, and has fewer scopes where asked or lost", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const { refresh } = await connected(connect, { scopes: ["articles:read"] });
    const wide = tokensOf(await renew(connect, refresh, { more: { scope: "articles:read articles:write" } }));
    expect(wide.scope).toBe("articles:read");
    const both = await connected(connect);
    const narrow = tokensOf(await renew(connect, both.refresh, { more: { scope: "articles:write" } }));
    expect(narrow.scope).toBe("articles:write");
    const again = tokensOf(await renew(connect, narrow.refresh));
    expect(again.scope).toBe("articles:read articles:write");
    await world.ampho.users.setRoles("alice", { set: [] });
    for (const { access } of [both, narrow, again]) expect(await askGuard(world, access)).toBe("invalid_token");
    const less = tokensOf(await renew(connect, again.refresh));
    expect(less.scope).toBe("articles:read");
    expect(await askGuard(world, less.access)).toMatchObject({ scopes: ["articles:read"] });
    await world.ampho.users.setRoles("alice", { add: ["editor"] });
    expect(tokensOf(await renew(connect, less.refresh)).scope).toBe("articles:read articles:write");
    expect(outcomeOf(await renew(connect, less.refresh, { more: { scope: "nothing" } }))).toEqual([
      400,
      "invalid_scope",
    ]);
  });
});
