// Honest clients of a fleet. Each logs in, calls, renews and logs out in a loop, and sends each step to any of the processes.
// Every unexpected response is kept.

import { alice } from "../world/people.js";
import { bearer, type Grant, post, postLogin } from "../world/requests.js";
import type { Served } from "../world/serve.js";
import { until } from "../world/wait.js";

export interface Clients {
  /** The test can change it while they run. */
  readonly processes: Served[];
  /** The number of completed rounds, from login to logout. */
  readonly rounds: () => number;
  /** Waits for so many more rounds. */
  go(rounds: number): Promise<void>;
  /** Returns the errors. */
  stop(): Promise<readonly string[]>;
}

export function startClients(count: number, first: readonly Served[], who = alice): Clients {
  const processes = [...first];
  const wrong: string[] = [];
  let [rounds, running] = [0, true];

  const any = () => processes[Math.floor(Math.random() * processes.length)]?.url ?? "";

  async function expected(status: number, what: string, asked: Promise<Response>): Promise<Response> {
    const response = await asked;
    if (response.status === status) return response;
    throw new Error(`${what} returned ${response.status}: ${await response.text()}`);
  }

  const letIn = (token: string) =>
    expected(200, "a good token", fetch(`${any()}/session`, { headers: bearer(token) })).then((each) => each.text());

  async function round(): Promise<void> {
    const opened: Grant = await (await expected(200, "a login", postLogin(any(), who))).json();
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
      const enough = rounds + more;
      await until(() => rounds >= enough || wrong.length > 0);
    },
    async stop() {
      running = false;
      await Promise.all(all);
      return wrong;
    },
  };
}
