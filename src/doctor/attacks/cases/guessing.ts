// Guesses: what an answer tells, and how many there are. Time is not measured: over a network it says little.
import { randomBytes } from "node:crypto";
import { type Answer, headerOf } from "../../exchange.js";
import type { Attack, Target } from "../attack.js";
import { notRun, post, resisted, succeeded } from "../attack.js";

const guess = () => randomBytes(24).toString("base64url");

/** What differs from one request to the next whoever asks. */
const varying = new Set(["date", "x-request-id", "connection", "keep-alive", "age", "via", "cf-ray", "server-timing"]);

/** Status, names and values of headers, and the body to the byte. */
function shapeOf({ status, headers, body }: Answer): Readonly<Record<string, string>> {
  const shown = headers.filter(([name]) => !varying.has(name)).map(([name, value]) => `${name}: ${value}`);
  return { status: String(status), headers: shown.sort().join("\n"), body };
}

async function enumerate(target: Target) {
  const { user, guests, nobody } = target;
  const logins: (readonly [string, string])[] = [
    ["an unknown login", nobody],
    ["a wrong password", user.login],
  ];
  if (guests !== undefined) logins.push(["an account without password", guests.withoutPassword]);
  const [unknown, ...others] = await inOrder(logins, async ([what, login]) => {
    return [what, shapeOf(await target.send(post("/login", { login, password: guess() })))] as const;
  });
  // A right login forgives the wrong one before it.
  await target.open();
  if (unknown === undefined) return resisted;
  const [, expected] = unknown;
  if (expected["status"] !== "401") return succeeded(`an unknown login: answered ${expected["status"]}`);
  const told = others.flatMap(([what, shape]) =>
    ["status", "headers", "body"]
      .filter((part) => shape[part] !== expected[part])
      .map((part) => `${what}: another ${part}`),
  );
  return told.length === 0 ? resisted : succeeded(`told from an unknown login by ${told.join("; ")}`);
}

async function inOrder<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await work(one));
  return results;
}

/** Far more than anybody mistypes; NIST SP 800-63B allows 100 in a row. */
const guessesMax = 40;

async function throttle(target: Target) {
  for (let at = 1; at <= guessesMax; at++) {
    // As if each came from elsewhere: the login is what is guessed at.
    const from = ["X-Forwarded-For", `198.51.100.${at}`] as const;
    const answer = await target.send(post("/login", { login: target.nobody, password: guess() }, from));
    if (answer.status !== 429) continue;
    const wait = headerOf(answer, "retry-after");
    return wait !== undefined && /^[1-9]\d*$/.test(wait)
      ? resisted
      : succeeded("429 without the seconds of Retry-After");
  }
  return succeeded(`${guessesMax} wrong passwords for one login, and none was refused unseen`);
}

/** Logins that look like the user's, and are therefore the same one: no second budget of guesses. */
async function lookAlikes(target: Target) {
  const spellings = [
    target.nobody.toUpperCase(),
    `${target.nobody.slice(0, 3)}\u200b${target.nobody.slice(3)}`,
    fullWidth(target.nobody),
  ];
  const known = await target.send(post("/login", { login: target.nobody, password: guess() }));
  if (known.status !== 429) return notRun("no login is throttled");
  for (const login of spellings) {
    const answer = await target.send(post("/login", { login, password: guess() }));
    if (answer.status !== 429 && answer.status !== 400)
      return succeeded("another spelling of a throttled login is free");
  }
  return resisted;
}

const fullWidth = (text: string): string =>
  [...text].map((one) => (one > " " && one <= "~" ? String.fromCodePoint(one.charCodeAt(0) + 0xfee0) : one)).join("");

export const guessingAttacks: readonly Attack[] = [
  {
    id: "enumeration",
    title: "telling from an answer whether a login exists",
    source: "CWE-204, OWASP ASVS 5.0 V6.3.8",
    run: enumerate,
  },
  {
    id: "throttle",
    title: "guessing at a login without end, from many addresses",
    source: "NIST SP 800-63B §3.2.2",
    run: throttle,
  },
  {
    id: "look-alikes",
    title: "the same login in another spelling, to guess on",
    source: "UTS #39, CWE-178",
    run: lookAlikes,
  },
];
