// Clients that log in, renew, log out and change passwords without pause, as careful ones do. A request without a response is
// sent again with the same token and key. The responses go into the ledger.
import { randomUUID } from "node:crypto";
import { pause } from "../world/wait.js";
import { type Application, type Asked, ask, type Reply } from "./application.js";
import type { Ledger } from "./ledger.js";

export interface Load {
  /** Every client finishes its step. Rejects with the first response that no client should get. */
  stop(): Promise<void>;
}

const thinkMs = 40;
const againMs = 100;
/** Requests that began just before the fault also had to wait for other things. */
const patienceMs = 10_000;

export function startLoad(apps: readonly Application[], logins: readonly string[], ledger: Ledger): Load {
  let stopped = false;
  const going = () => !stopped;
  const clients = logins.map((login, at) => {
    const client = clientOf(apps[at % apps.length]?.url ?? "", login, ledger);
    return at % 3 === 2 ? keep(going, client.changePassword) : keep(going, client.useSession);
  });
  // A client that fails ends here. The others run until all are stopped.
  for (const client of clients) client.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
    },
  };
}

async function keep(going: () => boolean, step: () => Promise<void>): Promise<void> {
  while (going()) {
    await step();
    await pause(thinkMs);
  }
}

/** Repeats until the response is not 503. A 503 must state when to come back. */
export async function insist(url: string, asked: Asked): Promise<Reply> {
  for (;;) {
    const reply = await ask(url, { withinMs: patienceMs, ...asked });
    if (reply.status !== 503) return reply;
    if (!(reply.retryAfter > 0)) throw new Error("a 503 without Retry-After");
    await pause(againMs);
  }
}

export function expectStatus(reply: Reply, statuses: readonly number[], what: string): Reply {
  if (statuses.includes(reply.status)) return reply;
  throw new Error(`${what} returned ${reply.status} ${String(reply.error)}`);
}

export interface Tokens {
  readonly token: string;
  readonly refreshToken: string;
}

export function tokensOf({ json }: Reply): Tokens {
  return { token: String(json["token"]), refreshToken: String(json["refresh_token"]) };
}

export const key = () => ({ "idempotency-key": `try-${randomUUID()}` });

export async function logIn(url: string, login: string, ledger: Ledger): Promise<Tokens> {
  const body = { login, password: ledger.passwords.get(login) };
  const tokens = tokensOf(
    expectStatus(await insist(`${url}/login`, { method: "POST", body }), [200], `a login of ${login}`),
  );
  ledger.opened(tokens.token);
  return tokens;
}

export async function renew(url: string, { refreshToken }: Tokens, ledger: Ledger, headers = key()): Promise<Tokens> {
  const asked = { method: "POST", body: { refresh_token: refreshToken }, headers };
  const tokens = tokensOf(expectStatus(await insist(`${url}/renew`, asked), [200], "a renewal"));
  ledger.renewed(tokens.token);
  return tokens;
}

export async function logOut(url: string, { token }: Tokens, ledger: Ledger): Promise<void> {
  ledger.endAsked(token);
  // 401: an attempt before this one got no response, but was done.
  expectStatus(await insist(`${url}/logout`, { method: "POST", bearer: token }), [204, 401], "a logout");
  ledger.ended(token);
}

/** Repeats until it is known which of the two passwords counts. Returns the new tokens of the session, if the response came. */
export async function changePassword(
  url: string,
  login: string,
  { token }: Tokens,
  ledger: Ledger,
): Promise<Tokens | undefined> {
  const [password = "", next] = [ledger.passwords.get(login), `violet kettle harbour ${randomUUID()}`];
  const asked = { method: "POST", bearer: token, body: { password, new_password: next } };
  // 401: an attempt before this one got no response, but was done. The login that follows shows it.
  const reply = expectStatus(await insist(`${url}/password`, asked), [200, 401], "a change of password");
  ledger.passwordSet(login, next);
  return reply.status === 200 ? tokensOf(reply) : undefined;
}

function clientOf(url: string, login: string, ledger: Ledger) {
  return {
    useSession: async () => {
      let tokens = await logIn(url, login, ledger);
      for (let count = 0; count < 4; count++) {
        tokens = await renew(url, tokens, ledger);
        await pause(thinkMs);
      }
      await logOut(url, tokens, ledger);
    },
    changePassword: async () => {
      const tokens = await logIn(url, login, ledger);
      const changed = await changePassword(url, login, tokens, ledger);
      await logOut(url, await logIn(url, login, ledger), ledger);
      if (changed !== undefined) await logOut(url, changed, ledger);
    },
  };
}
