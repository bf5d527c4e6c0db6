// The clock of a running server jumps back and forth. It ends no session for good, and nothing that has ended works again.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bearer, type Grant, post } from "../world/requests.js";
import { addUser, freshPlace, logIn } from "../world/serve.js";
import { pause } from "../world/wait.js";

const [minute, hour, day] = [60, 3600, 86_400];
let child: ChildProcess;
let url: string;
let lines: AsyncIterator<string>;
process.once("exit", () => void child?.kill("SIGKILL"));

beforeAll(async () => {
  const place = freshPlace();
  await addUser(place);
  const script = fileURLToPath(new URL("./children/clocked.mjs", import.meta.url));
  const env = { PATH: process.env["PATH"], ...place.env };
  child = spawn(process.execPath, [script], { cwd: place.cwd, env, stdio: ["pipe", "pipe", "ignore"] });
  if (child.stdout === null) throw new Error("it has an output");
  lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  url = `${(await lines.next()).value}/api/security`;
});
afterAll(async () => {
  child.stdin?.end();
  await new Promise((resolve) => child.once("close", resolve));
});
beforeEach(() => step(0));

/** Sets the offset from the machine's clock. */
async function step(seconds: number): Promise<void> {
  child.stdin?.write(`${seconds}\n`);
  await lines.next();
}

const session = async (grant: Grant) => (await fetch(`${url}/session`, { headers: bearer(grant.token) })).status;
const renew = ({ refresh_token }: Grant) => post(`${url}/renew`, { refresh_token });
const logOut = (grant: Grant) => fetch(`${url}/logout`, { method: "POST", headers: bearer(grant.token) });
const outcome = async (response: Response) => [response.status, (await response.json()).error];

describe("a clock that jumps", () => {
  it("a jump back by less than the leeway is not noticed", async () => {
    const grant = await logIn({ url });
    await step(-50);
    expect(await session(grant)).toBe(200);
    expect((await renew(grant)).status).toBe(200);
  });

  it("tokens wait after a jump back by hours, and a renewal fixes it", async () => {
    const grant = await logIn({ url });
    await step(-3 * hour);
    expect(await session(grant)).toBe(401);
    const next: Grant = await (await renew(grant)).json();
    expect(await session(next)).toBe(200);
    await step(0);
    const last: Grant = await (await renew(next)).json();
    expect(await session(last)).toBe(200);
  });

  it("tokens expire at a jump ahead by hours, and a renewal fixes it", async () => {
    const grant = await logIn({ url });
    await step(3 * hour);
    expect(await session(grant)).toBe(401);
    const next: Grant = await (await renew(grant)).json();
    expect(await session(next)).toBe(200);
    await step(0);
    expect(await session(next)).toBe(401);
    expect((await renew(next)).status).toBe(200);
  });

  it("a jump ahead beyond the idle time ends no session for good", async () => {
    const grant = await logIn({ url });
    await step(20 * day);
    expect(await outcome(await renew(grant))).toEqual([401, "session_ended"]);
    await step(0);
    expect((await renew(grant)).status).toBe(200);
  });

  it("a jump ahead and back accepts nothing that has ended", async () => {
    const [ended, kept] = [await logIn({ url }), await logIn({ url })];
    expect((await logOut(ended)).status).toBe(204);
    // Long enough for every token to expire and for housekeeping to run.
    for (const ahead of [20 * minute, 2 * hour, 5 * day]) {
      await step(ahead);
      await pause(900);
      await step(0);
      await pause(900);
      expect([await session(ended), await session(kept)]).toEqual([401, 200]);
      expect(await outcome(await renew(ended))).toEqual([401, "session_ended"]);
    }
  });

  it("a jump back does not make a replay valid", async () => {
    const first = await logIn({ url });
    const second: Grant = await (await renew(first)).json();
    const third: Grant = await (await renew(second)).json();
    await step(-hour);
    expect(await outcome(await renew(first))).toEqual([401, "session_ended"]);
    await step(0);
    expect(await session(third)).toBe(401);
  });
});
