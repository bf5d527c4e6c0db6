// Honest clients of a fleet: each logs in, is let in, renews and logs out, again and again, each step on any of the
// processes. Whatever is answered to that in another way than it should be is kept.

import { alice } from "../world/people.js";
import { bearer, type Grant, post } from "../world/requests.js";
import type { Served } from "../world/serve.js";

export interface Clients {
  /** May be changed while they run. */
  readonly processes: Served[];
  /** From login to logout. */
  readonly rounds: () => number;
  /** Waits for so many more. */
  go(rounds: number): Promise<void>;
  /** What went wrong. */
  stop(): Promise<readonly string[]>;
}

export function startClients(count: number, first: readonly Served[], who = alice): Clients {
  const processes = [...first];
  const wrong: string[] = [];
  let [rounds, running] = [0, true];

  const any = () => processes[Math.floor(Math.random() * processes.length)]?.url ?? "";

  async function expected(status: number, what: string, asked: Promise<Response>): Promise<Response> {
    const answer = await asked;
    if (answer.status === status) return answer;
    throw new Error(`${what} was answered with ${answer.status}: ${await answer.text()}`);
  }

  const letIn = (token: string) =>
    expected(200, "a good token", fetch(`${any()}/session`, { headers: bearer(token) })).then((each) => each.text());

  async function round(): Promise<void> {
    const opened: Grant = await (await expected(200, "a login", post(`${any()}/login`, who))).json();
    await letIn(opened.token);
    const next = await expected(200, "a renewal", post(`${any()}/renew`, { refresh_token: opened.refresh_token }));
    const { token }: Grant = await next.json();
    await letIn(token);
    await letIn(opened.token);
    const at = any();
    await expected(204, "a logout", fetch(`${at}/logout`, { method: "POST", headers: bearer(token) }));
    await expected(401, "a token after its logout", fetch(`${at}/session`, { headers: bearer(token) }));
    rounds += 1;
  }

  async function client(): Promise<void> {
    while (running) await round().catch((error: unknown) => wrong.push(String(error)));
  }

  const all = Array.from({ length: count }, client);
  return {
    processes,
    rounds: () => rounds,
    async go(more) {
      const until = rounds + more;
      while (rounds < until && wrong.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async stop() {
      running = false;
      await Promise.all(all);
      return wrong;
    },
  };
}
