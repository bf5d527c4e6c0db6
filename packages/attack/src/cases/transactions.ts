// A transaction of one purpose where another purpose is finished. Otherwise a client could finish a login with the set-up of a
// factor, or a reset with the code of a login.
import { randomBytes } from "node:crypto";
import { type Attack, bearerHeader, judge, post, sendEach, type Target, type Verdict } from "../attack.js";
import type { Authenticator } from "../authenticator.js";
import { membersOf, type Received, type Sent } from "../exchange.js";
import { grantOf } from "../grant.js";
import { mailRequestsOf } from "../mail-requests.js";
import { beginAppSetUp, beginLoginByPasskey, membersAt, passkeyOf, pendingLogin, testUsersOf } from "../owners.js";

/** A transaction that was begun, with the right proof for its own purpose where there is one. */
interface Begun {
  readonly purpose: string;
  readonly transaction: string;
  readonly totp?: string;
  /** The challenge of a passkey. */
  readonly challenge?: string;
}

/** `right`: the purposes that the route finishes. */
interface Finish {
  readonly name: string;
  readonly right: readonly string[];
  request(begun: Begun): Sent;
}

async function beginAll(target: Target, token: string, provider: string | undefined): Promise<readonly Begun[]> {
  const { owner, withoutFactor } = testUsersOf(target);
  const all: (Omit<Begun, "transaction"> & { readonly transaction: string | undefined })[] = [];
  const begin = async (purpose: string, path: string, body: object) => {
    const response = await target.send(post(path, body, bearerHeader(token)));
    const { challenge } = membersAt(membersOf(response), "passkey");
    const { transaction } = grantOf(response);
    all.push({ purpose, transaction, ...(typeof challenge === "string" && { challenge }) });
  };
  const login = await beginLoginByPasskey(target);
  if (login !== undefined) all.push({ purpose: "login", ...login });
  all.push({ purpose: "second", transaction: await pendingLogin(target, owner) });
  all.push({ purpose: "enroll", transaction: await pendingLogin(target, withoutFactor) });
  const { transaction, codeAt } = await beginAppSetUp(target, token);
  all.push({ purpose: "totp", transaction, totp: codeAt(target.now()) });
  await begin("passkey", "/passkeys/options", {});
  const requests = await mailRequestsOf(target);
  if (typeof requests !== "string")
    for (const { path, known, transaction: mailed } of requests)
      if (known === undefined) all.push({ purpose: path === "/login/mail" ? "mail" : "reset", transaction: mailed });
  if (provider !== undefined) {
    await begin("outside", "/login/outside", { provider });
    await begin("link", "/identities", { provider });
  }
  return all.flatMap(({ transaction: begun, ...more }) =>
    begun === undefined ? [] : [{ ...more, transaction: begun }],
  );
}

/** The ways to log in that the server offers. */
async function waysOf(target: Target): Promise<{ readonly mail: boolean; readonly provider: string | undefined }> {
  const { mail, providers } = membersAt(membersOf(await target.send({ path: "/login" })), "ways");
  const first: unknown = Array.isArray(providers) ? providers[0] : undefined;
  const { name } = membersAt({ first }, "first");
  return { mail: mail === true, provider: typeof name === "string" ? name : undefined };
}

function finishesFor(token: string, authenticator: Authenticator | undefined, provider: string): readonly Finish[] {
  const session = bearerHeader(token);
  const code = "12345678";
  const password = randomBytes(48).toString("base64url");
  const totpOf = ({ totp = "123456" }: Begun) => totp;
  const outside = { provider, code: "a-code", state: "a-state" };
  const challengeOf = ({ challenge = "AAAA" }: Begun) => challenge;
  const passkeys: readonly Finish[] =
    authenticator === undefined
      ? []
      : [
          {
            name: "a login by passkey",
            right: ["login", "second"],
            request: (begun) =>
              post("/login", { transaction: begun.transaction, passkey: authenticator.assert(challengeOf(begun)) }),
          },
          {
            name: "a new passkey",
            right: ["passkey"],
            request: (begun) =>
              post(
                "/passkeys",
                { transaction: begun.transaction, passkey: authenticator.register(challengeOf(begun)) },
                session,
              ),
          },
          {
            name: "the begin of a new passkey",
            right: ["enroll"],
            request: ({ transaction }) => post("/passkeys/options", { transaction }),
          },
        ];
  return [
    ...passkeys,
    {
      name: "a second step",
      right: ["second"],
      request: (begun) => post("/login", { transaction: begun.transaction, totp: totpOf(begun) }),
    },
    {
      name: "a login by mail",
      right: ["mail"],
      request: ({ transaction }) => post("/login", { transaction, code }),
    },
    {
      name: "an outside login",
      right: ["outside"],
      request: ({ transaction }) => post("/login", { transaction, outside }),
    },
    {
      name: "the begin of an app",
      right: ["enroll"],
      request: ({ transaction }) => post("/totp", { transaction }),
    },
    {
      name: "the end of an app",
      right: ["totp"],
      request: (begun) => post("/totp/confirm", { transaction: begun.transaction, totp: totpOf(begun) }, session),
    },
    {
      name: "a reset",
      right: ["reset"],
      request: ({ transaction }) => post("/password/reset/finish", { transaction, code, new_password: password }),
    },
    {
      name: "a registration",
      right: ["register", "invite"],
      request: ({ transaction }) => post("/register/finish", { transaction, code, password }),
    },
    {
      name: "a change of address",
      right: ["email"],
      request: ({ transaction }) => post("/account/email/finish", { transaction, code }, session),
    },
    {
      name: "a new identity",
      right: ["link"],
      request: ({ transaction }) => post("/identities/finish", { transaction, outside }, session),
    },
  ];
}

/** The transaction was not even looked into, or the route is off. */
const isOver = (response: Received): boolean =>
  response.status === 404 || ["transaction_over", "registration_closed"].includes(String(membersOf(response)["error"]));

async function crossPurposes(target: Target): Promise<Verdict> {
  const { token } = await target.openSession(testUsersOf(target).other);
  const passkey = await passkeyOf(target);
  const { mail, provider } = await waysOf(target);
  const all = finishesFor(token, typeof passkey === "string" ? undefined : passkey, provider ?? "none");
  // A way that is off rejects every transaction with another code.
  const finishes = all.filter(({ right }) => mail || !right.includes("mail"));
  const requests = (await beginAll(target, token, provider)).flatMap((begun) =>
    finishes
      .filter(({ right }) => !right.includes(begun.purpose))
      .map(({ name, request }) => [`the transaction ${begun.purpose} at ${name}`, request(begun)] as const),
  );
  return judge(await sendEach(target, requests), isOver);
}

export const transactionAttacks: readonly Attack[] = [
  {
    id: "transaction-purpose",
    title: "Finish one thing with the transaction of another",
    source: "RFC 8725 §3.11, §3.12",
    needs: "testUsers",
    run: crossPurposes,
  },
];
