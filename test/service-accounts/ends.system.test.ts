// Service accounts in a fleet, and changes that come between the steps of an issue, on both databases.
import pg from "pg";
import { expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { onBothDatabases } from "../gate/owners.js";
import { revocationFeedToken, verifierFor } from "../verify/servers.js";
import { withinSecond } from "../world/deadline.js";
import { keyPair } from "../world/key-pairs.js";
import { listen } from "../world/listen.js";
import { DatabaseSync } from "../world/sqlite.js";
import { quiet } from "../world/wait.js";
import {
  askGuard,
  askToken,
  claimsFor,
  issuer,
  outcomeOf,
  pair,
  readers,
  scopes,
  sendAssertion,
  serviceOf,
  signed,
  tokenOf,
} from "./services.js";

const options = { scopes, tokenEndpoint: true } as const;

onBothDatabases((ground) => {
  /** Changes a row in a transaction that stays open until the returned function is called. */
  async function hold(url: string, statement: string): Promise<() => Promise<void>> {
    if (url.startsWith("sqlite:")) {
      const database = new DatabaseSync(url.slice("sqlite:".length));
      database.exec("begin immediate");
      database.exec(statement);
      return async () => {
        database.exec("commit");
        database.close();
      };
    }
    const client = new pg.Client(url);
    await client.connect();
    await client.query(`begin; ${statement.replaceAll("ampho_", "ampho.ampho_")}`);
    return async () => {
      await client.query("commit");
      await client.end();
    };
  }

  it.each([
    ["disabled", "update ampho_services set disabled = 1"],
    ["deleted", "delete from ampho_services"],
    ["left without its key", "update ampho_services set ended_at = ended_at; delete from ampho_api_keys"],
    [
      "left with the key of another one",
      "update ampho_services set ended_at = ended_at; update ampho_api_keys set user_id = 'x'",
    ],
    ["left without the scope", "update ampho_services set scopes = '[]'"],
  ])("M-11: a service account that is %s while its token waits to be issued gets none", async (_, statement) => {
    const world = await ground.open(options);
    const service = await serviceOf(world);
    // The process knows the key.
    expect(await askGuard(world, service.key)).toBe("articles:read");
    const release = await hold(ground.urlOf(world), statement);
    const asked = askToken(service);
    expect(await Promise.race([asked.then(() => "responds"), quiet(200).then(() => "waits")])).toBe("waits");
    await release();
    expect((await asked).status).toBeGreaterThanOrEqual(400);
  });

  it.each([
    ["disabled", "update ampho_services set disabled = 1"],
    ["left with other public keys", `update ampho_services set jwks = '{"keys":[]}'`],
    ["left without public keys", "update ampho_services set jwks = null"],
  ])("M-11: a service account that is %s while its assertion is checked gets no token", async (_, statement) => {
    const world = await ground.open({ ...options, tokenIssuer: issuer });
    const service = await serviceOf(world);
    const own = pair("own");
    await world.ampho.services.setPublicKeys("nightly", { keys: [own.jwk] });
    const assertion = () => signed({ alg: "ES256", kid: "own" }, claimsFor(service), own.privateKey);
    expect((await sendAssertion(service, assertion())).status).toBe(200);
    const release = await hold(ground.urlOf(world), statement);
    const asked = sendAssertion(service, assertion());
    expect(await Promise.race([asked.then(() => "responds"), quiet(200).then(() => "waits")])).toBe("waits");
    await release();
    expect(outcomeOf(await asked)).toEqual([401, "invalid_client"]);
  });

  it("M-11: no token that is issued during changes outlives the last one, in any process", async () => {
    const first = await ground.open(options);
    const second = await first.another();
    const service = await serviceOf(first);
    const tokens: string[] = [];
    const ask = async (world: typeof first) => {
      const { json } = await askToken({ ...service, world });
      if (typeof json["access_token"] === "string") tokens.push(json["access_token"]);
    };
    await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        await ask(n % 2 === 0 ? first : second);
        if (n % 5 === 0) await second.ampho.services.setScopes("nightly", ["articles:read"]);
        await ask(n % 2 === 0 ? second : first);
      }),
    );
    await second.ampho.services.disable("nightly");
    expect(tokens.length).toBeGreaterThan(10);
    const left = async () => {
      const asked = [first, second].flatMap((each) => tokens.map((token) => askGuard(each, token)));
      return [...new Set(await Promise.all(asked))];
    };
    await withinSecond(left, ["invalid_token"]);
    await first.ampho.services.enable("nightly");
    const next = await tokenOf({ ...service, world: second });
    await expect.poll(() => askGuard(first, next)).toBe("articles:read");
    expect(await left()).toEqual(["invalid_token"]);
  });

  it("a token ends within a second at every instance, at a verifier, and after a restart", async () => {
    const key = { ...keyPair("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), kid: "1" };
    const first = await ground.open({ ...options, key, revocationFeedToken });
    const others = await Promise.all([first.another(), first.another()]);
    const { url } = await listen(mount(first.ampho));
    const api = `${url}/api/security`;
    const revocations = { url: `${api}/revocations`, token: revocationFeedToken };
    const { verifier } = verifierFor({ jwksUrl: `${api}/.well-known/jwks.json`, revocations, clock: first.clock });
    const service = await serviceOf(first);
    const everywhere = [first, ...others];
    for (const change of [
      () => others[0]?.ampho.services.setScopes("nightly", ["articles:read"]),
      async () => others[1]?.ampho.apiKeys.revoke((await first.ampho.services.createApiKey("nightly")).id),
      () => others[0]?.ampho.services.disable("nightly"),
    ]) {
      const token = await tokenOf(service);
      const asked = async () => [
        ...(await Promise.all(everywhere.map((each) => askGuard(each, token)))),
        await verifier.verify(token, ["service"]).then(
          ({ scopes: has }) => has.join(" "),
          (error: { readonly code: string }) => error.code,
        ),
      ];
      expect(await asked()).toEqual(Array(4).fill("articles:read"));
      await change();
      await withinSecond(asked, Array(4).fill("invalid_token"));
      expect(await askGuard(await first.another(), token, { ...readers, live: true })).toBe("invalid_token");
    }
  });
});
