// Credentials used for the wrong purpose, used again, or used after their session has ended (RFC 9700 §4.14, RFC 8725 §3.12).

import type { Attack, Session, Target } from "../attack.js";
import {
  type AttemptResult,
  bearerHeader,
  blocked,
  isUnauthorized,
  judge,
  notRun,
  post,
  rejectedSoon,
  rejectsTokens,
  sendEach,
  succeeded,
  type Verdict,
} from "../attack.js";
import type { Received } from "../exchange.js";
import { encode, forge, join, parseSegment, segmentsOf } from "../forge.js";
import { grantOf } from "../grant.js";

const readSession = (token: string) => ({ path: "/session", headers: [bearerHeader(token)] });
const renewal = (refreshToken: string) => post("/renew", { refresh_token: refreshToken });

const refreshOf = (response: Received): string => grantOf(response).refreshToken ?? "";
const tokenOf = (response: Received): string => grantOf(response).token ?? "";

async function refreshAsAccess(target: Target) {
  const { refreshToken, device } = await target.sharedSession();
  const { payload, header } = segmentsOf(refreshToken);
  return rejectsTokens(target, [
    ["a refresh token", refreshToken],
    ...(device === undefined ? [] : [["a device proof", device] as const]),
    ["a refresh token without its signature", join(header, payload, "")],
  ]);
}

async function accessAsRefresh(target: Target) {
  const { token, refreshToken, device } = await target.openSession();
  const { header, payload, signature } = segmentsOf(refreshToken);
  const access = segmentsOf(token);
  const claims = parseSegment(payload);
  const { key } = target;
  const requests: (readonly [string, string])[] = [
    ["an access token", token],
    ["an access token under the header of a refresh token", join(header, access.payload, access.signature)],
    ["alg none", join(encode({ ...parseSegment(header), alg: "none" }), payload, "")],
    ["no signature", join(header, payload, "")],
    ["a changed payload", join(header, encode({ ...claims, exp: Number(claims["exp"]) + 1 }), signature)],
    ["padding", `${refreshToken}=`],
    ...(device === undefined ? [] : [["a device proof", device] as const]),
    // Refresh tokens are signed with a derived key, so that the holder of the access token key cannot forge one.
    ...(key === undefined
      ? []
      : [["one signed with the key of access tokens", forge(key, parseSegment(header), claims)] as const]),
  ];
  return judge(
    await sendEach(
      target,
      requests.map(([what, text]) => [what, renewal(text)] as const),
    ),
    isUnauthorized,
  );
}

/** A renewal by access token must not return a refresh token, which lives longer. */
async function upgrade(target: Target) {
  const { token } = await target.openSession();
  const response = await target.send({ method: "POST", path: "/renew", headers: [bearerHeader(token)] });
  if (response.status !== 200) return judge([["renewal by access token", response]], isUnauthorized);
  return grantOf(response).refreshToken !== undefined
    ? succeeded("a renewal by access token returned a refresh token")
    : blocked;
}

async function replay(target: Target) {
  const first = await target.openSession();
  const second = await target.send(renewal(first.refreshToken));
  const third = await target.send(renewal(refreshOf(second)));
  if (second.status !== 200 || third.status !== 200)
    return succeeded(`a regular renewal was rejected (${second.status}, ${third.status})`);
  const replayed = await target.send(renewal(first.refreshToken));
  // After a replay, every token of the session must be rejected.
  const after: readonly AttemptResult[] = [
    ["the token of two renewals ago", replayed],
    ["the newest refresh token after it", await target.send(renewal(refreshOf(third)))],
    ...(await rejectedSoon(target, [
      ["the newest access token after it", readSession(tokenOf(third))],
      ["the first access token after it", readSession(first.token)],
    ])),
  ];
  return judge(after, isUnauthorized);
}

/** A thief with a copied refresh token must not receive what the user proves afterwards. */
async function renewBefore(target: Target): Promise<Verdict> {
  const first = await target.openSession();
  const again = await target.send(post("/login", target.user, bearerHeader(first.token)));
  if (again.status !== 200) return succeeded(`a re-authentication returned ${again.status}`);
  if (sidOf(tokenOf(again)) !== sidOf(first.token)) return notRun("A login with a token opens another session.");
  const key = ["Idempotency-Key", first.refreshToken.slice(-32)] as const;
  const old = await sendEach(target, [
    ["the refresh token from before it", renewal(first.refreshToken)],
    ["the same with an idempotency key", post("/renew", { refresh_token: first.refreshToken }, key)],
  ]);
  const verdict = judge(old, isUnauthorized);
  if (verdict.outcome !== "blocked") return verdict;
  const newest = await target.send(renewal(refreshOf(again)));
  return judge([["the refresh token of the re-authentication", newest]], ({ status }) => status === 200);
}

const sidOf = (token: string): unknown => parseSegment(segmentsOf(token).payload)["sid"];

const racers = 20;

async function race(target: Target): Promise<Verdict> {
  const { refreshToken, token } = await target.openSession();
  const before = generationOf(token);
  // Open the connections first, so that the renewals arrive at the same time.
  await Promise.all(Array.from({ length: racers }, () => target.send({ path: "/session" })));
  const responses = await Promise.all(Array.from({ length: racers }, () => target.send(renewal(refreshToken))));
  const good = responses.filter(({ status }) => status === 200);
  if (good.length === 0) return succeeded(`none of ${racers} concurrent renewals succeeded`);
  const generations = new Set(good.map((response) => generationOf(tokenOf(response))));
  if (generations.size > 1) return succeeded(`${racers} concurrent renewals created ${generations.size} generations`);
  if ([...generations][0] === before) return succeeded("the session stayed at its generation");
  return blocked;
}

const generationOf = (token: string): unknown => parseSegment(segmentsOf(token).payload)["gen"];

async function loggedOut(target: Target) {
  const session = await target.openSession();
  const ended = await target.send({ method: "POST", path: "/logout", headers: [bearerHeader(session.token)] });
  if (ended.status !== 204) return succeeded(`the logout returned ${ended.status}`);
  return isOver(target, session);
}

async function endedByUser(target: Target) {
  const session = await target.openSession();
  const { sid } = parseSegment(segmentsOf(session.token).payload);
  const { token } = await target.sharedSession();
  const ended = await target.send({ method: "DELETE", path: `/sessions/${sid}`, headers: [bearerHeader(token)] });
  if (ended.status !== 204) return succeeded(`ending a session of the same user returned ${ended.status}`);
  return isOver(target, session);
}

async function endedByOperator(target: Target) {
  const { testUsers } = target;
  if (testUsers === undefined) throw new TypeError("This attack requires test users.");
  const session = await target.openSession(testUsers.disabled);
  await testUsers.disable(testUsers.disabled.login);
  const verdict = await isOver(target, session);
  if (verdict.outcome !== "blocked") return verdict;
  return judge(
    [["a login of the disabled user", await target.send(post("/login", testUsers.disabled))]],
    isUnauthorized,
  );
}

async function isOver(target: Target, { token, refreshToken }: Session): Promise<Verdict> {
  const access = await rejectedSoon(target, [["the access token, more than a second later", readSession(token)]]);
  return judge([...access, ["the refresh token", await target.send(renewal(refreshToken))]], isUnauthorized);
}

async function foreign(target: Target) {
  const { testUsers } = target;
  if (testUsers === undefined) throw new TypeError("This attack requires test users.");
  const theirs = await target.openSession(testUsers.other);
  const { sid } = parseSegment(segmentsOf(theirs.token).payload);
  const { token } = await target.sharedSession();
  const remove = (id: string) => ({ method: "DELETE", path: `/sessions/${id}`, headers: [bearerHeader(token)] });
  const [theirsResponse, noneResponse] = [
    await target.send(remove(String(sid))),
    await target.send(remove("0.nothing")),
  ];
  const verdict = judge(
    [["ending another's session", theirsResponse]],
    ({ status }) => status === 404 || status === 403,
  );
  if (verdict.outcome !== "blocked") return verdict;
  if (theirsResponse.body !== noneResponse.body || theirsResponse.status !== noneResponse.status)
    return succeeded("the response reveals whether the session of another user exists");
  return judge([["the other's session", await target.send(readSession(theirs.token))]], ({ status }) => status === 200);
}

export const sessionAttacks: readonly Attack[] = [
  {
    id: "refresh-as-access",
    title: "Use a refresh token or device proof as bearer token",
    source: "RFC 8725 §3.12",
    run: refreshAsAccess,
  },
  {
    id: "access-as-refresh",
    title: "Use an access token or a forged token as refresh token",
    source: "RFC 8725 §2.8",
    run: accessAsRefresh,
  },
  { id: "upgrade", title: "Turn an access token into a refresh token", source: "RFC 9700 §2.2", run: upgrade },
  { id: "replay", title: "Replay a refresh token of an older generation", source: "RFC 9700 §4.14.2", run: replay },
  {
    id: "re-authentication",
    title: "Renew with a refresh token from before a re-authentication",
    source: "OWASP ASVS 5.0 V7.2.4",
    run: renewBefore,
  },
  { id: "renewal-race", title: `Renew ${racers} times at once with one token`, source: "CWE-362", run: race },
  { id: "logout", title: "Use tokens after a logout", source: "OWASP ASVS 5.0 V7.4.1", run: loggedOut },
  {
    id: "session-ended",
    title: "Use tokens of a session that its user ended",
    source: "OWASP ASVS 5.0 V7.5.2",
    run: endedByUser,
  },
  {
    id: "user-disabled",
    title: "Use tokens of a disabled user",
    source: "OWASP ASVS 5.0 V7.4.2",
    needs: "testUsers",
    run: endedByOperator,
  },
  {
    id: "foreign-session",
    title: "End the session of another user",
    source: "CWE-639",
    needs: "testUsers",
    run: foreign,
  },
];
