// The services of examples/verify-node, verify-python and verify-go follow the feed of an Ampho, as three processes. They
// reject what it rejects within a second, and respond with 503 when they cannot know.
import { createPrivateKey, sign } from "node:crypto";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import type { Ampho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { openAmpho } from "../world/ampho.js";
import { within } from "../world/deadline.js";
import { installMs } from "../world/debian.js";
import { freePort } from "../world/free-port.js";
import { type Behavior, listen, sendJson } from "../world/listen.js";
import { command, freshPlace, startServe } from "../world/serve.js";
import { pause, until } from "../world/wait.js";
import { emptyPage, startServer } from "./issuer.js";
import {
  audience,
  buildServices,
  feedToken,
  issuer,
  languages,
  type Service,
  startService,
  startServices,
} from "./services.js";
import { jwks, signedToken } from "./verifier-tokens.js";

beforeAll(buildServices, installMs);

const all = (verdict: string) => Object.fromEntries(languages.map((language) => [language, verdict]));
const seconds = () => Math.floor(Date.now() / 1000);
type Tokens = Readonly<Record<string, string>>;

/** The verdict of each service about a token. */
const verdicts = async (services: readonly Service[], token: string) =>
  Object.fromEntries(await Promise.all(services.map(async (one) => [one.language, await one.verdict(token)])));

const isFor = async (verdict: string, services: readonly Service[], token: string) =>
  Object.values(await verdicts(services, token)).every((one) => one === verdict);

/** The contract promises a second. */
const becomes = (verdict: string, services: readonly Service[], token: string) =>
  within(1000, () => isFor(verdict, services, token));

/** Waits as long as the test can take, where nothing is promised. */
const atLast = (verdict: string, services: readonly Service[], token: string) =>
  until(() => isFor(verdict, services, token), 20);

/** An Ampho behind a server of this process, with services. */
async function openIssuer() {
  const jwk = generateJwk("EdDSA");
  const options = { key: jwk, tokenIssuer: issuer, tokenAudience: audience, revocationFeedToken: feedToken };
  const { ampho } = await openAmpho(options);
  onTestFinished(() => ampho.close());
  const server = await listen(mount(ampho));
  const url = `${server.url}/api/security`;
  const foreign = (claims: object) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const whole = { iss: issuer, aud: audience, login: "x", exp: seconds() + 600, ...claims };
    const input = `${encode({ alg: "EdDSA", kid: jwk["kid"] })}.${encode(whole)}`;
    const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
    return `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
  };
  return { ampho, jwk, url, server, foreign };
}

/** Tokens of all kinds for one user, and of others. */
async function tokensFor(ampho: Ampho, foreign: (claims: object) => string) {
  const user = await ampho.users.create({ login: "Alice", roles: ["editor", "reader"] });
  const other = await ampho.users.create({ login: "bob", roles: ["editor"] });
  const grants = await Promise.all([user, user, other].map(({ id }) => ampho.sessions.create(id)));
  const tokens: Tokens = {
    session: grants[0]?.token ?? "",
    "another session": grants[1]?.token ?? "",
    "the session of another user": grants[2]?.token ?? "",
    "by login, without iat": foreign({ login: "ALICE" }),
    "by login, issued before": foreign({ login: "alice", iat: seconds() - 10, roles: ["editor"] }),
    "by login, issued later": foreign({ login: "Alice", iat: seconds() + 30 }),
    "by sub": foreign({ sub: user.id }),
    "by sub, with a role": foreign({ sub: user.id, roles: ["reader"] }),
    "of an unknown user": foreign({ login: "carol", sub: "nobody" }),
    "with a session of ours by other software": foreign({ sid: "0.unknown", sub: user.id, login: "Alice" }),
    "with a session of other software": foreign({ sid: "elsewhere", login: "alice" }),
  };
  return { user, session: String((await ampho.verify(tokens["session"] ?? "")).session), tokens };
}

type Act = (
  ampho: Ampho,
  of: { readonly session: string; readonly user: { readonly id: string } },
  kid: string,
) => unknown;

const acts: readonly (readonly [string, Act, string])[] = [
  ["the end of a session", (ampho, { session }) => ampho.sessions.end(session), "session"],
  ["the end of all sessions of a user", (ampho, { user }) => ampho.sessions.endForUser(user.id), "another session"],
  ["the removal of a role", (ampho) => ampho.users.setRoles("alice", { remove: ["editor"] }), "session"],
  ["the disabling of a user", (ampho) => ampho.users.disable("alice"), "by login, without iat"],
  ["the deletion of a user", (ampho) => ampho.users.remove("alice"), "by sub"],
  [
    "the revocation of a user by another spelling",
    (ampho, { user }) => ampho.sessions.revokeForUser({ ...user, login: "aLICE" }),
    "by sub",
  ],
  ["the end of everything", (ampho) => ampho.sessions.endForEveryone(), "of an unknown user"],
  ["the revocation of the key", (ampho, _, kid) => ampho.signingKeys.revoke(kid), "of an unknown user"],
];

test.each(acts)("each verifier gives every token the verdict of the Ampho after %s", async (_, act, changed) => {
  const { ampho, jwk, url, foreign } = await openIssuer();
  const { tokens, ...of } = await tokensFor(ampho, foreign);
  const services = await startServices(url);
  for (const [name, token] of Object.entries(tokens))
    expect([name, await verdicts(services, token)]).toEqual([name, all("200")]);
  await act(ampho, of, String(jwk["kid"]));
  await becomes("invalid_token", services, tokens[changed] ?? "");
  const own = async (token: string) =>
    ampho.verify(token).then(
      () => "200",
      (error: { readonly code?: string }) => String(error.code),
    );
  for (const [name, token] of Object.entries(tokens))
    expect([name, await verdicts(services, token)]).toEqual([name, all(await own(token))]);
  // A verifier that starts later gives the same verdict from its first token on. A revoked key is not published.
  const later = await startServices(url);
  for (const [name, token] of Object.entries(tokens))
    expect([name, await verdicts(later, token)]).toEqual([name, all(await own(token))]);
});

test("processes reject what other processes end within a second, and the first token of a new key is accepted", async () => {
  const jwk = generateJwk("EdDSA");
  const place = freshPlace({
    AMPHO_SECURITY_KEY: JSON.stringify(jwk),
    AMPHO_SECURITY_TOKEN_ISSUER: issuer,
    AMPHO_SECURITY_TOKEN_AUDIENCE: audience,
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: feedToken,
  });
  const password = "violet kettle harbour morning";
  expect(await command(place, ["user-add", "alice", "--role", "editor", "--password-stdin"], password)).toMatchObject({
    code: 0,
  });
  const port = String(await freePort());
  const served = await startServe(place, "--port", port);
  const login = async (): Promise<string> => {
    const body = JSON.stringify({ login: "alice", password });
    const headers = { "content-type": "application/json" };
    return (await (await fetch(`${served.url}/login`, { method: "POST", headers, body })).json()).token;
  };
  const services = await startServices(served.url);
  const [mine, other] = [await login(), await login()];
  expect([await verdicts(services, mine), await verdicts(services, other)]).toEqual([all("200"), all("200")]);
  await fetch(`${served.url}/logout`, { method: "POST", headers: { authorization: `Bearer ${mine}` } });
  await becomes("invalid_token", services, mine);
  expect(await verdicts(services, other)).toEqual(all("200"));
  // A stopped process accepts nothing that ended meanwhile, not even a request that waited for it.
  for (const { process } of services) process.kill("SIGSTOP");
  await command(place, ["session-end", "--login", "alice"]);
  const waiting = verdicts(services, other);
  await pause(1500);
  for (const { process } of services) process.kill("SIGCONT");
  expect(await waiting).toEqual(all("invalid_token"));
  // The server comes back with another key beside the old one.
  await served.stop();
  const next = generateJwk("ES256");
  const rotated = { ...place, env: { ...place.env, AMPHO_SECURITY_KEY: JSON.stringify({ keys: [next, jwk] }) } };
  await startServe(rotated, "--port", port);
  const newToken = await login();
  expect(await verdicts(services, newToken)).toEqual(all("200"));
});

describe("a bad server", () => {
  const session = { n: 1, at: 1, until: seconds() + 900, kind: "session", session_sha256: "x" };
  const page =
    (members: object): Behavior =>
    (request, response) =>
      sendJson({ ...emptyPage(), ...members })(request, response);
  const bad: readonly (readonly [string, Behavior])[] = [
    ["an unknown kind", page({ last: 1, revocations: [{ ...session, kind: "device" }] })],
    ["an entry without its digest", page({ last: 1, revocations: [{ ...session, session_sha256: undefined }] })],
    ["an entry that is null", page({ last: 1, revocations: [null] })],
    ["a kind that is a list", page({ last: 1, revocations: [{ ...session, kind: ["session"] }] })],
    ["no epoch", page({ epoch: undefined })],
    ["a last that is a text", page({ last: "1" })],
    ["a negative last", page({ last: -1 })],
    ["revocations that are an object", page({ revocations: {} })],
    ["more that is a number", page({ more: 0 })],
    ["a list", sendJson([])],
    ["no JSON", (_request, response) => void response.end("{")],
    ["a redirect", (_request, response) => void response.writeHead(302, { location: "/other" }).end()],
    ["the status 401", (_request, response) => void response.writeHead(401).end("{}")],
    ["the status 204", (_request, response) => void response.writeHead(204).end()],
    ["the end of the connection", (request) => void request.socket.destroy()],
    [
      "a response that is cut",
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write(JSON.stringify(emptyPage()), () => response.destroy());
      },
    ],
    ["no response", () => {}],
  ];

  test.each(bad)("no verifier starts when the feed has %s", async (_, behavior) => {
    const server = await startServer(jwks);
    server.feed = behavior;
    const ends = languages.map((language) => startService(language, server.url));
    for (const end of await Promise.allSettled(ends)) expect(end).toMatchObject({ status: "rejected" });
  });

  test.each<[string, Behavior]>([
    ["a redirect", (_request, response) => void response.writeHead(302, { location: "/other" }).end()],
    ["no set", sendJson({ keys: {} })],
    ["no JSON", (_request, response) => void response.end("<html>")],
    ["more than 64 KiB", sendJson({ ...jwks, x: "x".repeat(65_536) })],
    ["the status 500", (_request, response) => void response.writeHead(500).end(JSON.stringify(jwks))],
    ["no response", () => {}],
  ])("no verifier starts when the keys have %s", async (_, behavior) => {
    const server = await startServer(jwks);
    server.keys = behavior;
    const ends = languages.map((language) => startService(language, server.url));
    for (const end of await Promise.allSettled(ends)) expect(end).toMatchObject({ status: "rejected" });
  });

  test("each verifier goes on with its keys, and responds with 503 once the feed was unreachable for lagMax", async () => {
    const server = await startServer(jwks);
    const services = await startServices(server.url, { LAG_MAX: "5s" });
    const token = signedToken({});
    expect(await verdicts(services, token)).toEqual(all("200"));
    server.feed = (request) => void request.socket.destroy();
    server.keys = (request) => void request.socket.destroy();
    await atLast("unavailable", services, token);
    expect((await Promise.all(services.map((one) => one.ask(`Bearer ${token}`)))).map(({ status }) => status)).toEqual([
      503, 503, 503,
    ]);
    server.feed = page({});
    await atLast("200", services, token);
    // A key that is not known cannot be fetched, so the token might be good.
    await atLast("unavailable", services, signedToken({}, "unknown"));
    server.keys = sendJson(jwks);
  });

  test("each verifier reads everything again from a restored database, and keeps what it rejected", async () => {
    const server = await startServer(jwks);
    const entry = (n: number, kid: string) => ({ n, at: 1, until: seconds() + 900, kind: "signing_key", kid });
    let state = { epoch: "one", last: 2, rows: [entry(1, "key-RS256"), entry(2, "key-ES256")] };
    server.feed = (request, response) => {
      const after = Number(new URL(request.url ?? "", "http://host").searchParams.get("after"));
      const revocations = state.rows.filter(({ n }) => n > after);
      sendJson({ ...emptyPage(), epoch: state.epoch, last: state.last, revocations })(request, response);
    };
    const services = await startServices(server.url);
    const [rs, es, ps, ed] = ["RS256", "ES256", "PS256", "EdDSA"].map((alg) => signedToken({}, undefined, alg));
    expect(await verdicts(services, rs ?? "")).toEqual(all("invalid_token"));
    expect(await verdicts(services, ps ?? "")).toEqual(all("200"));
    // An older state, in which a number was assigned again: the entries from before stay in effect.
    state = { epoch: "one", last: 1, rows: [entry(1, "key-PS256")] };
    await atLast("invalid_token", services, ps ?? "");
    expect(await verdicts(services, rs ?? "")).toEqual(all("invalid_token"));
    // Another database, whose numbers are already above.
    state = { epoch: "two", last: 9, rows: [entry(1, "key-EdDSA")] };
    await atLast("invalid_token", services, ed ?? "");
    for (const token of [rs, es, ps]) expect(await verdicts(services, token ?? "")).toEqual(all("invalid_token"));
  });

  test("the verifiers in Python and Go reject a token of other software whose login they cannot compare", async () => {
    const server = await startServer(jwks);
    const services = await startServices(server.url);
    const token = signedToken({ sid: undefined, login: "Àlice" });
    expect(await verdicts(services, token)).toEqual({ node: "200", python: "invalid_token", go: "invalid_token" });
  });
});
