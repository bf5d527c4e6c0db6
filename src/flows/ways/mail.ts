// A login by a mailed code or link (docs/guides/mail-login.md). Mail is a first factor: an account with a second factor is asked for it.

import type { Origin } from "../../audit/entry.js";
import { opensByMailbox, unprovenEmailOf } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { liveOf } from "../find/account.js";
import { accountKeyOf } from "../find/account-key.js";
import { wrongCredentials } from "../find/errors.js";
import { offersMailLogin } from "../find/ways.js";
import { enter } from "../gate/enter.js";
import type { LoginContext } from "../gate/gate-proof.js";
import { digestOfProof, grantAgain } from "../gate/grant-again.js";
import { bindingOf, versionFor } from "../prove/mail-claims.js";
import { proveMailbox, readProof } from "../prove/mailbox.js";
import type { LoginRequest, SentMail } from "./sent.js";

/** Rejects like `proveMailbox` and `enter`. */
export async function logInByMail(
  deps: Deps,
  { sent: { proof }, ...input }: LoginRequest & { readonly sent: SentMail },
  caller: Caller,
): Promise<Grant> {
  const { directory, deviceProofs, clock } = deps;
  // A way in that is switched off rejects every login.
  if (!offersMailLogin(deps)) throw wrongCredentials();
  const origin: Origin = { actor: "user", ...caller };
  const read = readProof(deps, proof, ["mail"], clock.now());
  const { transaction } = read;
  const { login = "" } = transaction;
  const account = await directory.findByLogin(login);
  const binding = await bindingOf(deps, "mail", account);
  const device = account && deviceProofs.readOf(account, input.device, clock.now());
  const { remember } = input;
  const live = account && liveOf(deps, input.bearer, account.id);
  const { code, link, match } = proof;
  const idempotency = digestOfProof(input.idempotencyKey, { code, link, match });
  const context: LoginContext = { origin, now: clock.now(), device, live, typed: login, remember, idempotency };
  // The code is bound to the account as it was before, which the first proof of an address changes.
  const repeated = await grantAgain(deps, account, transaction, context);
  if (repeated !== undefined) return repeated;
  const isThere = account !== undefined && opensByMailbox(account) && !account.disabled;
  const mailbox = {
    binding,
    account,
    isThere,
    key: accountKeyOf(directory, login, account),
    known: device,
    origin,
  };
  const allowed = await proveMailbox(deps, read, mailbox);
  if (account === undefined) throw wrongCredentials();
  const now = clock.now();
  const attempt = allowed?.asSucceeded(account.id);
  const factorsVersion = versionFor(account, binding);
  const provesEmail = unprovenEmailOf(account);
  const proven = { amr: ["mail"], at: now, transaction, attempt, provesEmail, factorsVersion };
  return enter(deps, account, proven, { ...context, now });
}
