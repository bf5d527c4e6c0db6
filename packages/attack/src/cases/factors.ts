// Second factors that are left out, set up by a thief of the password, or used again. Every account is a test user.

import {
  type Attack,
  bearerHeader,
  isDenied,
  judge,
  notRun,
  post,
  sendEach,
  type Target,
  type Verdict,
} from "../attack.js";
import type { Received, Sent } from "../exchange.js";
import { grantOf } from "../grant.js";
import { appOwnerOf, beginLoginByPasskey, passkeyOf, pendingLogin, testUsersOf } from "../owners.js";

const forged = { acr: "2fa", amr: ["pwd", "otp", "mfa"], factors: [], enroll: false, remember: true };

async function leaveOut(target: Target): Promise<Verdict> {
  const { owner, withoutFactor } = testUsersOf(target);
  const { device } = await appOwnerOf(target);
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
  const { codeAt } = await appOwnerOf(target);
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
  const { used, codeAt } = await appOwnerOf(target);
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
  const opened = raced.filter((response) => !isDenied(response));
  if (opened.length === 0) return notRun("The server rejected a right code.");
  const later = await target.send(post("/login", { ...owner, totp }));
  const rest: readonly (readonly [string, Received])[] = opened
    .slice(1)
    .map((response) => [`one code in ${racers} logins at once`, response] as const);
  return judge([...rest, ["a code that was used", later]], isDenied);
}

async function replayAssertion(target: Target): Promise<Verdict> {
  const passkey = await passkeyOf(target);
  const [first, second] = [await beginLoginByPasskey(target), await beginLoginByPasskey(target)];
  if (typeof passkey === "string") return notRun(passkey);
  if (first === undefined || second === undefined) return notRun("The server offers no passkeys.");
  const assertion = passkey.assert(first.challenge);
  const body = { transaction: first.transaction, passkey: assertion };
  const right = await target.send(post("/login", body));
  if (grantOf(right).token === undefined) return notRun(`The server rejected a right passkey (${right.status}).`);
  return judge(
    await sendEach(target, [
      ["the same assertion", post("/login", body)],
      ["the assertion with a new transaction", post("/login", { ...body, transaction: second.transaction })],
      [
        "a new assertion with the used login transaction",
        post("/login", { ...body, passkey: passkey.assert(first.challenge) }),
      ],
    ]),
    isDenied,
  );
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
    title: "Sign in without the second factor",
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
  {
    id: "passkey-replay",
    title: "Use the response of a passkey twice",
    source: "WebAuthn L3 §13.4.3",
    needs: "testUsers",
    run: replayAssertion,
  },
];
