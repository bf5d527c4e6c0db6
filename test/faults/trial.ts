// One trial of a fault, the same for all of them. It checks the responses while the fault lasts, the time until everything
// works again, and the state afterwards (docs/reference/contract.md §5).
import { expect, vi } from "vitest";
import { startStopwatch } from "../world/deadline.js";
import { pause } from "../world/wait.js";
import { type Application, type Asked, ask, type Held, type Reply, responseMs } from "./application.js";
import { contradictions, type Ledger } from "./ledger.js";
import {
  changePassword,
  expectStatus,
  insist,
  key,
  logIn,
  logOut,
  renew,
  startLoad,
  type Tokens,
  tokensOf,
} from "./load.js";

export interface Ground {
  readonly apps: readonly Application[];
  readonly ledger: Ledger;
  /** Users whose passwords the ledger knows: three for each application, and as many for the load. */
  readonly logins: readonly string[];
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** The connections of all applications, counted by the database server. */
  connections(): Promise<number>;
}

/** `away`: nothing works. `unwritable`: reads can work. `partly`, `slow`: everything can work, in time. `nothing`: no effect. */
export type Seen = "away" | "unwritable" | "partly" | "slow" | "nothing";

export interface Fault<G extends Ground = Ground> {
  readonly name: string;
  readonly seen: Seen;
  /** The time that the fault takes beyond the requests. */
  readonly holdMs: number;
  /** Resolves to the applications that it affects. The others work as usual. */
  begin(ground: G): Promise<readonly Application[]>;
  end(ground: G): Promise<void>;
}

export interface Outcome {
  readonly fault: string;
  /** From the end of the fault until every application does everything again. */
  readonly recoveryMs: number;
  readonly acknowledged: number;
  readonly lost: number;
}

const statuses: Readonly<Record<Seen, Readonly<Record<"reads" | "writes" | "ready", readonly number[]>>>> = {
  away: { reads: [503], writes: [503], ready: [503] },
  unwritable: { reads: [200, 503], writes: [503], ready: [200, 503] },
  partly: { reads: [200, 503], writes: [200, 204, 503], ready: [200, 503] },
  slow: { reads: [200, 503], writes: [200, 204, 503], ready: [200, 503] },
  nothing: { reads: [200], writes: [200, 204], ready: [200] },
};

const recoveryLimitMs = 5000;
const readyMs = 1500;
/** The connections of one process (src/store/postgres/store.ts). */
const connectionsMax = 10;

export async function tryFault<G extends Ground>(ground: G, fault: Fault<G>): Promise<Outcome> {
  const { ledger, apps, logins } = ground;
  const before = await Promise.all(apps.map((app) => app.held()));
  const already = ledger.acknowledged;
  const casts = await Promise.all(apps.map((app, at) => enter(app, logins.slice(3 * at), ledger)));
  const busy = [startLoad(apps, logins.slice(3 * apps.length), ledger), ...casts.map(watchGuard)];
  let recoveryMs = 0;
  try {
    const hit = await fault.begin(ground);
    try {
      await Promise.all(
        casts.map((cast) => expectResponses(cast, hit.includes(cast.app) ? fault.seen : "nothing", ledger)),
      );
      await pause(fault.holdMs);
    } finally {
      await fault.end(ground);
    }
    const recovery = startStopwatch();
    await Promise.all(casts.map((cast) => expectBack(cast, ledger)));
    recoveryMs = recovery();
  } finally {
    await Promise.all(busy.map((each) => each.stop()));
  }
  expect(recoveryMs).toBeLessThan(recoveryLimitMs);
  await Promise.all(casts.map((cast) => settle(cast, ledger)));
  const lost = await expectKept(ground);
  await expectNoLeak(ground, before);
  return { fault: fault.name, recoveryMs, acknowledged: ledger.acknowledged - already, lost };
}

/** The users of one application while the fault lasts. */
interface Cast {
  readonly app: Application;
  readonly ann: string;
  /** Sessions of ann: one that lives on, one that logs out, one that is ended by the first. */
  readonly live: Tokens;
  readonly leaving: Tokens;
  readonly other: Tokens;
  readonly over: Tokens;
  readonly bob: string;
  readonly everywhere: Tokens;
  readonly cid: string;
  readonly changing: Tokens;
  /** The renewal that begins while the fault lasts. */
  readonly renewal: ReturnType<typeof key>;
}

async function enter(
  app: Application,
  [ann = "", bob = "", cid = ""]: readonly string[],
  ledger: Ledger,
): Promise<Cast> {
  const open = (login: string) => logIn(app.url, login, ledger);
  const [over, live, leaving, other] = [await open(ann), await open(ann), await open(ann), await open(ann)];
  const [everywhere, changing] = [await open(bob), await open(cid)];
  await logOut(app.url, over, ledger);
  return { app, ann, live, leaving, other, over, bob, everywhere, cid, changing, renewal: key() };
}

/** Guarded requests read no database, so nothing changes for them, neither for the accepted nor for the rejected. */
function watchGuard({ app, live, over }: Cast): { stop(): Promise<void> } {
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const [good, bad] = [live, over].map(({ token }) => ask(`${app.guards}/plain`, { bearer: token }));
      expect([(await good)?.status, (await bad)?.status]).toEqual([200, 401]);
      await pause(100);
    }
  })();
  watching.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await watching;
    },
  };
}

const sidOf = ({ token }: Tokens): string =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).sid;

async function expectResponses(cast: Cast, seen: Seen, ledger: Ledger): Promise<void> {
  const { app, live, leaving, other, everywhere, changing } = cast;
  const { url, guards, root } = app;
  for (const { token } of [leaving, other, everywhere]) ledger.endAsked(token);
  const post = (path: string, asked: Asked) => askUntilQueued(`${url}${path}`, { method: "POST", ...asked });
  const writes = [
    post("/login", { body: { login: cast.ann, password: ledger.passwords.get(cast.ann) } }),
    post("/renew", { body: { refresh_token: live.refreshToken }, headers: cast.renewal }),
    post("/logout", { bearer: leaving.token }),
    post(`/sessions/${sidOf(other)}`, { method: "DELETE", bearer: live.token }),
    post("/sessions", { method: "DELETE", bearer: everywhere.token }),
    post("/password", { bearer: changing.token, body: change(cast, ledger) }),
  ];
  const reads = [`${url}/sessions`, `${guards}/strict`].map((each) => ask(each, { bearer: live.token }));
  const ready = askInTime(`${root}/readyz`);
  const responses = await Promise.all([Promise.all(writes), Promise.all(reads), ready]);
  for (const reply of responses[0]) expectOne(reply, statuses[seen].writes);
  for (const reply of responses[1]) expectOne(reply, statuses[seen].reads);
  expectOne(responses[2], statuses[seen].ready);
  const asksNoStore = [`${guards}/plain`, `${url}/session`].map((each) => ask(each, { bearer: live.token }));
  for (const reply of [...(await Promise.all(asksNoStore)), await ask(`${root}/healthz`)]) expectOne(reply, [200]);
}

/** On a busy machine one of three responses can be late. */
async function askInTime(url: string, tries = 3): Promise<Reply> {
  const elapsed = startStopwatch();
  const reply = await ask(url);
  if (elapsed() < readyMs) return reply;
  if (tries === 1) throw new Error(`${url} was slower than ${readyMs} ms three times`);
  return askInTime(url, tries - 1);
}

/** On a busy machine the queue of passwords can be full, which is no fault of the database. The request then had no effect. */
async function askUntilQueued(url: string, asked: Asked): Promise<Reply> {
  for (;;) {
    const reply = await ask(url, asked);
    if (reply.error !== "overloaded") return reply;
    await pause(100);
  }
}

function expectOne(reply: Reply, allowed: readonly number[]): void {
  expectStatus(reply, allowed, "what was asked meanwhile");
  if (reply.status === 503) expect([reply.error, reply.retryAfter > 0]).toEqual(["unavailable", true]);
}

/** Sent once, with any response. `settle` finds out whether it was done. */
const change = ({ cid }: Cast, ledger: Ledger) => ({
  password: ledger.passwords.get(cid),
  new_password: tried(cid, ledger),
});

const tried = (login: string, ledger: Ledger): string => `${ledger.passwords.get(login)} too`;

/** Every application does everything that needs the database again, by itself. */
async function expectBack({ app, live, ann, renewal }: Cast, ledger: Ledger): Promise<void> {
  const until = async (url: string, asked: Asked) =>
    vi.waitFor(async () => expectStatus(await ask(url, asked), [200], "what is asked afterwards"), {
      timeout: responseMs,
      interval: 25,
    });
  await Promise.all([
    until(`${app.guards}/strict`, { bearer: live.token }),
    until(`${app.root}/readyz`, {}),
    logIn(app.url, ann, ledger).then((tokens) => logOut(app.url, tokens, ledger)),
    renew(app.url, live, ledger, renewal),
  ]);
}

/** Sends the requests of the fault again, as a client without a response does. */
async function settle(cast: Cast, ledger: Ledger): Promise<void> {
  const { app, leaving, other, everywhere, cid, changing } = cast;
  for (const tokens of [leaving, other, everywhere]) await logOut(app.url, tokens, ledger);
  const next = tried(cid, ledger);
  // A change whose response was lost leaves its session without a token that a client knows.
  ledger.endAsked(changing.token);
  const asked = { method: "POST", body: { login: cid, password: next } };
  const again = await insist(`${app.url}/login`, asked);
  if (again.status === 200) {
    ledger.passwordSet(cid, next);
    ledger.opened(tokensOf(again).token);
    await logOut(app.url, tokensOf(again), ledger);
    return;
  }
  const changed = await changePassword(app.url, cid, changing, ledger);
  if (changed !== undefined) await logOut(app.url, changed, ledger);
}

async function expectKept({ ledger, rows, apps }: Ground): Promise<number> {
  const lost = ledger.lost(await rows("select id, gen, ended_at from ampho_sessions"));
  expect(lost).toEqual([]);
  for (const login of ledger.passwords.keys()) {
    const app = apps[0];
    if (app !== undefined) await logOut(app.url, await logIn(app.url, login, ledger), ledger);
  }
  expect(await rows(contradictions)).toEqual([]);
  return lost.length;
}

/** Threads start when they are needed, and stay. */
const threadFiles = 16;

async function expectNoLeak({ apps, connections }: Ground, before: readonly Held[]): Promise<void> {
  // The server also has to log requests that were given up half-way.
  const few = async () => expect(await connections()).toBeLessThanOrEqual(connectionsMax * apps.length);
  await vi.waitFor(few, { timeout: 60_000, interval: 50 });
  for (const [at, app] of apps.entries()) {
    const bound = (before[at]?.files ?? 0) + threadFiles;
    const quiet = async () => {
      const { timers, files } = await app.held();
      expect([timers, Math.max(files, bound)]).toEqual([0, bound]);
    };
    await vi.waitFor(quiet, { timeout: 60_000, interval: 50 });
  }
}
