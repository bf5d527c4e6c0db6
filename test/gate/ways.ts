// Every way to a token, and what it returns under each policy, for an account with and without a second factor.
import type { policies } from "../../dist/levels/policy.js";
import {
  authenticate,
  createSubject,
  flag,
  type Parts,
  register,
  type Subject,
} from "../factors/webauthn/authenticator.js";
import { password, type ReadResponse } from "../world/ampho.js";
import { asked, begin as beginMail, type Mailing, tokenIn } from "./mailboxes.js";
import { begin, type SignIn } from "./outside.js";
import { codeAt, logIn, type Owner } from "./owners.js";
import { type Challenge, challengeOf, loginPage } from "./passkey-owners.js";

export interface Actor {
  /** The address of the account is its login at `x.example`. It is unproven at first. */
  readonly world: Mailing;
  readonly login: string;
  readonly id: string;
  /** Undefined for an account without a second factor. */
  readonly owner: Owner | undefined;
  /** The proof of a device that the user asked to remember before the policy changed. */
  readonly device: string;
  /** A second factor that was not used yet, or one that the account does not have. */
  readonly factor: (name: Code) => Record<string, string>;
  /** Links the identity whose subject is the login, and logs in with it at the provider. */
  readonly outside: (about?: Pick<SignIn, "bearer" | "body">) => Promise<ReadResponse>;
  /** A passkey and its user handle. An account without a second factor does not have it. */
  readonly key: { readonly subject: Subject; readonly handle: string };
}

/** The factors that are codes. */
export type Code = "totp" | "recovery_code";
export type Proven = Code | "passkey";

export type Column = `${(typeof policies)[number]}, ${"without" | "with"}`;

export interface Way {
  readonly name: string;
  readonly route: string;
  /** The factor that it proves. */
  readonly proves?: Proven;
  readonly go: (actor: Actor) => Promise<ReadResponse | "no way">;
  readonly outcomes: Readonly<Record<Column, string>>;
}

const post = ({ world }: Actor, body: object, bearer?: string) => world.call("POST", "/login", { body, bearer });

const liveToken = async ({ world, id }: Actor): Promise<string> =>
  (await world.ampho.sessions.create(id, { authTime: world.clock.now() })).token;

const pendingOf = async (actor: Actor, more = {}): Promise<string | undefined> => {
  const { json } = await logIn(actor.world, actor.login, more);
  return typeof json["transaction"] === "string" ? json["transaction"] : undefined;
};

/** `code`: the one that is mailed for the enrolment of an account with a proven address. */
async function enrol(actor: Actor, transaction: string | undefined, code?: string): Promise<ReadResponse | "no way"> {
  if (transaction === undefined) return "no way";
  const { world } = actor;
  const begun = await world.call("POST", "/totp", { body: { transaction, code } });
  if (begun.status !== 200) return begun;
  const totp = codeAt(String(begun.json["secret"]), world.clock.now());
  return world.call("POST", "/totp/confirm", { body: { transaction: begun.json["transaction"], totp } });
}

/** Proves the passkey for a challenge. */
const assert = (
  { key: { subject, handle } }: Actor,
  { transaction, challenge }: Challenge,
  change: Partial<Parts> = {},
) => ({
  transaction,
  passkey: authenticate(subject, challenge, { response: { userHandle: handle }, ...change }),
});

/** The transaction that follows a mailed code. */
async function mailedPendingOf(actor: Actor): Promise<string | undefined> {
  const { transaction, mail } = await asked(actor.world, actor.login);
  const { json } = await post(actor, { transaction, code: mail.code });
  return typeof json["transaction"] === "string" ? json["transaction"] : undefined;
}

/** Registers with an invitation that has the roles of the account. */
async function registerBy(
  { world, login }: Actor,
  secret: (begun: ReadResponse) => object,
): Promise<{ readonly response: ReadResponse; readonly email: string }> {
  const email = `new-${login}-${world.clock.now()}@x.example`;
  const roles = (await world.ampho.users.find(login))?.roles ?? [];
  await world.ampho.users.invite({ email, roles });
  const { invite } = await world.mail("invite", email);
  world.clock.advance(61);
  const begun = await world.call("POST", "/register", { body: { email, invite } });
  const { code } = await world.mail("register", email);
  const body = { transaction: begun.json["transaction"], code, ...secret(begun) };
  return { response: await world.call("POST", "/register/finish", { body }), email };
}

async function enrolPasskey(actor: Actor, pending: string | undefined): Promise<ReadResponse | "no way"> {
  if (pending === undefined) return "no way";
  const { world } = actor;
  const begun = await world.call("POST", "/passkeys/options", { body: { transaction: pending } });
  if (begun.status !== 200) return begun;
  const { transaction, challenge } = challengeOf(begun);
  const passkey = register(createSubject(-7), challenge);
  return world.call("POST", "/passkeys", { body: { transaction, passkey } });
}

const everywhere = (outcome: string): Way["outcomes"] => ({
  "optional, without": outcome,
  "optional, with": outcome,
  "required, without": outcome,
  "required, with": outcome,
  "phr, without": outcome,
  "phr, with": outcome,
});

const byPassword: Way["outcomes"] = {
  "optional, without": "1fa",
  "optional, with": "factor_needed",
  "required, without": "factor_needed, enroll",
  "required, with": "factor_needed",
  "phr, without": "factor_needed, enroll",
  "phr, with": "factor_needed",
};

const byBoth: Way["outcomes"] = {
  "optional, without": "invalid_credentials",
  "optional, with": "2fa",
  "required, without": "invalid_credentials",
  "required, with": "2fa",
  "phr, without": "invalid_credentials",
  "phr, with": "factor_needed, enroll",
};

const bySecondStep: Way["outcomes"] = {
  ...byBoth,
  "optional, without": "no way",
  "required, without": "transaction_over",
  "phr, without": "transaction_over",
};

/** A step-up raises a session that is already there, so the policy of the next login does not matter. */
const byStepUp: Way["outcomes"] = {
  ...byBoth,
  "phr, with": "2fa",
};

const withFactor = (proves: Code): readonly Way[] => [
  {
    name: `password and ${proves} in one request`,
    route: "POST /login",
    proves,
    go: (actor) => logIn(actor.world, actor.login, actor.factor(proves)),
    outcomes: byBoth,
  },
  {
    name: `password, then ${proves}`,
    route: "POST /login",
    proves,
    go: async (actor) => {
      const transaction = await pendingOf(actor);
      return transaction === undefined ? "no way" : post(actor, { transaction, ...actor.factor(proves) });
    },
    outcomes: bySecondStep,
  },
  {
    name: `re-authentication with ${proves}`,
    route: "POST /login",
    proves,
    go: async (actor) => post(actor, { login: actor.login, password, ...actor.factor(proves) }, await liveToken(actor)),
    outcomes: byBoth,
  },
  {
    name: `re-authentication, then ${proves}`,
    route: "POST /login",
    proves,
    go: async (actor) => {
      const bearer = await liveToken(actor);
      const { json } = await post(actor, { login: actor.login, password }, bearer);
      const transaction = json["transaction"];
      return transaction === undefined ? "no way" : post(actor, { transaction, ...actor.factor(proves) }, bearer);
    },
    outcomes: bySecondStep,
  },
  {
    name: `step-up by ${proves}`,
    route: "POST /login",
    proves,
    go: async (actor) => post(actor, actor.factor(proves), await liveToken(actor)),
    outcomes: byStepUp,
  },
  {
    name: `step-up by a transaction and ${proves}`,
    route: "POST /login",
    proves,
    go: async (actor) => {
      const bearer = await liveToken(actor);
      const { json } = await post(actor, {}, bearer);
      return post(actor, { transaction: json["transaction"], ...actor.factor(proves) }, bearer);
    },
    outcomes: byStepUp,
  },
  {
    name: `${proves} alone`,
    route: "POST /login",
    proves,
    go: (actor) => post(actor, { login: actor.login, ...actor.factor(proves) }),
    outcomes: everywhere("invalid_credentials"),
  },
  {
    name: `the transaction of a step-up and ${proves} without the session`,
    route: "POST /login",
    proves,
    go: async (actor) => {
      const { json } = await post(actor, {}, await liveToken(actor));
      return post(actor, { transaction: json["transaction"], ...actor.factor(proves) });
    },
    outcomes: everywhere("transaction_over"),
  },
];

/** A passkey that verifies its user is enough for every policy. */
const byPasskey: Way["outcomes"] = {
  "optional, without": "unknown_passkey",
  "optional, with": "phr",
  "required, without": "unknown_passkey",
  "required, with": "phr",
  "phr, without": "unknown_passkey",
  "phr, with": "phr",
};

const byPasskeySecond: Way["outcomes"] = {
  ...byPasskey,
  "optional, without": "no way",
  "required, without": "transaction_over",
  "phr, without": "transaction_over",
};

/** An authenticator without user verification, such as a security key without a PIN. */
const presentOnly = { flags: flag.up | flag.be };

const passkeyLogins: readonly Omit<Way, "route" | "proves">[] = [
  {
    name: "passkey alone",
    go: async (actor) => post(actor, assert(actor, await loginPage(actor.world))),
    outcomes: byPasskey,
  },
  {
    name: "passkey alone, without user verification",
    go: async (actor) => post(actor, assert(actor, await loginPage(actor.world), presentOnly)),
    outcomes: {
      ...byPasskey,
      "optional, with": "invalid_credentials",
      "required, with": "invalid_credentials",
      "phr, with": "invalid_credentials",
    },
  },
  {
    name: "re-authentication by passkey",
    go: async (actor) => post(actor, assert(actor, await loginPage(actor.world)), await liveToken(actor)),
    outcomes: byPasskey,
  },
  {
    name: "re-authentication by passkey, without user verification",
    go: async (actor) => post(actor, assert(actor, await loginPage(actor.world), presentOnly), await liveToken(actor)),
    outcomes: {
      ...byPasskey,
      "optional, with": "invalid_credentials",
      "required, with": "invalid_credentials",
      "phr, with": "invalid_credentials",
    },
  },
  {
    name: "password and passkey in one request",
    go: async (actor) => {
      const { passkey } = assert(actor, await loginPage(actor.world));
      return logIn(actor.world, actor.login, { passkey });
    },
    // An assertion belongs to the challenge of a transaction.
    outcomes: everywhere("invalid_request"),
  },
  {
    name: "password, then passkey",
    go: async (actor) => {
      const needed = await logIn(actor.world, actor.login);
      return needed.status === 200 ? "no way" : post(actor, assert(actor, challengeOf(needed), presentOnly));
    },
    outcomes: byPasskeySecond,
  },
  {
    name: "re-authentication, then passkey",
    go: async (actor) => {
      const bearer = await liveToken(actor);
      const needed = await post(actor, { login: actor.login, password }, bearer);
      return needed.status === 200 ? "no way" : post(actor, assert(actor, challengeOf(needed), presentOnly), bearer);
    },
    outcomes: byPasskeySecond,
  },
  {
    name: "step-up by a transaction and passkey",
    go: async (actor) => {
      const bearer = await liveToken(actor);
      return post(actor, assert(actor, challengeOf(await post(actor, {}, bearer)), presentOnly), bearer);
    },
    outcomes: byPasskey,
  },
  {
    name: "step-up by passkey without a transaction",
    go: async (actor) => {
      const bearer = await liveToken(actor);
      const { passkey } = assert(actor, challengeOf(await post(actor, {}, bearer)));
      return post(actor, { passkey }, bearer);
    },
    outcomes: everywhere("transaction_over"),
  },
  {
    name: "the transaction of a step-up and passkey without the session",
    go: async (actor) => post(actor, assert(actor, challengeOf(await post(actor, {}, await liveToken(actor))))),
    outcomes: everywhere("transaction_over"),
  },
];

const withPasskey: readonly Way[] = passkeyLogins.map((way) => ({ ...way, route: "POST /login", proves: "passkey" }));

/** A mailed code or link is a first factor, as a password is. */
const mailed: readonly Omit<Way, "route">[] = [
  {
    name: "mailed code",
    go: async (actor) => {
      const { transaction, mail } = await asked(actor.world, actor.login);
      return post(actor, { transaction, code: mail.code });
    },
    outcomes: byPassword,
  },
  {
    name: "mailed link in the browser that asked",
    go: async (actor) => {
      const { transaction, mail } = await asked(actor.world, actor.login);
      return post(actor, { transaction, link: mail.link });
    },
    outcomes: byPassword,
  },
  {
    name: "mailed link and number in another browser",
    go: async (actor) => {
      const { match, mail } = await asked(actor.world, actor.login);
      return post(actor, { link: mail.link, match });
    },
    outcomes: byPassword,
  },
  {
    name: "mailed link in another browser",
    go: async (actor) => post(actor, { link: (await asked(actor.world, actor.login)).mail.link }),
    outcomes: everywhere("match_needed"),
  },
  {
    name: "transaction and number of a mail",
    go: async (actor) => {
      const { transaction, match } = await beginMail(actor.world, "/login/mail", { login: actor.login });
      await actor.world.mail("login");
      return post(actor, { transaction, match, link: `${transaction}.${match}` });
    },
    outcomes: everywhere("transaction_over"),
  },
  {
    name: "mailed link with the token that it contains",
    go: async (actor) => {
      const { link } = (await asked(actor.world, actor.login)).mail;
      return post(actor, { transaction: tokenIn(link), link });
    },
    outcomes: everywhere("match_needed"),
  },
  {
    name: "mailed code with the token of the link",
    go: async (actor) => {
      const { link, code } = (await asked(actor.world, actor.login)).mail;
      return post(actor, { transaction: tokenIn(link), code });
    },
    outcomes: everywhere("transaction_over"),
  },
  {
    name: "mailed code on a remembered device",
    go: async (actor) => {
      const { transaction, mail } = await asked(actor.world, actor.login);
      return post(actor, { transaction, code: mail.code, device: actor.device });
    },
    outcomes: { ...byPassword, "optional, with": "1fa dev", "required, with": "1fa dev" },
  },
  {
    name: "re-authentication by mailed code",
    go: async (actor) => {
      const { transaction, mail } = await asked(actor.world, actor.login);
      return post(actor, { transaction, code: mail.code, device: actor.device }, await liveToken(actor));
    },
    outcomes: byPassword,
  },
  {
    name: "mailed code, then totp",
    go: async (actor) => {
      const transaction = await mailedPendingOf(actor);
      return transaction === undefined ? "no way" : post(actor, { transaction, ...actor.factor("totp") });
    },
    outcomes: bySecondStep,
  },
  {
    name: "mailed code and totp in one request",
    go: async (actor) => {
      const { transaction, mail } = await asked(actor.world, actor.login);
      return post(actor, { transaction, code: mail.code, ...actor.factor("totp") });
    },
    outcomes: everywhere("invalid_request"),
  },
];

/** A new account has no second factor, whatever the other account of the column has. */
const byRegistration: Way["outcomes"] = {
  "optional, without": "1fa",
  "optional, with": "1fa",
  "required, without": "factor_needed, enroll",
  "required, with": "factor_needed, enroll",
  "phr, without": "factor_needed, enroll",
  "phr, with": "factor_needed, enroll",
};

const registrations: readonly Omit<Way, "route">[] = [
  {
    name: "registration with a password",
    go: async (actor) => (await registerBy(actor, () => ({ password }))).response,
    outcomes: byRegistration,
  },
  {
    name: "registration with a passkey",
    go: async (actor) => {
      const passkey = (begun: ReadResponse) => ({ passkey: register(createSubject(-7), challengeOf(begun).challenge) });
      return (await registerBy(actor, passkey)).response;
    },
    outcomes: everywhere("phr"),
  },
  {
    name: "registration, then a login by password",
    go: async (actor) => {
      const { email } = await registerBy(actor, () => ({ password }));
      return post(actor, { login: email, password });
    },
    outcomes: byRegistration,
  },
];

/** An app is set up. */
const byEnrolment: Way["outcomes"] = {
  "optional, without": "no way",
  "optional, with": "transaction_over",
  "required, without": "2fa",
  "required, with": "transaction_over",
  // An app does not reach this policy.
  "phr, without": "factor_needed, enroll",
  "phr, with": "transaction_over",
};

export const ways: readonly Way[] = [
  ...mailed.map((way) => ({ ...way, route: "POST /login" })),
  ...registrations.map((way) => ({ ...way, route: "POST /register/finish" })),
  {
    name: "enrolment with the transaction of a mailed code",
    route: "POST /totp/confirm",
    go: async (actor) => enrol(actor, await mailedPendingOf(actor)),
    outcomes: byEnrolment,
  },
  {
    name: "enrolment with the transaction of a password where the address is proven",
    route: "POST /totp/confirm",
    go: async (actor) => {
      await mailedPendingOf(actor);
      return enrol(actor, await pendingOf(actor));
    },
    outcomes: { ...byEnrolment, "required, without": "invalid_request" },
  },
  {
    name: "enrolment with the transaction of a password and the code that was mailed for it",
    route: "POST /totp/confirm",
    go: async (actor) => {
      await mailedPendingOf(actor);
      const before = await actor.world.countMails("enroll");
      const transaction = await pendingOf(actor);
      const isMailed = (await actor.world.countMails("enroll")) > before;
      return enrol(
        actor,
        transaction,
        isMailed ? (await actor.world.mail("enroll", `${actor.login}@x.example`)).code : undefined,
      );
    },
    outcomes: byEnrolment,
  },
  {
    name: "password",
    route: "POST /login",
    go: ({ world, login }) => logIn(world, login),
    outcomes: byPassword,
  },
  {
    name: "re-authentication by password",
    route: "POST /login",
    go: async (actor) => post(actor, { login: actor.login, password }, await liveToken(actor)),
    outcomes: byPassword,
  },
  {
    name: "re-authentication by password on a remembered device",
    route: "POST /login",
    go: async (actor) => post(actor, { login: actor.login, password, device: actor.device }, await liveToken(actor)),
    outcomes: byPassword,
  },
  {
    name: "password on a remembered device",
    route: "POST /login",
    go: ({ world, login, device }) => logIn(world, login, { device }),
    outcomes: { ...byPassword, "optional, with": "1fa dev", "required, with": "1fa dev" },
  },
  {
    name: "outside provider",
    route: "POST /login",
    go: ({ outside }) => outside(),
    outcomes: byPassword,
  },
  {
    name: "outside provider on a remembered device",
    route: "POST /login",
    go: ({ outside, device }) => outside({ body: { device } }),
    outcomes: { ...byPassword, "optional, with": "1fa dev", "required, with": "1fa dev" },
  },
  {
    name: "re-authentication at an outside provider on a remembered device",
    route: "POST /login",
    go: async (actor) => actor.outside({ bearer: await liveToken(actor), body: { device: actor.device } }),
    outcomes: byPassword,
  },
  {
    name: "outside provider, then totp",
    route: "POST /login",
    proves: "totp",
    go: async (actor) => {
      const { transaction } = (await actor.outside()).json;
      return transaction === undefined ? "no way" : post(actor, { transaction, ...actor.factor("totp") });
    },
    outcomes: bySecondStep,
  },
  {
    name: "enrolment with the transaction of an outside provider",
    route: "POST /totp/confirm",
    go: async (actor) => {
      const { transaction } = (await actor.outside()).json;
      return enrol(actor, typeof transaction === "string" ? transaction : undefined);
    },
    outcomes: {
      "optional, without": "no way",
      "optional, with": "transaction_over",
      "required, without": "2fa",
      "required, with": "transaction_over",
      "phr, without": "factor_needed, enroll",
      "phr, with": "transaction_over",
    },
  },
  {
    // With cookies it finishes the login, by the flow of POST /login.
    name: "the callback of an outside provider without cookies",
    route: "GET /login/outside/{provider}/callback",
    go: async ({ world }) => {
      const { state } = await begin(world);
      const response = await world.call("GET", `/login/outside/acme/callback?code=code-1&state=${state}`);
      return response.status === 303 && response.text === "" ? "no way" : response;
    },
    outcomes: everywhere("no way"),
  },
  {
    name: "a session and nothing else",
    route: "POST /login",
    go: async (actor) => post(actor, {}, await liveToken(actor)),
    outcomes: everywhere("factor_needed"),
  },
  ...withFactor("totp"),
  ...withFactor("recovery_code"),
  ...withPasskey,
  {
    name: "enrolment with the transaction of a password",
    route: "POST /totp/confirm",
    go: async (actor) => enrol(actor, await pendingOf(actor)),
    outcomes: byEnrolment,
  },
  {
    name: "enrolment with the transaction of password and totp",
    route: "POST /totp/confirm",
    go: async (actor) => enrol(actor, await pendingOf(actor, actor.factor("totp"))),
    outcomes: { ...everywhere("no way"), "phr, with": "factor_needed, enroll" },
  },
  {
    name: "enrolment of a passkey with the transaction of a password",
    route: "POST /passkeys",
    go: async (actor) => enrolPasskey(actor, await pendingOf(actor)),
    outcomes: {
      "optional, without": "no way",
      "optional, with": "transaction_over",
      "required, without": "phr",
      "required, with": "transaction_over",
      "phr, without": "phr",
      "phr, with": "transaction_over",
    },
  },
  {
    name: "enrolment of a passkey with the transaction of password and totp",
    route: "POST /passkeys",
    go: async (actor) => enrolPasskey(actor, await pendingOf(actor, actor.factor("totp"))),
    outcomes: { ...everywhere("no way"), "phr, with": "phr" },
  },
  {
    name: "renewal of a session that the application has created",
    route: "POST /renew",
    go: async ({ world, id }) => world.renew((await world.ampho.sessions.create(id)).refresh_token ?? ""),
    outcomes: everywhere("1fa"),
  },
];
