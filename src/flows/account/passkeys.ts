// Passkeys of the user's own account (docs/guides/passkeys.md): registered, listed, renamed, removed.
import { AmphoError, invalidRequest } from "../../errors.js";
import {
  createUserHandle,
  creationOptions,
  type PasskeyUse,
  type RelyingParty,
} from "../../factors/passkey/relying-party.js";
import { passkeyMethod } from "../../levels/methods.js";
import { passkeysMax } from "../../store/sql/factors/passkeys.js";
import type { Auth } from "../../tokens/auth.js";
import type { PasskeyListing, PasskeyView } from "../../wire/account.js";
import type { PasskeySetUp } from "../../wire/begun.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Caller, Deps, Flow, OwnFlow } from "../deps.js";
import { rulesOf } from "../find/account.js";
import { toPasskeyView } from "../find/factor-views.js";
import { cleanName } from "../find/name.js";
import { requireSession } from "../find/own-session.js";
import { configuredWays } from "../find/ways.js";
import { verifyNewPasskey } from "../prove/passkey.js";
import { beginEnrolment, type Enrolling, type EnrolmentEnd, finishEnrolment, requireLiving } from "./enrolling.js";
import { changeOwn } from "./factor-change.js";

function partyOf({ relyingParty: party }: Pick<Deps, "relyingParty">): RelyingParty {
  if (party === undefined) throw new AmphoError("not_found", "Passkeys are not offered here.");
  return party;
}

export async function beginPasskey(
  deps: Deps,
  input: Enrolling & { readonly use: "login" | "second" | undefined; readonly upgrade: boolean | undefined },
  caller: Caller,
): Promise<Required<PasskeySetUp>> {
  const { store, transactions, clock } = deps;
  const party = partyOf(deps);
  const { account, auth, begin } = await beginEnrolment(deps, input, caller, { phr: true, factor: "passkey" });
  const use: PasskeyUse = input.upgrade === true ? "upgrade" : (input.use ?? "login");
  if (use === "upgrade") requirePasswordLogin(auth);
  const { passkeys, handle } = await store.listPasskeys(account.id);
  // Before the authenticator creates one that the account cannot have.
  if (passkeys.length >= passkeysMax)
    throw invalidRequest(`Your account has ${passkeysMax} passkeys. Remove one first.`);
  const uh = handle ?? createUserHandle();
  const transaction = begin("passkey", { uh, use });
  const challenge = transactions.passkeyChallenge(transactions.read(transaction, ["passkey"], clock.now()));
  const { login } = account;
  return { transaction, passkey: creationOptions(party, challenge, { handle: uh, login, use, passkeys }) };
}

/** The browser creates the passkey without asking, so the password must have been typed in this session (§5.1.3). */
function requirePasswordLogin(auth: Auth | undefined): void {
  if (auth === undefined || !auth.amr.includes("pwd"))
    throw new AmphoError("insufficient_scope", "An upgrade needs a session that began with a password.");
}

export interface PasskeyAddition extends EnrolmentEnd {
  /** RegistrationResponseJSON. */
  readonly passkey: unknown;
  readonly name: string | undefined;
}

type Added = { readonly passkey: PasskeyView } & Partial<RecoveryCodes> & Grant;

export const addPasskey: Flow<Added, PasskeyAddition> = async (deps, input, origin) => {
  const { clock } = deps;
  const party = partyOf(deps);
  return finishEnrolment(deps, "passkey", input, origin, async (transaction, account) => {
    const { use, uh: handle = "" } = transaction;
    const { passkey: response, name } = input;
    const passkey = await verifyNewPasskey(deps, party, { response, name, transaction, use }, async (reason) => {
      await requireLiving(deps, account, transaction);
      const audit = { reason: `passkey_${reason}`, userId: account.id, login: account.login, origin };
      await deps.store.recordAudit({ at: clock.now(), event: "factor_refused", ...audit });
    });
    const view = toPasskeyView({ ...passkey, userId: account.id, createdAt: clock.now(), usedAt: undefined });
    const factor = (codes: readonly string[]) => ({ factor: "passkey", passkey, handle, codes }) as const;
    // The browser has created an upgrade without asking the user.
    const isProven = use !== "upgrade";
    return { factor, method: passkeyMethod(passkey.backupEligible), isProven, shown: { passkey: view } };
  });
};

export const listOwnPasskeys: OwnFlow<PasskeyListing> = async (deps, { auth }) => {
  const party = partyOf(deps);
  const { userId } = requireSession(auth);
  const { passkeys, handle } = await deps.store.listPasskeys(userId);
  return { passkeys: passkeys.map(toPasskeyView), rp: party.id, user: handle, accepted: passkeys.map(({ id }) => id) };
};

const notYours = () => new AmphoError("not_found", "You have no passkey with this id.");

export const renameOwnPasskey: OwnFlow<void, { readonly id: string; readonly name: string }> = async (deps, input) => {
  const { userId } = requireSession(input.auth);
  if (!(await deps.store.renamePasskey({ id: input.id, userId, name: cleanName(input.name) }))) throw notYours();
};

export const removeOwnPasskey: OwnFlow<Grant, { readonly id: string }> = (deps, { auth, id }, caller) =>
  changeOwn(deps, auth, caller, async (who, { account, factorsVersion }) => {
    const rules = rulesOf(deps, account);
    const removal = { ...who, factorsVersion, rules, ways: configuredWays(deps), factor: "passkey", id } as const;
    const outcome = await deps.store.removeFactors(removal);
    if (outcome.outcome === "none") throw notYours();
    return outcome;
  });
