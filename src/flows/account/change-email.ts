// A user changes the address of the account (docs/guides/mail-flows.md). The new one is proven by a code.
import { AmphoError, transactionOver } from "../../errors.js";
import { type Address, isSameMailbox, spellLogin } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { emailOf } from "../../store/sql/users.js";
import type { Auth } from "../../tokens/auth.js";
import { type Account, mailboxOf, originFor } from "../../users/directory.js";
import type { EmailChangeBegun } from "../../wire/begun.js";
import type { Grant } from "../../wire/login.js";
import type { Authenticated, Caller, Deps, OwnFlow } from "../deps.js";
import { liveSession, requireLive } from "../find/account.js";
import { accountKeyOf, nameByAddress } from "../find/account-key.js";
import { genOf, grantAfter, ownSession, sessionTransaction } from "../find/own-session.js";
import {
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

const purpose = "email";

/** Rejects like `requireRecent`, and with `invalid_request` or `too_many_attempts`. */
export async function beginEmailChange(
  deps: Deps,
  { auth, email, login = false }: Authenticated & { readonly email: string; readonly login?: boolean | undefined },
  caller: Caller,
): Promise<Required<EmailChangeBegun>> {
  const { transactions, throttle, clock, settings } = deps;
  requireOutbox(deps);
  const recent = await requireRecent(deps, auth);
  const { sessionId, account, factorsVersion } = recent;
  const address = requireAddress(email);
  if (login) {
    if (deps.directory.setLogin === undefined)
      throw new AmphoError("not_found", "The users of this application cannot change their login name.");
    requireNewName(spellLogin(address.address), account, "email");
  }
  await requireAddressConfirmed(deps, recent, address, login, caller);
  const { canonical } = address;
  const { key, find } = await nameByAddress(deps, canonical);
  const allowed = await throttle.allowMail({ account: key, origin: caller });
  const least = leastTime();
  const holder = await allowed.run(find);
  const now = clock.now();
  const use = login ? "login" : undefined;
  const contents = { ...sessionTransaction(account, factorsVersion, sessionId), email: address.address, use };
  const transaction = transactions.begin(purpose, contents, now, transactions.reserve(now, settings.codeTtl));
  const begun = transactions.read(transaction, [purpose], now);
  const isTaken = holder !== undefined && holder.id !== account.id;
  const draft = {
    kind: isTaken ? "email_taken" : "email",
    userId: account.id,
    address: isTaken ? (mailboxOf(holder) ?? "") : address.address,
    claims: claimsFor(begun, bindingOf(account, address, factorsVersion), caller),
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
  isLogin: boolean,
  origin: Caller,
): Promise<void> {
  const { email } = session.account;
  const isOther = email !== undefined && !isSameMailbox(email.address, address);
  if (isLogin) await requireConfirmed(deps, session, "names_changed", origin);
  else if (isOther) await requireConfirmed(deps, session, "email_changed", origin);
}

const bindingOf = ({ id: userId, email, stored }: Account, { canonical }: Address, factorsVersion: number) => ({
  purpose: `${purpose} ${email?.canonical ?? ""}`,
  address: canonical,
  userId,
  passwordVersion: stored?.passwordVersion,
  factorsVersion,
});

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

type EmailCode = { readonly transaction: string; readonly code: string };

/** Rejects with `invalid_credentials`, `transaction_over`, `email_taken` or `too_many_attempts`. */
export const finishEmailChange: OwnFlow<Grant, EmailCode> = async (deps, { auth, code, ...input }, origin) => {
  const { transactions, store, clock, directory } = deps;
  requireOutbox(deps);
  const transaction = transactions.read(input.transaction, [purpose], clock.now());
  // A transaction of one session is good for this session alone.
  if (transaction.sid !== auth.session || transaction.sub !== auth.id) throw transactionOver();
  const live = await liveSession(deps, auth.session, auth.id);
  const { sessionId, account } = live;
  const address = requireAddress(transaction.email ?? "");
  const binding = bindingOf(account, address, (await store.listFactors(account.id)).factorsVersion);
  await requireAddressConfirmed(deps, live, address, transaction.use === "login", origin);
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
  const renamed = transaction.use === "login" ? renamedTo(deps, auth, account, address) : undefined;
  const isInTable = account.login === renamed?.newLogin;
  const change = async () => {
    const outcome = await store.setEmail({
      userId: account.id,
      own: ownSession(deps, { sessionId, gen: genOf(auth) }),
      now,
      origin: originFor(account, origin),
      ownUser: account.stored ? undefined : { login: renamed?.login ?? account.login, before: account.email },
      email: emailOf(address, now),
      renamed,
      spend: spendingOf(deps, transaction, undefined),
      attempt: allowed.asSucceeded(account.id),
    });
    if (outcome.outcome === "taken") throw emailTaken();
    if (outcome.outcome !== "done") throw transactionOver();
    return grantAfter(deps, renamed ? { ...account, login: renamed.newLogin } : account, outcome);
  };
  const own = { requireLive: () => requireLive(deps, sessionId), afterwards: change };
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
