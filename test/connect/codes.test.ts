// The code of a yes: who can redeem it, once, and with what.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import {
  addClient,
  askGuard,
  challengeOf,
  codeOf,
  connected,
  consent,
  issuer,
  membersOf,
  newVerifier,
  openConnect,
  outcomeOf,
  type Query,
  queryOf,
  redeem,
  renew,
  show,
  tokensOf,
} from "./connections.js";

const rejected = [400, "invalid_grant"];

onBothDatabases((ground) => {
  it("M-67: a code that comes again with its verifier ends the connection, also late", async () => {
    for (const later of [0, 30, 3600]) {
      const connect = await openConnect({ ground: await ground.another() });
      const { world } = connect;
      const verifier = newVerifier();
      const code = await codeOf(connect, verifier);
      const { access, refresh } = tokensOf(await redeem(connect, code, verifier));
      world.clock.advance(later);
      expect(outcomeOf(await redeem(connect, code, verifier))).toEqual(rejected);
      expect(await askGuard(world, access)).toBe("invalid_token");
      expect(outcomeOf(await renew(connect, refresh))).toEqual(rejected);
      expect(await world.events()).toContain("connection_replayed");
    }
  });

  it("M-67: of two requests at once at most one gets tokens, and no connection is left", async () => {
    const connect = await openConnect({ ground });
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const both = await Promise.all([1, 2, 3].map(() => redeem(connect, code, verifier)));
    expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
    const { world, bearer } = connect;
    expect((await world.call("GET", "/connections", { bearer })).json["connections"]).toEqual([]);
  });

  it("M-67: a code works for its client, its redirect URI and a minute alone, and a wrong attempt ends nothing", async () => {
    const redirects = ["https://reader.example/callback", "https://reader.example/other"];
    const connect = await openConnect({ ground, redirects });
    const { world } = connect;
    const other = await addClient(world, "other", { redirects });
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    expect(outcomeOf(await redeem({ world, client: other }, code, verifier))).toEqual(rejected);
    const more = { redirect_uri: redirects[1] };
    expect(outcomeOf(await redeem(connect, code, verifier, { more }))).toEqual(rejected);
    tokensOf(await redeem(connect, code, verifier));
    const late = await codeOf(connect, verifier);
    world.clock.advance(61);
    expect(outcomeOf(await redeem(connect, late, verifier))).toEqual(rejected);
  });

  it("M-68: a code of one user cannot be redeemed with the verifier of another login of the client", async () => {
    const connect = await openConnect({ ground });
    const [mine, theirs] = [newVerifier(), newVerifier()];
    const stolen = await codeOf(connect, theirs);
    expect(outcomeOf(await redeem(connect, stolen, mine))).toEqual(rejected);
    // The owner of the code is not disturbed by that.
    tokensOf(await redeem(connect, stolen, theirs));
  });

  it.each<readonly [string, Query]>([
    ["no challenge", { code_challenge: undefined, code_challenge_method: undefined }],
    ["no method", { code_challenge_method: undefined }],
    ["plain", { code_challenge_method: "plain" }],
    ["a small s", { code_challenge_method: "s256" }],
    ["42 characters", { code_challenge: "x".repeat(42) }],
    ["44 characters", { code_challenge: "x".repeat(44) }],
    ["padding", { code_challenge: `${"x".repeat(42)}=` }],
  ])("M-69: a request with %s gets no yes", async (_, query) => {
    const connect = await openConnect({ ground });
    const said = await consent(connect, newVerifier(), { query });
    expect(outcomeOf(said)).toEqual([400, "invalid_request"]);
    expect(membersOf(said).get("error")).toBe("invalid_request");
  });

  it("M-69: a verifier of 42 or 129 characters, the challenge itself, and none are rejected", async () => {
    const connect = await openConnect({ ground });
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    for (const wrong of [verifier.slice(1), verifier + "x".repeat(86), challengeOf(verifier), `${verifier} `])
      expect(outcomeOf(await redeem(connect, code, wrong)), wrong).toEqual(rejected);
    const missing = await redeem(connect, code, verifier, { more: { code_verifier: undefined } });
    expect(outcomeOf(missing)).toEqual([400, "invalid_request"]);
    const short = "v".repeat(42);
    const weak = await codeOf(connect, short, { query: { code_challenge: challengeOf(short) } });
    expect(outcomeOf(await redeem(connect, weak, short))).toEqual(rejected);
  });

  it("M-69: a parameter that comes twice is an error, in the query and in the form", async () => {
    const connect = await openConnect({ ground });
    const { world, client, bearer } = connect;
    const query = queryOf(client, newVerifier());
    const twice = `${query}&code_challenge=${challengeOf("other")}`;
    expect((await world.call("GET", `/authorize?${twice}`)).status).toBe(400);
    expect((await show(connect, twice)).status).toBe(400);
    const shown = await show(connect, query);
    world.clock.advance(2);
    const body = { query: twice, transaction: shown.json["transaction"], allow: true };
    expect((await world.call("POST", "/connect", { bearer, body })).status).toBeGreaterThanOrEqual(400);
    const form = `grant_type=authorization_code&client_id=${client}&code=a&code=b&redirect_uri=x&code_verifier=y`;
    expect((await world.call("POST", "/token", { form })).status).toBe(400);
  });

  it("M-70: iss is in every response, and in every error that the application learns of", async () => {
    const connect = await openConnect({ ground });
    const { world, client } = connect;
    const responses = [await consent(connect, newVerifier()), await consent(connect, newVerifier(), { allow: false })];
    for (const query of [{ response_type: "token" }, { scope: "nothing" }, { resource: "https://other.example" }])
      responses.push(await consent(connect, newVerifier(), { query }));
    for (const response of responses) expect(membersOf(response).get("iss"), response.text).toBe(issuer);
    const begun = await world.call("GET", `/authorize?${queryOf(client, newVerifier(), { prompt: "none" })}`);
    const location = new URL(begun.headers.get("location") ?? "");
    expect([location.searchParams.get("iss"), location.searchParams.get("error")]).toEqual([
      issuer,
      "interaction_required",
    ]);
  });

  it("M-93: no number of wrong codes and tokens stops a good one at the same address", async () => {
    const connect = await openConnect({ ground, options: { throttleAddress: 5 } });
    const { refresh } = await connected(connect);
    const address = "198.51.100.7";
    for (let at = 0; at < 30; at += 1) {
      expect(outcomeOf(await redeem(connect, `wrong${at}`, newVerifier(), { address }))).toEqual(rejected);
      expect(outcomeOf(await renew(connect, `wrong${at}`, { address }))).toEqual(rejected);
    }
    tokensOf(await renew(connect, refresh, { address }));
  });

  it("M-94: a user has at most twenty yeses whose code waits", async () => {
    const connect = await openConnect({ ground });
    for (let at = 0; at < 20; at += 1) await codeOf(connect, newVerifier(), { after: 1 });
    expect(outcomeOf(await consent(connect, newVerifier(), { after: 1 }))).toEqual([429, "too_many_attempts"]);
    connect.world.clock.advance(61);
    await codeOf(connect, newVerifier());
  });
});
