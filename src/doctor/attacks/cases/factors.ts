// Second factors that are left out, set up by a thief of the password, or used again. Every account is a test user.
import { standardAlphabet } from "../../../crypto/base32.js";
import { totpCode } from "../../../factors/totp.js";
import { membersOf, type Received, type Sent } from "../../exchange.js";
import {
  type Attack,
  bearerHeader,
  isRejected,
  judge,
  notRun,
  post,
  sendEach,
  type Target,
  type Verdict,
} from "../attack.js";
import { grantOf } from "../grant.js";
import { LoginFailure } from "../target.js";

const stepSeconds = 30;
/** A code of the present step must still be one when it arrives. */
const spareSeconds = 4;

/** A test user with an authenticator app. */
interface Owner {
  readonly device: string | undefined;
  /** The code that confirmed the app. */
  readonly used: string;
  codeAt(seconds: number): string;
}

const owners = new WeakMap<Target, Promise<Owner>>();

/** Sets up the app at the first call. */
function ownerOf(target: Target): Promise<Owner> {
  const known = owners.get(target) ?? setUp(target);
  owners.set(target, known);
  return known;
}

/** A slow instance can get a code when its time is over. */
const setUpsMax = 3;

async function setUp(target: Target, attempt = 1): Promise<Owner> {
  const session = await target.openSession(testUsersOf(target).owner);
  const begun = await target.send(post("/totp", {}, bearerHeader(session.token)));
  const seed = seedOf(String(membersOf(begun)["secret"]));
  const codeAt = (seconds: number) => totpCode(seed, Math.floor(seconds / stepSeconds));
  const late = target.now() % stepSeconds > stepSeconds - spareSeconds;
  if (late) await new Promise((resolve) => setTimeout(resolve, spareSeconds * 1000));
  // The code of the step before, so that the code of the present step is not used.
  const used = codeAt(target.now() - stepSeconds);
  const body = { transaction: grantOf(begun).transaction, totp: used };
  const { status } = await target.send(post("/totp/confirm", body, bearerHeader(session.token)));
  if (status === 401 && attempt < setUpsMax) return setUp(target, attempt + 1);
  if (status !== 200) throw new LoginFailure(`The set-up of an authenticator app returned ${status}.`);
  return { device: session.device, used, codeAt };
}

function testUsersOf({ testUsers }: Target) {
  if (testUsers === undefined) throw new TypeError("This attack requires test users.");
  return testUsers;
}

function seedOf(secret: string): Buffer {
  const bits = [...secret]
    .map((character) => standardAlphabet.indexOf(character).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

const needsFactor = (answer: Received): boolean => membersOf(answer)["error"] === "factor_needed";
const isDenied = (answer: Received): boolean =>
  grantOf(answer).token === undefined && (isRejected(answer) || answer.status === 429);

/** Returns the transaction of a login by password alone. Undefined if the login opened a session or was rejected. */
async function pendingLogin(target: Target, who: object): Promise<string | undefined> {
  const answer = await target.send(post("/login", who));
  return needsFactor(answer) ? grantOf(answer).transaction : undefined;
}

const forged = { acr: "2fa", amr: ["pwd", "otp", "mfa"], factors: [], enroll: false, remember: true };

async function leaveOut(target: Target): Promise<Verdict> {
  const { owner, withoutFactor } = testUsersOf(target);
  const { device } = await ownerOf(target);
  const all: (readonly [string, Sent])[] = [
    ["a password alone", post("/login", owner)],
    ["a password with the proof of a device", post("/login", { ...owner, device })],
    ["a password with further members", post("/login", { ...owner, ...forged })],
    ["a password without the factor that the policy requires", post("/login", withoutFactor)],
  ];
  for (const who of [owner, withoutFactor]) {
    const transaction = await pendingLogin(target, who);
    if (transaction === undefined) continue;
    all.push(
      ["a pending login as bearer token", { path: "/session", headers: [bearerHeader(transaction)] }],
      ["a pending login at the list of sessions", { path: "/sessions", headers: [bearerHeader(transaction)] }],
      ["a pending login as refresh token", post("/renew", { refresh_token: transaction })],
      ["a pending login without a factor", post("/login", { transaction, ...forged })],
    );
  }
  return judge(await sendEach(target, all), isDenied);
}

async function enrolByPassword(target: Target): Promise<Verdict> {
  const { owner } = testUsersOf(target);
  const { codeAt } = await ownerOf(target);
  const transaction = await pendingLogin(target, owner);
  if (transaction === undefined) return notRun("A login by password does not ask for the second factor.");
  const token = bearerHeader(transaction);
  const totp = codeAt(target.now());
  const requests: readonly (readonly [string, Sent])[] = [
    ["a set-up with the pending login", post("/totp", { transaction })],
    ["a set-up with the pending login as bearer token", post("/totp", {}, token)],
    ["a confirmation with the pending login", post("/totp/confirm", { transaction, totp })],
    ["new recovery codes", { method: "POST", path: "/recovery-codes", headers: [token] }],
    ["the removal of the app", { method: "DELETE", path: "/totp", headers: [token] }],
  ];
  return judge(await sendEach(target, requests), isDenied);
}

const racers = 4;

async function useTwice(target: Target): Promise<Verdict> {
  const { owner } = testUsersOf(target);
  const { used, codeAt } = await ownerOf(target);
  const first = await target.send(post("/login", { ...owner, totp: used }));
  const verdict = judge([["the code that confirmed the app", first]], isDenied);
  if (verdict.outcome !== "blocked") return verdict;
  const pending = await Promise.all(Array.from({ length: racers }, () => pendingLogin(target, owner)));
  const transactions = pending.filter((transaction) => transaction !== undefined);
  if (transactions.length < racers) return notRun("A login by password does not ask for the second factor.");
  const totp = codeAt(target.now());
  const raced = await Promise.all(
    transactions.map((transaction) => target.send(post("/login", { transaction, totp }))),
  );
  const opened = raced.filter((answer) => !isDenied(answer));
  if (opened.length === 0) return notRun("The server rejected a right code.");
  const later = await target.send(post("/login", { ...owner, totp }));
  const rest: readonly (readonly [string, Received])[] = opened
    .slice(1)
    .map((answer) => [`one code in ${racers} logins at once`, answer] as const);
  return judge([...rest, ["a code that was used", later]], isDenied);
}

export const factorAttacks: readonly Attack[] = [
  {
    id: "totp-replay",
    title: "Use a code of an authenticator app twice",
    source: "RFC 6238 §5.2",
    needs: "testUsers",
    run: useTwice,
  },
  {
    id: "second-factor",
    title: "Log in without the second factor",
    source: "CWE-308, OWASP ASVS 5.0 V6.3.3",
    needs: "testUsers",
    run: leaveOut,
  },
  {
    id: "pending-enrolment",
    title: "Change second factors with the password alone",
    source: "NIST SP 800-63B-4 §4.1.2.1",
    needs: "testUsers",
    run: enrolByPassword,
  },
];
