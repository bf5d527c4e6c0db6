// An attacker's guesses: what a response reveals, and how many are possible. Time is not measured, because a network hides it.
import { randomBytes } from "node:crypto";
import type { Attack, Target } from "../attack.js";
import { blocked, notRun, post, succeeded } from "../attack.js";
import { headerOf, type Received } from "../exchange.js";

const randomPassword = () => randomBytes(24).toString("base64url");

/** Headers that differ from one request to the next for every client. */
const varying = new Set(["date", "x-request-id", "connection", "keep-alive", "age", "via", "cf-ray", "server-timing"]);

/** Status, header names and values, and the exact body. */
export function shapeOf({ status, headers, body }: Received): Readonly<Record<string, string>> {
  const shown = headers.filter(([name]) => !varying.has(name)).map(([name, value]) => `${name}: ${value}`);
  return { status: String(status), headers: shown.sort().join("\n"), body };
}

async function enumerate(target: Target) {
  const { user, testUsers, unknownLogin } = target;
  const logins: (readonly [string, string])[] = [
    ["an unknown login", unknownLogin],
    ["a wrong password", user.login],
  ];
  if (testUsers !== undefined) logins.push(["an account without password", testUsers.withoutPassword]);
  const [unknown, ...others] = await inOrder(logins, async ([what, login]) => {
    return [what, shapeOf(await target.send(post("/login", { login, password: randomPassword() })))] as const;
  });
  // A successful login resets the failed attempt.
  await target.openSession();
  if (unknown === undefined) return blocked;
  const [, expected] = unknown;
  if (expected["status"] !== "401") return succeeded(`an unknown login: status ${expected["status"]}`);
  const differences = others.flatMap(([what, shape]) =>
    ["status", "headers", "body"]
      .filter((part) => shape[part] !== expected[part])
      .map((part) => `${what}: another ${part}`),
  );
  return differences.length === 0
    ? blocked
    : succeeded(`the response differs from that of an unknown login by ${differences.join("; ")}`);
}

async function inOrder<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await work(one));
  return results;
}

/** Far more than a user mistypes. NIST SP 800-63B allows 100 in a row. */
const attemptsMax = 40;

async function throttle(target: Target) {
  for (let at = 1; at <= attemptsMax; at++) {
    // Each attempt claims another address, so that only the login can be throttled.
    const from = ["X-Forwarded-For", `198.51.100.${at}`] as const;
    const response = await target.send(
      post("/login", { login: target.unknownLogin, password: randomPassword() }, from),
    );
    if (response.status !== 429) continue;
    const wait = headerOf(response, "retry-after");
    return wait !== undefined && /^[1-9]\d*$/.test(wait)
      ? blocked
      : succeeded("429 without the seconds of Retry-After");
  }
  return succeeded(`${attemptsMax} wrong passwords for one login were all checked`);
}

/** Another spelling of a login is the same login and must not have attempts of its own. */
async function lookAlikes(target: Target) {
  const spellings = [
    target.unknownLogin.toUpperCase(),
    `${target.unknownLogin.slice(0, 3)}\u200b${target.unknownLogin.slice(3)}`,
    fullWidth(target.unknownLogin),
  ];
  const known = await target.send(post("/login", { login: target.unknownLogin, password: randomPassword() }));
  if (known.status !== 429) return notRun("No login is throttled.");
  for (const login of spellings) {
    const response = await target.send(post("/login", { login, password: randomPassword() }));
    if (response.status !== 429 && response.status !== 400)
      return succeeded("another spelling of a throttled login is not throttled");
  }
  return blocked;
}

const fullWidth = (text: string): string =>
  [...text].map((one) => (one > " " && one <= "~" ? String.fromCodePoint(one.charCodeAt(0) + 0xfee0) : one)).join("");

export const guessingAttacks: readonly Attack[] = [
  {
    id: "enumeration",
    title: "Find out from a response whether a login exists",
    source: "CWE-204, OWASP ASVS 5.0 V6.3.8",
    run: enumerate,
  },
  {
    id: "throttle",
    title: "Guess passwords of one login from many addresses",
    source: "NIST SP 800-63B §3.2.2",
    run: throttle,
  },
  {
    id: "look-alikes",
    title: "Continue guessing with another spelling of the login",
    source: "UTS #39, CWE-178",
    run: lookAlikes,
  },
];
