// kill -9 of the process that writes, and of PostgreSQL under it, when everything but the commit has arrived, for each
// transaction of each endpoint and command that writes.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type OwnServer, startOwnPostgres } from "../world/postgres.js";
import { freshPlace, unthrottled } from "../world/serve.js";
import { keyOfAll } from "./ground.js";
import { expectWhole, type Killer, type KillGround, learn } from "./killing.js";
import { startWireProxy, type WireMessage, type WireProxy } from "./wire-proxy.js";
import { appUrl, openBeside, type Write } from "./writes.js";

interface PostgresKillGround extends KillGround {
  readonly server: OwnServer;
  readonly proxy: WireProxy;
}

let ground: PostgresKillGround;

async function open(): Promise<void> {
  const server = await startOwnPostgres();
  const database = await server.database();
  await database.empty();
  const proxy = await startWireProxy(server.port);
  const url = new URL(database.runtimeUrl);
  url.port = String(proxy.port);
  const key = JSON.stringify(keyOfAll);
  const place = freshPlace({
    AMPHO_SECURITY_KEY: key,
    AMPHO_DATABASE_URL: url.href,
    AMPHO_APP_URL: appUrl,
    ...unthrottled,
  });
  ground = {
    server,
    proxy,
    place,
    beside: await openBeside(database.runtimeUrl),
    rows: (sql) => database.query(sql.replace(/\bampho_/g, "ampho.ampho_")),
  };
}

async function close(): Promise<void> {
  await ground.beside.close();
  await ground.proxy.close();
  await ground.server.stop();
}

/** Decides for each message if it is the commit of a transaction that has written. */
function commitsOfWrites(): (message: WireMessage) => boolean {
  const writing = new Set<number>();
  return ({ connection, from, kind, bytes }) => {
    if (from === "server") return false;
    // The text follows the name of the statement, which is empty.
    const text = kind === "P" ? bytes.toString("utf8", 6) : kind === "Q" ? bytes.toString("utf8", 5) : "";
    if (/^(?:insert|update|delete)\s/i.test(text.trimStart())) writing.add(connection);
    if (!/^(?:commit|rollback)\0/.test(text)) return false;
    return writing.delete(connection) && text.startsWith("commit");
  };
}

/** Kills at the n-th commit. */
function killer(at: number, strike: (kill: () => void) => Promise<void>, restore: () => Promise<void>): Killer {
  let struck: Promise<void> | undefined;
  return {
    arm: (kill) => {
      const isCommit = commitsOfWrites();
      let left = at;
      ground.proxy.judge((message) => {
        if (!isCommit(message) || --left !== 0) return "pass";
        struck = strike(kill);
        return "hold";
      });
    },
    disarm: async () => {
      ground.proxy.judge(() => "pass");
      if (struck === undefined) return false;
      await struck;
      ground.proxy.swallow(false);
      await restore();
      return true;
    },
  };
}

const victims = {
  "the process": (at: number) =>
    killer(
      at,
      async (kill) => kill(),
      async () => {},
    ),
  PostgreSQL: (at: number) =>
    killer(
      at,
      async () => {
        await ground.server.signal("SIGKILL");
        // The process notices, as it does when a server dies.
        ground.proxy.swallow(false);
      },
      () => ground.server.start(),
    ),
};

/** Tests these writes, which are a part of all, so that two files share them. */
export function killBeforeEachCommitOf(part: readonly Write[]): void {
  beforeAll(open);
  afterAll(close);
  it.each(part)(
    "a kill before each commit of $name leaves all of it or nothing",
    { timeout: 120_000 },
    async (write: Write) => {
      const isCommit = commitsOfWrites();
      let commits = 0;
      ground.proxy.judge((message) => {
        if (isCommit(message)) commits += 1;
        return "pass";
      });
      const whole = await learn(ground, write);
      expect(commits).toBeGreaterThan(0);
      for (const victim of Object.values(victims)) {
        let kills = 0;
        // A server does some housekeeping of its own now and then.
        for (let at = 1; at <= commits; at++) if (await expectWhole(ground, write, whole, victim(at))) kills += 1;
        expect(kills).toBeGreaterThan(0);
      }
    },
  );
}
