// A user changes the address of the account (docs/guides/mail-flows.md). The new one is proven by a code.
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { type Address, isSameMailbox, spellLogin } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { mailboxOf } from "../../store/sql/account/mailbox-changes.js";
import { languageOfNotices, leavingKind, mailboxIdOf, waitingKind } from "../../store/sql/rows/mail-rows.js";
import { emailOf } from "../../store/sql/rows/users.js";
import type { Auth } from "../../tokens/auth.js";
import * as users from "../../users/directory.js";
import { type Account, originFor } from "../../users/directory.js";
import type { EmailChangeBegun } from "../../wire/begun.js";
import type { Grant } from "../../wire/login.js";
import type { Authenticated, Caller, Deps, OwnFlow } from "../deps.js";
import { liveSession } from "../find/account.js";
import { accountKeyOf, nameByAddress } from "../find/account-key.js";
import { emailBindingOf, findEmailWait } from "../find/email-wait.js";
import { genOf, grantAfter, ownSession, sessionTransaction } from "../find/own-session.js";
import {
  changedMeanwhile,
  emailTaken,
  leastTime,
  requireAddress,
  requireNewName,
  requireOutbox,
  requireOwnAddress,
} from "../find/rules.js";
import { spendingOf } from "../gate/grant.js";
import { requireConfirmed } from "../prove/confirmed.js";
import { claimsFor, proveCode, queueCode } from "../prove/mailbox.js";
import { type Recent, requireRecent } from "../prove/recent.js";
import { factorChangeOf } from "./factor-change.js";
import { beginInTable } from "./table-change.js";

const purpose = "email";
const day = 86_400;
/** The mailbox can stop a change that waits for so long, and the code is good for so long then. */
const [waitSeconds, codeSeconds] = [7 * day, 3 * day];
/** The times of the mails to the present mailbox. */
const leavingAt = [0, 3 * day, 6 * day];

interface NewEmail extends Authenticated {
  readonly email: string;
  readonly login?: boolean | undefined;
  /** The user has lost the mailbox. */
  readonly later?: boolean | undefined;
}

/** Rejects like `requireRecent`, and with `invalid_request` or `too_many_attempts`. */
export async function beginEmailChange(
  deps: Deps,
  { auth, email, login = false, later = false }: NewEmail,
  caller: Caller,
): Promise<EmailChangeBegun> {
  const { transactions, throttle, clock } = deps;
  requireOutbox(deps);
  const recent = await requireRecent(deps, auth);
  const { sessionId, account, factorsVersion } = recent;
  const address = requireAddress(email);
  if (login) {
    if (deps.directory.setLogin === undefined)
      throw new AmphoError("not_found", "The users of this application cannot change their login name.");
    requireNewName(spellLogin(address.address), account, "email");
  }
  if (later) return beginEmailWait(deps, recent, { address, login }, caller);
  await requireAddressConfirmed(
    deps,
    recent,
    address,
    login ? renamedTo(deps, auth, account, address) : undefined,
    caller,
  );
  const { canonical } = address;
  const { key, find } = await nameByAddress(deps, canonical);
  const allowed = await throttle.allowMail({ account: key, origin: caller });
  const least = leastTime();
  const holder = await allowed.run(find);
  const now = clock.now();
  const use = login ? "login" : undefined;
  const contents = { ...sessionTransaction(account, factorsVersion, sessionId), email: address.address, use };
  const transaction = transactions.begin(purpose, contents, now, transactions.reserve(now));
  const begun = transactions.read(transaction, [purpose], now);
  const isTaken = holder !== undefined && holder.id !== account.id;
  const draft = {
    kind: isTaken ? "email_taken" : "email",
    userId: account.id,
    address: isTaken ? (users.mailboxOf(holder) ?? "") : address.address,
    claims: claimsFor(begun, emailBindingOf(purpose, account, address, factorsVersion), caller),
    until: begun.exp,
  };
  const audit = { at: now, userId: account.id, login: account.login, sessionId };
  await queueCode(deps, allowed, draft, { event: "mail_queued", reason: "email", ...audit }, caller);
  await least;
  return { transaction, match: transactions.match(begun), expires: begun.exp };
}

/** Before a code is mailed or used. Nothing is asked for a first address, or another spelling. */
async function requireAddressConfirmed(
  deps: Deps,
  session: Pick<Recent, "account" | "sessionId">,
  { address }: Address,
  renamed: ReturnType<typeof renamedTo>,
  origin: Caller,
): Promise<void> {
  const { email } = session.account;
  const isOther = email !== undefined && !isSameMailbox(email.address, address);
  if (renamed) await requireConfirmed(deps, session, "names_changed", origin);
  else if (isOther) await requireConfirmed(deps, session, "email_changed", origin);
}

/** Rejects with `invalid_request` or `too_many_attempts`. */
async function beginEmailWait(
  deps: Deps,
  { account, factorsVersion, ...session }: Recent,
  { address, login }: { readonly address: Address; readonly login: boolean },
  caller: Caller,
): Promise<EmailChangeBegun> {
  const { transactions, store, throttle, clock, directory } = deps;
  const { id: userId, email } = account;
  const mailbox = mailboxOf(email);
  if (mailbox === undefined || isSameMailbox(mailbox.address, address.address))
    throw invalidRequest("Only a change of a proven address can wait. Leave out `later`.", "later");
  const allowed = await throttle.allowEmailWait({
    userId,
    account: accountKeyOf(directory, address.canonical, undefined),
    origin: caller,
  });
  const now = clock.now();
  const from = now + waitSeconds;
  const reserved = { ...transactions.reserve(from, codeSeconds), for: purpose };
  const claims = claimsFor(reserved, emailBindingOf("email_later", account, address, factorsVersion), caller);
  const { agent } = caller;
  const [first = "", domain = ""] = [[...address.address][0], address.address.split("@")[1]];
  const leaving = { at: now, agent: agent ?? null, login: account.login, from, to: `${first}…@${domain}` };
  const common = { userId, language: caller.language ?? "en", until: reserved.exp };
  const outcome = await store.beginEmailWait({
    ...factorChangeOf(deps, { account, ...session }, caller),
    factorsVersion,
    mails: [
      ...leavingAt.map((wait) => ({
        ...common,
        kind: leavingKind,
        language: languageOfNotices,
        address: mailbox.address,
        claims: { ...leaving, mailbox: mailboxIdOf(userId, mailbox) },
        sendAt: now + wait,
      })),
      {
        ...common,
        kind: waitingKind,
        address: address.address,
        claims: { ...claims, at: now, ...(login && { use: "login" }) },
        sendAt: from,
      },
    ],
    attempt: allowed.attempt(),
  });
  if (outcome !== "done") throw changedMeanwhile();
  return { from, expires: reserved.exp };
}

/** Any session of the user stops a change that waits. */
export const stopEmailChange: OwnFlow<void> = async (deps, { auth }, origin) => {
  const { sessionId, account } = await liveSession(deps, auth.session, auth.id);
  const { id: userId, login } = account;
  await deps.store.endEmailWait({ userId, login, sessionId, now: deps.clock.now(), origin, reason: "ended_by_user" });
};

/** The login name that the address becomes. Undefined: the user has it. */
function renamedTo({ settings }: Deps, auth: Auth, account: Account, { address, canonical: own }: Address) {
  const isTable = account.stored === undefined;
  const newLogin = spellLogin(address);
  requireNewName(newLogin, account, "email");
  requireOwnAddress(newLogin, own);
  // The table has the login already if the database was unreachable after it had changed. The session has the old one.
  const login = isTable && newLogin === account.login ? auth.login : account.login;
  const [loginCanonical, canonical] = [canonicalLogin(login), canonicalLogin(newLogin)];
  if (isTable ? login === newLogin : loginCanonical === canonical) return undefined;
  const exactLogin = isTable ? login : undefined;
  const maker = { sessionId: auth.session ?? "", gen: genOf(auth) };
  return { login, loginCanonical, canonical, newLogin, exactLogin, maker, foreignMaxSeconds: settings.tokenForeignTtl };
}

export interface EmailCode {
  readonly transaction: string;
  readonly code: string;
  readonly later?: boolean | undefined;
}

/** The change that was begun in this session. */
async function requireBegun(deps: Deps, { auth, ...input }: Authenticated & EmailCode, origin: Caller) {
  const { transactions, store, clock } = deps;
  const transaction = transactions.read(input.transaction, [purpose], clock.now());
  // A transaction of one session is good for this session alone.
  if (transaction.sid !== auth.session || transaction.sub !== auth.id) throw transactionOver();
  const live = await liveSession(deps, auth.session, auth.id);
  const { account } = live;
  const address = requireAddress(transaction.email ?? "");
  const { factorsVersion } = await store.listFactors(account.id);
  const isLogin = transaction.use === "login";
  await requireAddressConfirmed(
    deps,
    live,
    address,
    isLogin ? renamedTo(deps, auth, account, address) : undefined,
    origin,
  );
  const binding = emailBindingOf(purpose, account, address, factorsVersion);
  return { ...live, factorsVersion, transaction, address, isLogin, binding, waited: undefined };
}

/** The change that has waited, in any session with a recent login. */
async function requireWaited(deps: Deps, auth: Auth) {
  const recent = await requireRecent(deps, auth);
  const wait = await findEmailWait(deps, recent.account);
  if (wait === undefined || deps.clock.now() < wait.from) throw transactionOver();
  const { address, isLogin, binding, row: waited } = wait;
  return { ...recent, transaction: wait, address, isLogin, binding, waited };
}

/** Rejects with `invalid_credentials`, `transaction_over`, `email_taken` or `too_many_attempts`. */
export const finishEmailChange: OwnFlow<Grant, EmailCode> = async (deps, input, origin) => {
  const { store, clock, directory } = deps;
  const { auth, code, later } = input;
  requireOutbox(deps);
  const begun = later ? await requireWaited(deps, auth) : await requireBegun(deps, input, origin);
  const { sessionId, account, factorsVersion, transaction, address, binding, waited } = begun;
  const { canonical } = address;
  // The address counts, because its mailbox is what an attacker with several accounts would want to prove.
  const key = accountKeyOf(directory, canonical, undefined);
  const mailbox = { binding, account, mailWasSent: true, key, known: undefined, origin };
  const allowed = await proveCode(deps, transaction, code, mailbox);
  if (account.stored === undefined) {
    const holder = await allowed.run(() => directory.findByAddress(canonical));
    if (holder !== undefined && holder.id !== account.id) {
      await allowed.succeeded();
      throw emailTaken();
    }
  }
  const now = clock.now();
  const renamed = begun.isLogin ? renamedTo(deps, auth, account, address) : undefined;
  const isInTable = account.login === renamed?.newLogin;
  const isBegun = renamed !== undefined && !isInTable;
  const gen = genOf(auth);
  const change = async () => {
    const outcome = await store.setEmail({
      userId: account.id,
      own: ownSession(deps, { sessionId, gen }),
      now,
      origin: originFor(account, origin),
      ownUser: account.stored
        ? undefined
        : { login: renamed?.login ?? account.login, before: account.email, factorsVersion, isBegun },
      email: emailOf(address, now),
      renamed,
      waited,
      spend: spendingOf(deps, transaction, undefined),
      attempt: allowed.asSucceeded(account.id),
    });
    if (outcome.outcome === "taken") throw emailTaken();
    if (outcome.outcome !== "done") throw transactionOver();
    return grantAfter(deps, renamed ? { ...account, login: renamed.newLogin } : account, outcome);
  };
  const begin = () =>
    beginInTable(deps, { account, sessionId, gen, factorsVersion }, "names_changed", origin, waited).catch(
      async (error: unknown) => {
        await allowed.succeeded();
        throw waited ? transactionOver() : error;
      },
    );
  const own = { begin, afterwards: change };
  const grant =
    renamed === undefined || isInTable ? await change() : await directory.setLogin?.(account, renamed.newLogin, own);
  if (grant === undefined) {
    await allowed.succeeded();
    throw emailTaken();
  }
  // Last, because the old address must get its notice. A slow table can change after the limit for its function.
  if ((await directory.setEmail?.(account, address.address)) !== true) throw emailTaken();
  return grant;
};
