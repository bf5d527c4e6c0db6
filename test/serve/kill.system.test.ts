// kill -9 on a real server while it acknowledges logins, renewals and logouts. After each restart everything acknowledged is
// in the database, each session has one live generation, and no write is partial.
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { alice } from "../world/people.js";
import { bearer, type Grant, post, postLogin } from "../world/requests.js";
import { addUser, command, freshPlace, type Place, type Served, startServe, unthrottled } from "../world/serve.js";

/** A client's knowledge of its session: the newest grant, and the renewal whose response it has not seen. */
interface Client {
  readonly id: string;
  grant: Grant;
  begun: string | undefined;
  over: "no" | "asked" | "yes";
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
const generationOf = ({ token }: Grant): number => claimsOf(token).gen;

async function grantOf(response: Response): Promise<Grant> {
  expect(response.status).toBe(200);
  return response.json();
}

const renew = async ({ url }: Served, client: Client): Promise<Response> => {
  // As a careful client does: it stores the key before the first attempt, and sends it again with the next.
  client.begun ??= `retry-${crypto.randomUUID()}`;
  return post(`${url}/renew`, { refresh_token: client.grant.refresh_token }, { "idempotency-key": client.begun });
};

/** Logs in, renews and logs out without pause until the server is gone. It records only what was acknowledged. */
async function work(served: Served, clients: Client[], acknowledge: () => void): Promise<void> {
  try {
    for (;;) {
      const grant = await grantOf(await postLogin(served.url, alice));
      const client: Client = { id: claimsOf(grant.token).sid, grant, begun: undefined, over: "no" };
      clients.push(client);
      acknowledge();
      for (let count = 0; count < 6; count++) {
        const next = await grantOf(await renew(served, client));
        client.grant = next;
        client.begun = undefined;
        acknowledge();
      }
      if (clients.length % 2 === 0) continue;
      client.over = "asked";
      const { status } = await fetch(`${served.url}/logout`, { method: "POST", headers: bearer(client.grant.token) });
      expect(status).toBe(204);
      client.over = "yes";
      acknowledge();
    }
  } catch (error) {
    // The connection broke, which ends this round.
    if (!(error instanceof TypeError)) throw error;
  }
}

it("no acknowledged write is lost when a server is killed, round after round", { timeout: 90_000 }, async () => {
  const place = freshPlace({ ...unthrottled, AMPHO_SECURITY_SESSIONS_PER_USER: "10000" });
  await addUser(place);
  let clients: Client[] = [];
  for (const acknowledgements of [7, 60, 1, 33]) {
    const served = await startServe(place);
    await expectKept(served, clients);
    clients = [];
    let left = acknowledgements;
    const acknowledge = () => {
      left -= 1;
      if (left === 0) served.process.kill("SIGKILL");
    };
    await Promise.all(Array.from({ length: 4 }, () => work(served, clients, acknowledge)));
    expect((await served.stop()).code).toBe(null);
    expect(halfWritten(place)).toEqual([]);
  }
  const served = await startServe(place);
  await expectKept(served, clients);
  expect((await served.stop()).code).toBe(0);
  const { stdout } = await command(place, ["session-list", alice.login, "--json"]);
  const listed: readonly { readonly id: string }[] = JSON.parse(stdout);
  expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
});

async function expectKept(served: Served, clients: readonly Client[]): Promise<void> {
  for (const client of clients) {
    const before = generationOf(client.grant);
    const asked = await fetch(`${served.url}/session`, { headers: bearer(client.grant.token) });
    if (client.over === "yes") {
      expect([asked.status, (await renew(served, client)).status]).toEqual([401, 401]);
      continue;
    }
    // A logout without a response is either complete or absent.
    const renewed = await renew(served, client);
    expect([200, client.over === "asked" ? 401 : 200]).toContain(renewed.status);
    expect(asked.status).toBe(renewed.status);
    if (renewed.status !== 200) continue;
    const grant: Grant = await renewed.json();
    expect(generationOf(grant)).toBe(before + 1);
    // One generation is live. A client with the one before gets it again, and none is ahead.
    expect(generationOf(await grantOf(await renew(served, client)))).toBe(before + 1);
  }
}

/** Rows that contradict each other. */
function halfWritten({ cwd }: Place): readonly unknown[] {
  const { DatabaseSync } = loadDriver(undefined);
  const database = new DatabaseSync(join(cwd, "ampho.db"));
  const count = (events: string) =>
    `(select count(*) from ampho_audit where session_id = ampho_sessions.id and event in (${events}))`;
  const rows = [
    ...database
      .prepare(
        `select id from ampho_sessions where ${count("'login'")} <> 1 or ${count("'renew'")} <> gen
         or ${count("'logout'")} <> (ended_at is not null)
         or (select count(*) from ampho_revocations where session_id = ampho_sessions.id) <> (ended_at is not null)`,
      )
      .all(),
    ...database
      .prepare("pragma integrity_check")
      .all()
      .filter((row) => row["integrity_check"] !== "ok"),
  ];
  database.close();
  return rows;
}
