// Tokens in cookies go along by themselves: who makes a browser send them must not get anything done. docs/cookies.md.
import { cookieNames } from "../../../http/rest/cookies/cookie-mode.js";
import { membersOf } from "../../exchange.js";
import type { Attack, Session, Target } from "../attack.js";
import { bearer, isRejected, isUnauthorized, judge, notRun, post, resisted, succeeded, tryEach } from "../attack.js";

type Header = readonly [string, string];
const none = notRun("its tokens are not in cookies");

const cookieOf = ({ token, refreshToken }: Session): Header => [
  "Cookie",
  `${cookieNames.token}=${token}; ${cookieNames.refreshToken}=${refreshToken}`,
];

/** How a request looks that a page elsewhere has made the browser send. */
const strangers: readonly (readonly [string, readonly Header[]])[] = [
  [
    "Sec-Fetch-Site: cross-site",
    [
      ["Sec-Fetch-Site", "cross-site"],
      ["Origin", "https://elsewhere.example"],
    ],
  ],
  [
    "Sec-Fetch-Site: same-site of nobody listed",
    [
      ["Sec-Fetch-Site", "same-site"],
      ["Origin", "https://x.elsewhere.example"],
    ],
  ],
  ["Sec-Fetch-Site: none", [["Sec-Fetch-Site", "none"]]],
  ["another Origin", [["Origin", "https://elsewhere.example"]]],
  ["Origin: null", [["Origin", "null"]]],
  ["neither", []],
];

async function crossSite(target: Target) {
  const session = await target.open();
  if (!session.byCookies) return none;
  const form: Header = ["Content-Type", "application/x-www-form-urlencoded"];
  const { login, password } = target.user;
  const body = `login=${login}&password=${encodeURIComponent(password)}`;
  const verdict = judge(
    await tryEach(target, [
      ...strangers.flatMap(([what, headers]) => [
        [`a renewal, ${what}`, { method: "POST", path: "/renew", headers: [cookieOf(session), ...headers] }] as const,
        [`a logout, ${what}`, { method: "POST", path: "/logout", headers: [cookieOf(session), ...headers] }] as const,
      ]),
      [
        "a login by a form elsewhere",
        { method: "POST", path: "/login", headers: [form, ["Sec-Fetch-Site", "cross-site"]], body },
      ],
      ["a login from another Origin", post("/login", target.user, ["Origin", "https://elsewhere.example"])],
    ]),
    ({ status }) => status === 403 || status === 415,
  );
  if (verdict.outcome !== "held") return verdict;
  const alive = await target.send({ path: "/session", headers: [bearer(session.token)] });
  return alive.status === 200 ? resisted : succeeded("a request from elsewhere has ended the session");
}

async function attributes(target: Target) {
  const answer = await target.send(post("/login", target.user));
  const cookies = answer.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  if (!(await target.standing()).byCookies) return none;
  const faults = cookies.flatMap((cookie) => {
    const [name = "", ...rest] = cookie.split(";").map((part) => part.trim());
    const has = (attribute: RegExp) => rest.some((part) => attribute.test(part));
    return [
      ...(name.startsWith("__Host-") && has(/^path=\/$/i) && !has(/^domain=/i) ? [] : ["other hosts can set it"]),
      ...(has(/^secure$/i) ? [] : ["it goes over http"]),
      ...(has(/^httponly$/i) ? [] : ["scripts can read it"]),
      ...(has(/^samesite=(?:lax|strict)$/i) ? [] : ["it goes along from elsewhere"]),
    ].map((fault) => `${name.split("=")[0]}: ${fault}`);
  });
  const shown = ["token", "refresh_token", "device"].filter((name) => name in membersOf(answer));
  if (shown.length > 0) faults.push(`the body holds ${shown.join(", ")} for scripts to read`);
  return faults.length === 0 ? resisted : succeeded(faults.slice(0, 3).join("; "));
}

async function twoTokens(target: Target) {
  const session = await target.standing();
  const { token } = session;
  const other = await target.open();
  const cookie = (value: string): Header => ["Cookie", value];
  const ours = `${cookieNames.token}=${token}`;
  const reads = (...headers: readonly Header[]) => ({ path: "/session", headers });
  if (!session.byCookies)
    return judge(await tryEach(target, [["a cookie, where none is taken", reads(cookie(ours))]]), isUnauthorized);
  return judge(
    await tryEach(target, [
      ["another token in the header", reads(bearer(other.token), cookie(ours))],
      ["the cookie twice", reads(cookie(`${ours}; ${cookieNames.token}=${other.token}`))],
      ["the same cookie twice", reads(cookie(`${ours}; ${ours}`))],
      ["its name in capitals", reads(cookie(`${cookieNames.token.toUpperCase()}=${token}`))],
    ]),
    isRejected,
  );
}

export const cookieAttacks: readonly Attack[] = [
  {
    id: "cross-site",
    title: "requests that pages elsewhere make a browser send with its cookies",
    source: "CWE-352",
    run: crossSite,
  },
  {
    id: "cookie-attributes",
    title: "cookies that scripts read, or that others set",
    source: "RFC 6265 §4.1.2, CWE-1004",
    run: attributes,
  },
  {
    id: "cookie-token",
    title: "a token in a cookie beside another one, or where none is taken",
    source: "CWE-565",
    run: twoTokens,
  },
];
