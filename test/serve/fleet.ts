// A fleet of four `ampho serve` on one database. Each has a key file of its own, which changes at its own time and in its own
// way, while clients log in, renew and call through all of them.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, vi } from "vitest";
import { alice } from "../world/people.js";
import { bearer, type Grant, post, postLogin } from "../world/requests.js";
import { command, type Place, type Served, startServe } from "../world/serve.js";
import { pause, until } from "../world/wait.js";

export interface Member {
  readonly served: Served;
  /** Writes the text of a key file for it. */
  bring(text: string): Promise<void>;
}

/** The way in which a key file reaches a process: how it is replaced, and whether a signal follows. */
type Way = (file: string, text: string, report: () => void) => Promise<void> | void;

const ways: readonly Way[] = [
  function byRename(file, text) {
    writeFileSync(`${file}.beside`, text);
    renameSync(`${file}.beside`, file);
  },
  function byRenameAndSignal(file, text, report) {
    writeFileSync(`${file}.beside`, text);
    renameSync(`${file}.beside`, file);
    report();
  },
  async function inPlaceByHalves(file, text) {
    writeFileSync(file, text.slice(0, text.length / 2));
    await pause(200);
    writeFileSync(file, text);
  },
  function byLink(file, text) {
    const folder = path.dirname(file);
    const version = `v${process.hrtime.bigint()}`;
    mkdirSync(path.join(folder, version));
    writeFileSync(path.join(folder, version, "key.json"), text);
    symlinkSync(version, path.join(folder, "..tmp"));
    renameSync(path.join(folder, "..tmp"), path.join(folder, "..data"));
  },
];

export async function startFleet(place: Place, text: string): Promise<readonly Member[]> {
  const members: Member[] = [];
  for (const [at, way] of ways.entries()) {
    const folder = path.join(place.cwd, `member-${at}`);
    const file = path.join(folder, "key.json");
    mkdirSync(folder);
    if (way.name === "byLink") {
      symlinkSync(path.join("..data", "key.json"), file);
      await way(file, text, () => {});
    } else writeFileSync(file, text);
    const env = { ...place.env, AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KEY_FILE: file };
    const served = await startServe({ ...place, env });
    members.push({ served, bring: async (next) => way(file, next, () => void served.process.kill("SIGHUP")) });
  }
  return members;
}

/** Brings it to one after the other, so that each stage exists for a while. Resolves when all have read it. */
export async function rollOut(members: readonly Member[], text: string): Promise<void> {
  const { kid } = JSON.parse(text).keys[0];
  const others = JSON.parse(text).keys.length - 1;
  for (const member of members) {
    await member.bring(text);
    await pause(250);
  }
  const says = new RegExp(`read again\\. ${kid} signs\\.${others > 0 ? " \\S+.* only verif" : "(?! \\S+ only verif)"}`);
  for (const { served } of members)
    await vi.waitFor(() => expect(lastReading(served)).toMatch(says), { timeout: 60_000, interval: 25 });
}

const lastReading = ({ stderr }: Served) =>
  stderr()
    .split("\n")
    .filter((line) => line.includes("read again"))
    .at(-1);

/** NODE_OPTIONS for a process whose clock is ahead by so many seconds. */
export function shifted(seconds: number): string {
  const shift = `const now = Date.now; Date.now = () => now() + ${seconds * 1000};`;
  return `--import=data:text/javascript,${encodeURIComponent(shift)}`;
}

/** Runs a command whose clock is ahead by so many seconds. */
export function later({ cwd, env }: Place, seconds: number, args: readonly string[]) {
  return command({ cwd, env: { ...env, NODE_OPTIONS: shifted(seconds) } }, args);
}

export interface Load {
  /** How often each kind of request got each result, by a text such as `login 200`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Resolves when every client has begun and ended a renewal from now on. */
  renewedByAll(): Promise<void>;
  stop(): Promise<void>;
}

/** Verifiers of tokens besides the fleet, by their names in the counts. */
export type Verifiers = Readonly<Record<string, (token: string) => Promise<{ readonly login: string }>>>;

/** Clients that run until they are stopped, each with one session at a time. */
export function startLoad(members: readonly Member[], clients: number, verifiers: Verifiers): Load {
  const counts = new Map<string, number>();
  const renewed: number[] = Array.from({ length: clients }, () => 0);
  let stopped = false;
  const count = (asked: string, responded: unknown) => {
    const what = `${asked} ${responded}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    return responded;
  };

  async function client(number: number): Promise<void> {
    let turn = number;
    const url = () => members[turn++ % members.length]?.served.url ?? "";
    while (!stopped) {
      let grant = await granted("login", await postLogin(url(), alice));
      for (let round = 0; round < 10 && grant !== undefined && !stopped; round++) {
        for (let call = 0; call < members.length; call++) {
          const { status } = await fetch(`${url()}/session`, { headers: bearer(grant.token) });
          count("guarded", status);
        }
        for (const [name, verify] of Object.entries(verifiers)) count(name, await judged(verify, grant.token));
        const before = grant;
        grant = await granted("renew", await post(`${url()}/renew`, { refresh_token: before.refresh_token }));
        if (grant !== undefined) renewed[number] = (renewed[number] ?? 0) + 1;
        await pause(20);
      }
      if (grant !== undefined)
        count("logout", (await fetch(`${url()}/logout`, { method: "POST", headers: bearer(grant.token) })).status);
      await pause(20);
    }
  }

  async function judged(verify: Verifiers[string], token: string): Promise<unknown> {
    try {
      return (await verify(token)).login === alice.login ? 200 : "somebody else";
    } catch (error) {
      return error instanceof Error && "code" in error ? error.code : "an error";
    }
  }

  async function granted(asked: string, response: Response): Promise<Grant | undefined> {
    count(asked, response.status);
    const body = await response.json();
    return response.status === 200 ? body : undefined;
  }

  const running = renewed.map((_, number) => client(number));
  return {
    counts,
    async renewedByAll() {
      // A renewal that is under way can have begun earlier.
      const enough = renewed.map((count) => count + 2);
      await until(() => renewed.every((count, number) => count >= (enough[number] ?? 0)), 20);
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
