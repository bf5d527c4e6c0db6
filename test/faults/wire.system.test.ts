// Connections to PostgreSQL that are cut after each message of a login, a renewal and a logout, in either direction. Each gets
// a response or 503 in time. Nothing acknowledged is lost, nothing is half done, and no client is logged out.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, type Reply } from "./application.js";
import { contradictions } from "./ledger.js";
import { expectStatus, insist, key, logIn, logOut, type Tokens, tokensOf } from "./load.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";

let ground: PostgresGround;
beforeAll(async () => {
  ground = await openPostgresGround();
});
afterAll(() => ground.close());

const url = (): string => ground.apps[1]?.url ?? "";

/** Cuts at the next message after so many. Resolves to the result, and to the lost message if there was one. */
async function cutAfter(
  count: number,
  asking: () => Promise<Reply>,
): Promise<{ reply: Reply; lost: string | undefined }> {
  let [left, lost] = [count, ""];
  ground.proxy.judge(({ from, kind }) => {
    left -= 1;
    if (left !== -1) return "pass";
    lost = `${from} ${kind}`;
    return "cut";
  });
  const reply = await asking();
  ground.proxy.judge(() => "pass");
  return { reply, lost: lost === "" ? undefined : lost };
}

type Idempotency = ReturnType<typeof key>;

/** One flow: how it begins, and how a client without a response finds out whether it was done. */
interface Flow {
  readonly name: string;
  readonly ask: (tokens: Tokens, login: string, idempotency: Idempotency) => Promise<Reply>;
  /** Resolves to the tokens of the next attempt. */
  readonly settle: (tokens: Tokens, reply: Reply, idempotency: Idempotency, login: string) => Promise<Tokens>;
}

const renewal = ({ refreshToken }: Tokens, headers: Idempotency) => ({
  method: "POST",
  body: { refresh_token: refreshToken },
  headers,
});

const flows: readonly Flow[] = [
  {
    name: "a login",
    ask: (_, login) =>
      ask(`${url()}/login`, { method: "POST", body: { login, password: ground.ledger.passwords.get(login) } }),
    settle: async (tokens, reply) => {
      if (reply.status !== 200) return tokens;
      ground.ledger.opened(tokensOf(reply).token);
      await logOut(url(), tokensOf(reply), ground.ledger);
      return tokens;
    },
  },
  {
    name: "a renewal",
    ask: (tokens, _, headers) => ask(`${url()}/renew`, renewal(tokens, headers)),
    settle: async (tokens, reply, headers) => {
      const again = await insist(`${url()}/renew`, renewal(tokens, headers));
      const next = tokensOf(expectStatus(again, [200], "the same renewal again"));
      for (const each of reply.status === 200 ? [tokensOf(reply), next] : [next]) ground.ledger.renewed(each.token);
      return next;
    },
  },
  {
    name: "a logout",
    ask: ({ token }) => {
      ground.ledger.endAsked(token);
      return ask(`${url()}/logout`, { method: "POST", bearer: token });
    },
    settle: async (tokens, reply, _, login) => {
      if (reply.status === 204) ground.ledger.ended(tokens.token);
      await logOut(url(), tokens, ground.ledger);
      return logIn(url(), login, ground.ledger);
    },
  },
];

describe("connections that are cut after each message", () => {
  it.each(flows)("a $name survives a cut connection after each of its messages", { timeout: 180_000 }, async (flow) => {
    const { ledger, logins, rows } = ground;
    const lostOnes = new Set<string>();
    const [login = ""] = logins;
    // Other requests come now and then, too. Three complete runs mean that the last message is behind.
    let opened = await logIn(url(), login, ledger);
    for (let [count, whole] = [0, 0]; whole < 3; count++) {
      const [tokens, idempotency] = [opened, key()];
      const { reply, lost } = await cutAfter(count, () => flow.ask(tokens, login, idempotency));
      expectStatus(reply, [200, 204, 503], flow.name);
      if (reply.status === 503) expect([reply.error, reply.retryAfter > 0]).toEqual(["unavailable", true]);
      if (lost !== undefined) lostOnes.add(lost);
      whole = lost === undefined ? whole + 1 : 0;
      opened = await flow.settle(tokens, reply, idempotency, login);
    }
    // A query, its parts, its rows, the end of a statement and of a transaction: each was lost once.
    for (const kind of ["client Q", "client P", "client S", "server C", "server Z", "server D"])
      expect(lostOnes).toContain(kind);
    expect(ledger.lost(await rows("select id, gen, ended_at from ampho_sessions"))).toEqual([]);
    expect(await rows(contradictions)).toEqual([]);
  });
});
