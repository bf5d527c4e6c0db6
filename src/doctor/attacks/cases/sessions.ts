// One credential in the place of another, a credential that was used before, and what has ended: RFC 9700 §4.14, RFC 8725 §3.12.

import type { Answer } from "../../exchange.js";
import type { Attack, Session, Target } from "../attack.js";
import {
  type AttemptResult,
  bearer,
  isUnauthorized,
  judge,
  post,
  rejectsTokens,
  resisted,
  succeeded,
  tryEach,
  type Verdict,
} from "../attack.js";
import { encode, forge, join, parseSegment, segmentsOf } from "../forge.js";
import { givenBy } from "../grant.js";

const readSession = (token: string) => ({ path: "/session", headers: [bearer(token)] });
const renewal = (refreshToken: string) => post("/renew", { refresh_token: refreshToken });

const refreshOf = (answer: Answer): string => givenBy(answer).refreshToken ?? "";
const tokenOf = (answer: Answer): string => givenBy(answer).token ?? "";

async function refreshAsAccess(target: Target) {
  const { refreshToken, device } = await target.standing();
  const { payload, header } = segmentsOf(refreshToken);
  return rejectsTokens(target, [
    ["a refresh token", refreshToken],
    ...(device === undefined ? [] : [["a device proof", device] as const]),
    ["a refresh token without its signature", join(header, payload, "")],
  ]);
}

async function accessAsRefresh(target: Target) {
  const { token, refreshToken, device } = await target.open();
  const { header, payload, signature } = segmentsOf(refreshToken);
  const access = segmentsOf(token);
  const claims = parseSegment(payload);
  const { key } = target;
  const trials: (readonly [string, string])[] = [
    ["an access token", token],
    ["an access token under the header of a refresh token", join(header, access.payload, access.signature)],
    ["alg none", join(encode({ ...parseSegment(header), alg: "none" }), payload, "")],
    ["no signature", join(header, payload, "")],
    ["a changed payload", join(header, encode({ ...claims, exp: Number(claims["exp"]) + 1 }), signature)],
    ["padding", `${refreshToken}=`],
    ...(device === undefined ? [] : [["a device proof", device] as const]),
    // Refresh tokens have a key of their own: the one that others hold for access tokens makes none.
    ...(key === undefined
      ? []
      : [["one signed with the key of access tokens", forge(key, parseSegment(header), claims)] as const]),
  ];
  return judge(
    await tryEach(
      target,
      trials.map(([what, text]) => [what, renewal(text)] as const),
    ),
    isUnauthorized,
  );
}

/** Renewing with what only authorizes must not give what renews for longer. */
async function upgrade(target: Target) {
  const { token } = await target.open();
  const answer = await target.send({ method: "POST", path: "/renew", headers: [bearer(token)] });
  if (answer.status !== 200) return judge([["renewal by access token", answer]], isUnauthorized);
  return givenBy(answer).refreshToken !== undefined
    ? succeeded("an access token was renewed into a refresh token")
    : resisted;
}

async function replay(target: Target) {
  const first = await target.open();
  const second = await target.send(renewal(first.refreshToken));
  const third = await target.send(renewal(refreshOf(second)));
  if (second.status !== 200 || third.status !== 200)
    return succeeded(`an honest renewal was refused (${second.status}, ${third.status})`);
  const replayed = await target.send(renewal(first.refreshToken));
  // The answer says who is believed: from now on nobody.
  const after: readonly AttemptResult[] = [
    ["the token of two renewals ago", replayed],
    ["the newest refresh token after it", await target.send(renewal(refreshOf(third)))],
    ...(await refusedSoon(target, [
      ["the newest access token after it", tokenOf(third)],
      ["the first access token after it", first.token],
    ])),
  ];
  return judge(after, isUnauthorized);
}

const racers = 20;

async function race(target: Target): Promise<Verdict> {
  const { refreshToken, token } = await target.open();
  const before = generationOf(token);
  // Connections first: those that are opened one after the other would bring the requests one after the other.
  await Promise.all(Array.from({ length: racers }, () => target.send({ path: "/session" })));
  const answers = await Promise.all(Array.from({ length: racers }, () => target.send(renewal(refreshToken))));
  const good = answers.filter(({ status }) => status === 200);
  if (good.length === 0) return succeeded(`none of ${racers} at once was answered 200`);
  const generations = new Set(good.map((answer) => generationOf(tokenOf(answer))));
  if (generations.size > 1) return succeeded(`${racers} at once made ${generations.size} generations`);
  if ([...generations][0] === before) return succeeded("the session moved no generation on");
  return resisted;
}

const generationOf = (token: string): unknown => parseSegment(segmentsOf(token).payload)["gen"];

async function loggedOut(target: Target) {
  const session = await target.open();
  const ended = await target.send({ method: "POST", path: "/logout", headers: [bearer(session.token)] });
  if (ended.status !== 204) return succeeded(`the logout was answered ${ended.status}`);
  return isOver(target, session);
}

async function endedByUser(target: Target) {
  const session = await target.open();
  const { sid } = parseSegment(segmentsOf(session.token).payload);
  const { token } = await target.standing();
  const ended = await target.send({ method: "DELETE", path: `/sessions/${sid}`, headers: [bearer(token)] });
  if (ended.status !== 204) return succeeded(`ending one's own session was answered ${ended.status}`);
  return isOver(target, session);
}

async function endedByOperator(target: Target) {
  const { guests } = target;
  if (guests === undefined) throw new TypeError("this attack needs users made for it");
  const session = await target.open(guests.disabled);
  await guests.disable(guests.disabled.login);
  const verdict = await isOver(target, session);
  if (verdict.outcome !== "held") return verdict;
  return judge([["a login of the disabled user", await target.send(post("/login", guests.disabled))]], isUnauthorized);
}

async function isOver(target: Target, { token, refreshToken }: Session): Promise<Verdict> {
  const access = await refusedSoon(target, [["the access token, more than a second later", token]]);
  return judge([...access, ["the refresh token", await target.send(renewal(refreshToken))]], isUnauthorized);
}

const [soonMs, pauseMs] = [1_500, 100];

/** What is revoked may live on for a second, where several processes answer. Two refusals in a row count. */
async function refusedSoon(
  target: Target,
  tokens: readonly (readonly [string, string])[],
): Promise<readonly AttemptResult[]> {
  const untilMs = performance.now() + soonMs;
  for (;;) {
    const trials = tokens.map(([what, token]) => [what, readSession(token)] as const);
    const answers = [...(await tryEach(target, trials)), ...(await tryEach(target, trials))];
    if (answers.every(([, answer]) => isUnauthorized(answer)) || performance.now() > untilMs) return answers;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function foreign(target: Target) {
  const { guests } = target;
  if (guests === undefined) throw new TypeError("this attack needs users made for it");
  const theirs = await target.open(guests.other);
  const { sid } = parseSegment(segmentsOf(theirs.token).payload);
  const { token } = await target.standing();
  const remove = (id: string) => ({ method: "DELETE", path: `/sessions/${id}`, headers: [bearer(token)] });
  const [theirsAnswer, noneAnswer] = [await target.send(remove(String(sid))), await target.send(remove("0.nothing"))];
  const verdict = judge([["ending another's session", theirsAnswer]], ({ status }) => status === 404 || status === 403);
  if (verdict.outcome !== "held") return verdict;
  if (theirsAnswer.body !== noneAnswer.body || theirsAnswer.status !== noneAnswer.status)
    return succeeded("another's session is told from one that is not there");
  return judge([["the other's session", await target.send(readSession(theirs.token))]], ({ status }) => status === 200);
}

export const sessionAttacks: readonly Attack[] = [
  {
    id: "refresh-as-access",
    title: "a refresh token or device proof as bearer",
    source: "RFC 8725 §3.12",
    run: refreshAsAccess,
  },
  {
    id: "access-as-refresh",
    title: "an access token, or a forged one, as refresh token",
    source: "RFC 8725 §2.8",
    run: accessAsRefresh,
  },
  { id: "upgrade", title: "from an access token to a refresh token", source: "RFC 9700 §2.2", run: upgrade },
  { id: "replay", title: "a refresh token of an older generation", source: "RFC 9700 §4.14.2", run: replay },
  { id: "renewal-race", title: `${racers} renewals with one token at once`, source: "CWE-362", run: race },
  { id: "logout", title: "tokens of a session that has logged out", source: "OWASP ASVS 5.0 V7.4.1", run: loggedOut },
  {
    id: "session-ended",
    title: "tokens of a session that its user has ended",
    source: "OWASP ASVS 5.0 V7.5.2",
    run: endedByUser,
  },
  {
    id: "user-disabled",
    title: "tokens of a user who was disabled",
    source: "OWASP ASVS 5.0 V7.4.2",
    needs: "guests",
    run: endedByOperator,
  },
  {
    id: "foreign-session",
    title: "ending a session of somebody else",
    source: "CWE-639",
    needs: "guests",
    run: foreign,
  },
];
