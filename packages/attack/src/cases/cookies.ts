// A browser sends cookies by itself, so a page of another site must not be able to change anything with them (docs/guides/cookies.md).

import type { Attack, Session, Target } from "../attack.js";
import {
  bearerHeader,
  blocked,
  formOf,
  isRejected,
  isUnauthorized,
  judge,
  notRun,
  post,
  sendEach,
  succeeded,
} from "../attack.js";
import { membersOf } from "../exchange.js";
import { cookieNames } from "../grant.js";

type Header = readonly [string, string];
const none = notRun("The tokens of the server are not in cookies.");

const cookieOf = ({ token, refreshToken }: Session): Header => [
  "Cookie",
  `${cookieNames.token}=${token}; ${cookieNames.refreshToken}=${refreshToken}`,
];

/** Headers of requests that a page of another site makes a browser send. */
const crossSiteHeaders: readonly (readonly [string, readonly Header[]])[] = [
  [
    "Sec-Fetch-Site: cross-site",
    [
      ["Sec-Fetch-Site", "cross-site"],
      ["Origin", "https://elsewhere.example"],
    ],
  ],
  [
    "Sec-Fetch-Site: same-site from an unlisted origin",
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
  const session = await target.openSession();
  if (!session.byCookies) return none;
  const form: Header = ["Content-Type", "application/x-www-form-urlencoded"];
  const body = formOf(target.user);
  const verdict = judge(
    await sendEach(target, [
      ...crossSiteHeaders.flatMap(([what, headers]) => [
        [`a renewal, ${what}`, { method: "POST", path: "/renew", headers: [cookieOf(session), ...headers] }] as const,
        [`a logout, ${what}`, { method: "POST", path: "/logout", headers: [cookieOf(session), ...headers] }] as const,
      ]),
      [
        "a login by a form of another site",
        { method: "POST", path: "/login", headers: [form, ["Sec-Fetch-Site", "cross-site"]], body },
      ],
      ["a login from another Origin", post("/login", target.user, ["Origin", "https://elsewhere.example"])],
    ]),
    ({ status }) => status === 403 || status === 415,
  );
  if (verdict.outcome !== "blocked") return verdict;
  const alive = await target.send({ path: "/session", headers: [bearerHeader(session.token)] });
  return alive.status === 200 ? blocked : succeeded("a request from another site ended the session");
}

async function attributes(target: Target) {
  const response = await target.send(post("/login", target.user));
  const cookies = response.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  if (!(await target.sharedSession()).byCookies) return none;
  const faults = cookies.flatMap((cookie) => {
    const [name = "", ...rest] = cookie.split(";").map((part) => part.trim());
    const has = (attribute: RegExp) => rest.some((part) => attribute.test(part));
    return [
      ...(name.startsWith("__Host-") && has(/^path=\/$/i) && !has(/^domain=/i) ? [] : ["other hosts can set it"]),
      ...(has(/^secure$/i) ? [] : ["it is sent over http"]),
      ...(has(/^httponly$/i) ? [] : ["scripts can read it"]),
      ...(has(/^samesite=(?:lax|strict)$/i) ? [] : ["it is sent with requests from other sites"]),
    ].map((fault) => `${name.split("=")[0]}: ${fault}`);
  });
  const shown = ["token", "refresh_token", "device"].filter((name) => name in membersOf(response));
  if (shown.length > 0) faults.push(`scripts can read ${shown.join(", ")} in the body`);
  return faults.length === 0 ? blocked : succeeded(faults.slice(0, 3).join("; "));
}

async function twoTokens(target: Target) {
  const session = await target.sharedSession();
  const { token } = session;
  const other = await target.openSession();
  const cookie = (value: string): Header => ["Cookie", value];
  const ours = `${cookieNames.token}=${token}`;
  const reads = (...headers: readonly Header[]) => ({ path: "/session", headers });
  if (!session.byCookies)
    return judge(await sendEach(target, [["a cookie, although cookies are off", reads(cookie(ours))]]), isUnauthorized);
  return judge(
    await sendEach(target, [
      ["another token in the header", reads(bearerHeader(other.token), cookie(ours))],
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
    title: "Make a browser send its cookies from another site",
    source: "CWE-352",
    run: crossSite,
  },
  {
    id: "cookie-attributes",
    title: "Find cookies that scripts can read or other hosts can set",
    source: "RFC 6265 §4.1.2, CWE-1004",
    run: attributes,
  },
  {
    id: "cookie-token",
    title: "Send a token in a cookie beside another token",
    source: "CWE-565",
    run: twoTokens,
  },
];
