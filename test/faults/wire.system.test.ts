// Connections to PostgreSQL that are cut after each message of the protocol, in either direction, of a login, a renewal and a
// logout: an answer or 503 in time, nothing acknowledged lost, no half of anything, and nobody logged out.
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

/** Cuts at the next message after so many; resolves to what was asked, and to the message that got lost, if any did. */
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

/** One flow: how it is begun, and how whoever got no answer finds out what came of it. */
interface Flow {
  readonly name: string;
  readonly ask: (tokens: Tokens, login: string, idempotency: Idempotency) => Promise<Reply>;
  /** Resolves to the tokens of the next try. */
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

describe("connections that are cut after each message of", () => {
  it.each(flows)("$name", { timeout: 180_000 }, async (flow) => {
    const { ledger, logins, rows } = ground;
    const lostOnes = new Set<string>();
    const [login = ""] = logins;
    // Others ask now and then, too: three that come through whole are behind the last message.
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
