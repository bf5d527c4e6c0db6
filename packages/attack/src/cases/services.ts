// Service accounts at `POST /token`, and who can ask `POST /introspect` and end tokens at `POST /revoke`.
import {
  type Attack,
  bearerHeader,
  blocked,
  isRejected,
  isUnauthorized,
  judge,
  post,
  postForm,
  rejectedSoon,
  sendEach,
  succeeded,
  type Target,
  type TestService,
  type Verdict,
} from "../attack.js";
import { membersOf } from "../exchange.js";
import { encode, flipBit, join, parseSegment, segmentsOf } from "../forge.js";
import { grantOf } from "../grant.js";
import { accessTokenOf, basicHeader, grant, heldScope, judgeRejected, servicesOf, withServices } from "./oauth.js";

const askToken = (target: Target, { id, key }: TestService, scope?: string) =>
  target.send(postForm("/token", { ...grant, scope }, basicHeader(id, key)));

const tooMuch = (target: Target) =>
  withServices(target, async ({ gateway, other }) => {
    const unknown = "ampho-attack:unknown";
    const asked = [unknown, `${heldScope} ${unknown}`, heldScope.toUpperCase(), "*", "openid"];
    const all = [];
    for (const scope of asked) all.push([`the scope ${scope}`, await askToken(target, gateway, scope)] as const);
    all.push(["a scope of another service account", await askToken(target, other, heldScope)] as const);
    return judgeRejected(all);
  });

/** A user is no client, and a client authenticates in one way. */
const asClient = (target: Target) =>
  withServices(target, async ({ gateway, other }) => {
    const { token } = await target.sharedSession();
    const { id, key } = gateway;
    const both = { client_id: id, client_secret: key };
    return judgeRejected(
      await sendEach(target, [
        ["nothing", postForm("/token", { ...grant, client_id: id })],
        ["the token of a user", postForm("/token", grant, bearerHeader(token))],
        ["the token of a user as the secret", postForm("/token", grant, basicHeader(id, token))],
        ["the key of another service account", postForm("/token", grant, basicHeader(id, other.key))],
        ["the header and the form", postForm("/token", { ...grant, ...both }, basicHeader(id, key))],
        [
          "the header of one and the form of another",
          postForm("/token", { ...grant, ...both }, basicHeader(other.id, other.key)),
        ],
        ["the query", { ...postForm("/token", grant), path: `/token?client_id=${id}&client_secret=${key}` }],
        ["a password", postForm("/token", { grant_type: "password", username: id, password: key, ...both })],
        ["JSON", post("/token", { ...grant, ...both })],
      ]),
    );
  });

/** A disabled service account has no key and no token. */
const disabled = (target: Target) =>
  withServices(target, async () => {
    const services = servicesOf(target);
    const service = await services.create([heldScope]);
    const token = accessTokenOf(await askToken(target, service));
    if (token === "") return succeeded("a right key got no access token");
    await services.disable(service);
    return judgeRejected(
      await rejectedSoon(target, [
        ["a new token for its key", postForm("/token", grant, basicHeader(service.id, service.key))],
        ["its token", postForm("/introspect", { token }, bearerHeader(token))],
        ["its key", postForm("/introspect", { token }, bearerHeader(service.key))],
      ]),
    );
  });

/** No credential of a service account is a login. */
const atOwnRoutes = (target: Target) =>
  withServices(target, async ({ gateway }) => {
    const token = accessTokenOf(await askToken(target, gateway));
    if (token === "") return succeeded("a right key got no access token");
    const header = bearerHeader(token);
    const get = (path: string) => [path, { path, headers: [header] }] as const;
    return judge(
      await sendEach(target, [
        ...["/session", "/sessions", "/account", "/account/export", "/api-keys", "/passkeys"].map(get),
        ["a new key", post("/api-keys", { name: "ampho-attack", scopes: [heldScope] }, header)],
        ["the end of all sessions", { method: "DELETE", path: "/sessions", headers: [header] }],
        ["a step-up", post("/login", {}, header)],
        ["a renewal", { method: "POST", path: "/renew", headers: [header] }],
        ["a renewal by body", post("/renew", { refresh_token: token })],
        ["/session with its key", { path: "/session", headers: [bearerHeader(gateway.key)] }],
      ]),
      ({ status }) => [400, 401, 403, 404].includes(status),
    );
  });

const introspection = (target: Target) =>
  withServices(target, async ({ other, gateway }) => {
    const { token } = await target.sharedSession();
    const ask = (...headers: readonly (readonly [string, string])[]) => postForm("/introspect", { token }, ...headers);
    const verdict = judge(
      await sendEach(target, [
        ["without a client", ask()],
        ["as a user", ask(bearerHeader(token))],
        ["as a service account without the scope", ask(basicHeader(other.id, other.key))],
        ["the same with its key as bearer token", ask(bearerHeader(other.key))],
        ["as one service account with the key of another", ask(basicHeader(gateway.id, other.key))],
      ]),
      (response) => isRejected(response) && membersOf(response)["active"] === undefined,
    );
    return verdict.outcome === "blocked" ? sameForAll(target, gateway) : verdict;
  });

/** A gateway learns nothing of a token that is not good. */
async function sameForAll(target: Target, { id, key }: TestService): Promise<Verdict> {
  const { token, refreshToken } = await target.openSession();
  const { header, payload, signature } = segmentsOf(token);
  const tokens = { "a refresh token": refreshToken, "a changed token": join(header, payload, flipBit(signature, 3)) };
  const ask = (text: string) => target.send(postForm("/introspect", { token: text }, basicHeader(id, key)));
  const unknown = await ask("unknown");
  for (const [what, text] of Object.entries(tokens)) {
    const { status, body } = await ask(text);
    if (status !== unknown.status || body !== unknown.body) return succeeded(`${what} differs from an unknown one`);
  }
  return blocked;
}

/** Only the holder of a token ends what it belongs to. */
const revocation = (target: Target) =>
  withServices(target, async () => {
    const { token, refreshToken } = await target.openSession();
    const { header, payload, signature } = segmentsOf(token);
    const sid = String(parseSegment(payload)["sid"]);
    const forged = [
      join(header, payload, flipBit(signature, 3)),
      join(encode({ alg: "none" }), payload, ""),
      join(segmentsOf(refreshToken).header, segmentsOf(refreshToken).payload, signature),
      sid,
    ];
    for (const text of forged) await target.send(postForm("/revoke", { token: text }));
    // A renewal reads the database, so it sees the end of the session at once.
    const renewed = grantOf(await target.send(post("/renew", { refresh_token: refreshToken })));
    if (renewed.token === undefined) return succeeded("a forged token ended a session");
    await target.send(postForm("/revoke", { token: renewed.token }));
    return judge(
      await rejectedSoon(target, [
        ["the token", { path: "/session", headers: [bearerHeader(renewed.token)] }],
        ["the refresh token", post("/renew", { refresh_token: renewed.refreshToken })],
      ]),
      isUnauthorized,
    );
  });

export const serviceAttacks: readonly Attack[] = [
  {
    id: "service-scope",
    title: "Ask for a scope that the service account does not have",
    source: "RFC 6749 §3.3",
    needs: "testUsers",
    run: tooMuch,
  },
  {
    id: "service-client",
    title: "Get an access token as a user, or by two ways at once",
    source: "RFC 6749 §2.3",
    needs: "testUsers",
    run: asClient,
  },
  {
    id: "service-disabled",
    title: "Use the key and the token of a disabled service account",
    source: "CWE-613",
    needs: "testUsers",
    run: disabled,
  },
  {
    id: "service-own-routes",
    title: "Use the token of a service account as a login",
    source: "CWE-863",
    needs: "testUsers",
    run: atOwnRoutes,
  },
  {
    id: "introspection",
    title: "Ask about tokens without the right to, or distinguish bad ones",
    source: "RFC 7662 §2.1, §4",
    needs: "testUsers",
    run: introspection,
  },
  {
    id: "revocation",
    title: "End a session with a forged token, or use it after its end",
    source: "RFC 7009 §2.1",
    needs: "testUsers",
    run: revocation,
  },
];
