// A login by a mailed code or link (docs/guides/mail-flows.md), which is a first factor.
import { canReset, opensByMailbox, unprovenEmailOf } from "../../users/directory.js";
import type { MailBegun } from "../../wire/begun.js";
import type { Caller, Deps, Flow } from "../deps.js";
import { liveOf } from "../find/account.js";
import { accountKeyOf, nameForMail } from "../find/account-key.js";
import { wrongCredentials } from "../find/errors.js";
import { leastTime, requireOutbox } from "../find/rules.js";
import { offersMailLogin } from "../find/ways.js";
import { enter } from "../gate/enter.js";
import type { LoginContext } from "../gate/gate-proof.js";
import { digestOfProof, grantAgain, repeatable } from "../gate/grant.js";
import { bindingOf, claimsOf, nameOf, proveMailbox, queueCode, readProof } from "../prove/mailbox.js";
import type { Way } from "./sent.js";

export const logInByMail: Way<"mail"> = async (deps, { sent: { proof }, ...input }, origin) => {
  const { directory, deviceProofs, clock } = deps;
  // A way in that is switched off rejects every login.
  if (!offersMailLogin(deps)) throw wrongCredentials();
  const read = readProof(deps, proof, ["mail"], clock.now());
  const { transaction } = read;
  const { login = "" } = transaction;
  const account = await directory.findForMail(login);
  const binding = await bindingOf(deps, "mail", account);
  const device = account && deviceProofs.readOf(account, input.device, clock.now());
  const { remember, superseded } = input;
  const live = account && liveOf(deps, input.bearer, account.id);
  const { code, link, match } = proof;
  const idempotency = digestOfProof(input.idempotencyKey, { code, link, match });
  const sentWith = { superseded, device, live, typed: login, remember, idempotency };
  const context: LoginContext = { origin, now: clock.now(), ...sentWith };
  // The code is bound to the account as it was before, which the first proof of an address changes.
  const again = () => grantAgain(deps, account, transaction, context);
  const mailWasSent = account !== undefined && opensByMailbox(account) && !account.disabled;
  const key = accountKeyOf(directory, login, account);
  const mailbox = { binding, account, mailWasSent, key, known: device, origin };
  return repeatable(again, async () => {
    const allowed = await proveMailbox(deps, read, mailbox);
    if (account === undefined) throw wrongCredentials();
    const now = clock.now();
    const attempt = allowed?.asSucceeded(account.id);
    const provesEmail = unprovenEmailOf(account);
    const proven = {
      amr: ["mail"],
      at: now,
      transaction,
      attempt,
      provesEmail,
      factorsVersion: binding.factorsVersion,
    };
    return enter(deps, account, proven, { ...context, now });
  });
};

// The beginning of a login or a reset by mail (docs/guides/mail-flows.md). A known and an unknown login cause the same
// statements, the same response and the same limits. Nothing is written but a count, an audit row and the mail.

const resendSeconds = 60;

export interface MailRequestInput {
  readonly login: string;
  readonly device: string | undefined;
}

type Begin = Flow<Required<MailBegun>, MailRequestInput>;
export const beginMailLogin: Begin = (deps, input, caller) => begin(deps, "mail", input, caller);
export const beginReset: Begin = (deps, input, caller) => begin(deps, "reset", input, caller);

const requests = {
  mail: { kind: "login", event: "mail_queued", canReceive: opensByMailbox },
  reset: { kind: "reset", event: "reset_begun", canReceive: canReset },
} as const;

async function begin(deps: Deps, purpose: keyof typeof requests, input: MailRequestInput, origin: Caller) {
  const { throttle, transactions, clock } = deps;
  const { kind, event, canReceive } = requests[purpose];
  requireOutbox(deps);
  const { login } = input;
  const { key, known, find } = await nameForMail(deps, login, input.device);
  const allowed = await throttle.allowMail({ account: key, known, origin });
  const least = leastTime();
  const { account, binding } = await allowed.run(async () => {
    const account = await find();
    return { account, binding: await bindingOf(deps, purpose, account) };
  });
  const now = clock.now();
  // As it was typed: an application's own table knows that spelling.
  const { token, begun } = transactions.beginOpen(purpose, { login }, now);
  const isEligible = account !== undefined && !account.disabled && canReceive(account);
  const reason = account === undefined ? "unknown_login" : account.disabled ? "disabled" : "no_address";
  const audit = isEligible ? { userId: account.id, login: account.login } : { reason };
  const draft = { kind, userId: account?.id, address: isEligible ? (account.email?.address ?? "") : "" };
  const code = { ...draft, claims: { ...claimsOf(begun, binding, origin), ...nameOf(account) }, until: begun.exp };
  await queueCode(deps, allowed, code, { at: now, event, ...audit }, origin);
  await least;
  return { transaction: token, match: transactions.match(begun), expires: begun.exp, resend: now + resendSeconds };
}
