// People whose sessions are older than the upgrade. They renew, call, create API keys and ask for mails, at any of the
// processes, from before the upgrade until after the way back. Every unexpected response is kept.
import { bearer, type Grant, post, postLogin } from "../world/requests.js";
import type { Served } from "../world/serve.js";
import { pause } from "../world/wait.js";

export interface Person {
  readonly login: string;
  readonly password: string;
}

export interface Users {
  /** The test can change it while they run. */
  readonly processes: Served[];
  readonly wrong: readonly string[];
  readonly counts: { renewals: number; keys: number; mails: number };
  /** Waits for so many more renewals of each user. */
  go(renewals: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startUsers(people: readonly Person[], first: readonly Served[]): Promise<Users> {
  const processes = [...first];
  const wrong: string[] = [];
  const counts = { renewals: 0, keys: 0, mails: 0 };
  let running = true;
  const any = () => processes[Math.floor(Math.random() * processes.length)]?.url ?? "";

  async function expected(status: number, what: string, asked: Promise<Response>): Promise<Response> {
    const response = await asked;
    if (response.status === status) return response;
    throw new Error(`${what} returned ${response.status}: ${await response.text()}`);
  }
  const json = async <T>(status: number, what: string, asked: Promise<Response>): Promise<T> =>
    (await expected(status, what, asked)).json() as Promise<T>;

  async function useKey(token: string): Promise<void> {
    const body = { name: "Backup", scopes: ["read"] };
    const created = await json<{ id: string }>(201, "a new API key", post(`${any()}/api-keys`, body, bearer(token)));
    const listed = await json<{ api_keys: readonly { id: string }[] }>(
      200,
      "the list of API keys",
      fetch(`${any()}/api-keys`, { headers: bearer(token) }),
    );
    if (!listed.api_keys.some(({ id }) => id === created.id)) throw new Error("a new API key is not in the list");
    const ended = fetch(`${any()}/api-keys/${created.id}`, { method: "DELETE", headers: bearer(token) });
    await expected(204, "the end of an API key", ended);
    counts.keys += 1;
  }

  async function live(grant: Grant, person: Person): Promise<void> {
    let refreshToken = grant.refresh_token;
    for (let round = 0; running; round++) {
      const next = await json<Grant>(200, "a renewal", post(`${any()}/renew`, { refresh_token: refreshToken }));
      refreshToken = next.refresh_token;
      counts.renewals += 1;
      await expected(200, "a good token", fetch(`${any()}/session`, { headers: bearer(next.token) }));
      if (round % 10 === 1) {
        const other = await json<Grant>(200, "a login", postLogin(any(), person));
        await useKey(other.token);
        await expected(204, "a logout", fetch(`${any()}/logout`, { method: "POST", headers: bearer(other.token) }));
      }
      // Once each, because a second mail must wait.
      if (round === 5 + 7 * people.indexOf(person)) {
        await expected(200, "a mail", post(`${any()}/password/reset`, { login: person.login }));
        counts.mails += 1;
      }
      await pause(20);
    }
  }

  const sessions = await Promise.all(
    people.map((person) => json<Grant>(200, "the first login", postLogin(any(), person))),
  );
  const all = sessions.map((grant, at) =>
    live(grant, people[at] as Person).catch((error: unknown) => wrong.push(String(error))),
  );
  return {
    processes,
    wrong,
    counts,
    async go(renewals) {
      const until = counts.renewals + renewals * people.length;
      while (counts.renewals < until && wrong.length === 0) await pause(10);
    },
    async stop() {
      running = false;
      await Promise.all(all);
    },
  };
}
