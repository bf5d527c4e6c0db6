// A token is accepted in one place only, and no other header identifies the user (RFC 6750 §2, RFC 9110 §5.3 and §11.6.2).

import type { Attack, Target } from "../attack.js";
import {
  bearerHeader,
  blocked,
  formOf,
  isRejected,
  isUnauthorized,
  judge,
  post,
  sendEach,
  succeeded,
} from "../attack.js";
import type { Sent } from "../exchange.js";
import { join, segmentsOf } from "../forge.js";

type Header = readonly [string, string];
const sessionWith = (...headers: readonly Header[]): Sent => ({ path: "/session", headers });

async function twoAuthorizations(target: Target) {
  const { token } = await target.sharedSession();
  const { header, payload } = segmentsOf(token);
  const [good, bad] = [bearerHeader(token), bearerHeader(join(header, payload, "AAAA"))];
  return judge(
    await sendEach(target, [
      ["a good one, then a bad one", sessionWith(good, bad)],
      ["a bad one, then a good one", sessionWith(bad, good)],
      ["a good one twice", sessionWith(good, good)],
      ["another spelling of the name", sessionWith(good, ["authorization", bad[1]])],
      ["Basic, then a good one", sessionWith(["Authorization", "Basic YTpi"], good)],
      ["a good one, then Basic", sessionWith(good, ["Authorization", "Basic YTpi"])],
      ["two in one, good first", sessionWith(["Authorization", `${good[1]}, ${bad[1]}`])],
      ["two in one, good last", sessionWith(["Authorization", `${bad[1]}, ${good[1]}`])],
    ]),
    isRejected,
  );
}

async function inQuery(target: Target) {
  const { token } = await target.sharedSession();
  const { token: own, refreshToken } = await target.openSession();
  const { login, password } = target.user;
  const names = ["access_token", "token", "ACCESS_TOKEN", "bearer", "authorization"];
  return judge(
    await sendEach(target, [
      ...names.map((name) => [`${name} in the query`, { path: `/session?${name}=${token}` }] as const),
      ["access_token beside a header", { path: `/session?access_token=${own}`, headers: [bearerHeader(token)] }],
      ["a logout by query", { method: "POST", path: `/logout?access_token=${own}` }],
      ["a renewal by query", { method: "POST", path: `/renew?refresh_token=${refreshToken}` }],
      ["a login by query", { method: "POST", path: `/login?${formOf(target.user)}` }],
      ["a password in the query", post(`/login?password=${encodeURIComponent(password)}`, { login })],
    ]),
    isRejected,
  );
}

async function inBody(target: Target) {
  const { token } = await target.openSession();
  const form: Header = ["Content-Type", "application/x-www-form-urlencoded"];
  return judge(
    await sendEach(target, [
      ["access_token in a JSON body", post("/logout", { access_token: token })],
      ["access_token in a form", { method: "POST", path: "/logout", headers: [form], body: `access_token=${token}` }],
      ["token in a JSON body", post("/logout", { token })],
      ["access_token in the body of a renewal", post("/renew", { access_token: token })],
      ["a cookie", sessionWith(["Cookie", `access_token=${token}; token=${token}; session=${token}`])],
      ["X-Access-Token", sessionWith(["X-Access-Token", token], ["X-Auth-Token", token])],
      ["Proxy-Authorization", sessionWith(["Proxy-Authorization", `Bearer ${token}`])],
    ]),
    isRejected,
  );
}

async function schemes(target: Target) {
  const { token } = await target.sharedSession();
  const value = (text: string) => sessionWith(["Authorization", text]);
  const cased = await sendEach(target, [
    ["bearer in lower case", value(`bearer ${token}`)],
    ["BEARER in capitals", value(`BEARER ${token}`)],
  ]);
  const known = judge(cased, ({ status }) => status === 200);
  if (known.outcome !== "blocked") return known;
  return judge(
    await sendEach(target, [
      ["no scheme", value(token)],
      ["Token", value(`Token ${token}`)],
      ["JWT", value(`JWT ${token}`)],
      ["Basic", value(`Basic ${Buffer.from(`${target.user.login}:${token}`).toString("base64")}`)],
      ["DPoP", value(`DPoP ${token}`)],
      ["Bearer without a space", value(`Bearer${token}`)],
      ["Bearer with a colon", value(`Bearer: ${token}`)],
      ["Bearer twice", value(`Bearer Bearer ${token}`)],
      ["Bearer=", value(`Bearer=${token}`)],
      ["a parameter behind", value(`Bearer ${token}, realm="x"`)],
    ]),
    isUnauthorized,
  );
}

async function claimedBySide(target: Target) {
  // A header carries octets, each of which Node writes as one character of Latin-1.
  const login = Buffer.from(target.user.login).toString("latin1");
  const names = [
    "X-User",
    "X-Forwarded-User",
    "X-Remote-User",
    "Remote-User",
    "X-Authenticated-User",
    "X-Auth-User",
    "X-Login",
  ];
  return judge(
    await sendEach(target, [
      ["no token", sessionWith()],
      ...names.map((name) => [name, sessionWith([name, login])] as const),
      ["all of them", sessionWith(...names.map((name): Header => [name, login]))],
      ["X-Forwarded-For of this machine", sessionWith(["X-Forwarded-For", "127.0.0.1"])],
      ["an internal host", sessionWith(["X-Forwarded-Host", "localhost"], ["X-Real-IP", "127.0.0.1"])],
    ]),
    isUnauthorized,
  );
}

async function otherPaths(target: Target) {
  const spelled = [
    "/session/",
    "//session",
    "/./session",
    "/x/../session",
    "/session;a=b",
    "/%73ession",
    "/SESSION",
    "/session%00",
    "/session%2f",
    "/session.json",
    "/session?",
    "/session#x",
    "/login/../session",
    "/.well-known/jwks.json/../../session",
  ];
  const rewritten = ["X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Uri"];
  return judge(
    await sendEach(target, [
      ...spelled.map((path) => [path, { path }] as const),
      ...rewritten.map(
        (name) =>
          [name, { path: "/session", headers: [[name, "/.well-known/jwks.json"]] as readonly Header[] }] as const,
      ),
    ]),
    isRejected,
  );
}

async function otherMethods(target: Target) {
  const { token } = await target.openSession();
  const override = (method: string, name: string, value: string): Sent => ({
    method,
    path: "/sessions",
    headers: [bearerHeader(token), [name, value]],
  });
  const names = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
  const overridden = await sendEach(target, [
    ...names.map((name) => [name, override("GET", name, "DELETE")] as const),
    ["_method in the query", { path: "/sessions?_method=DELETE", headers: [bearerHeader(token)] }],
    ["GET for a logout", { path: "/logout", headers: [bearerHeader(token)] }],
    ["TRACE", { method: "TRACE", path: "/session", headers: [bearerHeader(token)] }],
    ["an unknown method", { method: "PROPFIND", path: "/session", headers: [bearerHeader(token)] }],
  ]);
  const traced = overridden.find(
    ([what, { status, body }]) => what === "TRACE" && status < 300 && body.includes(token),
  );
  if (traced !== undefined) return succeeded("TRACE returns the token");
  const wrong = overridden.filter(
    ([what]) => what.startsWith("GET") || what === "TRACE" || what === "an unknown method",
  );
  const verdict = judge(wrong, isRejected);
  if (verdict.outcome !== "blocked") return verdict;
  const alive = await target.send(sessionWith(bearerHeader(token)));
  return alive.status === 200 ? blocked : succeeded("a GET ended the session");
}

async function twoHosts(target: Target) {
  return judge(
    await sendEach(target, [
      ["two Host headers", sessionWith(["Host", "localhost"], ["Host", "example.invalid"])],
      [
        "two Content-Types",
        {
          ...post("/login", target.user),
          headers: [
            ["Content-Type", "text/plain"],
            ["Content-Type", "application/json"],
          ],
        },
      ],
    ]),
    isRejected,
  );
}

export const headerAttacks: readonly Attack[] = [
  {
    id: "two-authorizations",
    title: "Send two Authorization headers, or two tokens in one",
    source: "RFC 9110 §5.3",
    run: twoAuthorizations,
  },
  { id: "query-token", title: "Send credentials in the query", source: "RFC 6750 §5.3, RFC 9700 §4.3.2", run: inQuery },
  {
    id: "body-token",
    title: "Send the token in the body, a cookie or another header",
    source: "RFC 6750 §2.2",
    run: inBody,
  },
  {
    id: "scheme",
    title: "Use another scheme than Bearer",
    source: "RFC 9110 §11.1",
    run: schemes,
  },
  { id: "claimed-user", title: "Claim a user in another header", source: "CWE-290", run: claimedBySide },
  { id: "path", title: "Spell a guarded path differently", source: "CWE-647, CVE-2018-14773", run: otherPaths },
  {
    id: "method",
    title: "Override the method, or use TRACE",
    source: "CWE-650, CVE-2003-1567",
    run: otherMethods,
  },
  { id: "repeated-header", title: "Repeat a header that can occur once", source: "RFC 9112 §3.2", run: twoHosts },
];
