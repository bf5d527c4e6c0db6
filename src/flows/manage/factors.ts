// For operators and `ampho.factors`. None is set up for another user (ASVS 6.4.6), who could else be impersonated.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import type { TotpSecrets } from "../../factors/totp/totp.js";
import { type FactorName, factorNames, factors, isFactorName } from "../../levels/factors.js";
import { isStorableName } from "../../store/storable-text.js";
import { originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { findAccount } from "../find/account.js";
import { operatorViews } from "../find/factor-views.js";
import * as check from "./checks.js";
import type { Management } from "./management.js";
import { type Manager, requireUser, unknownUser } from "./manager.js";

export function manageFactors(m: Manager): Management["factors"] {
  const { store, directory, clock, settings, origin, forUser } = m;
  return {
    list: forUser({}, async (userId) => {
      await requireLogin(m, userId);
      const found = await store.listFactors(userId);
      const { passkeys } = await store.listPasskeys(userId);
      const views = factorNames.flatMap((name) => operatorViews[name]({ ...found, passkeys }));
      return { policy: found.policy ?? null, insteadOf: found.insteadOf ?? null, factors: views };
    }),
    remove: forUser({ target: check.factorTarget }, async (userId, target) => {
      const operator = await withoutSession(m, userId, target.reason);
      const what = "all" in target ? {} : removalOf(target.id);
      const outcome = await store.removeFactors({ ...operator, ...what, rules: undefined });
      if (outcome.outcome !== "done") throw new AmphoError("not_found", "The user has no such second factor.");
    }),
    setPolicy: forUser({ policy: check.policy, options: check.reasonOptions }, async (userId, given, options = {}) => {
      const login = await requireLogin(m, userId);
      const policy = given === "default" ? undefined : given;
      const reason = options.reason?.trim() || undefined;
      const account = await directory.forTable(() => findAccount(m, userId));
      const change = { userId, login, policy, reason, ownRoles: account?.roles, rolePolicies: settings.factors };
      const stricter = await store.setFactorPolicy({ ...change, now: clock.now(), origin });
      if (stricter === undefined) return;
      const message = `The policy ${given} is weaker than ${stricter}, that of the user's roles. State a reason.`;
      throw invalidRequest(message, "reason");
    }),
    findUserId: check.checked({ login: check.string }, async (login) => {
      const user = await directory.fromRows(() => requireUser(m, login));
      if (user !== undefined) return user.id;
      if (isStorableName(login)) return login;
      throw new AmphoError("not_found", "No user can have this id.");
    }),
  };
}

/** Any other id is that of a passkey. */
const removalOf = (id: string): { readonly factor: FactorName; readonly id?: string } =>
  isFactorName(id) && !factors[id].isMany ? { factor: id } : { factor: "passkey", id };

/** The login name, if it is known. Rejects with `not_found` for a user who is not in the database. */
export async function requireLogin({ store, directory }: Manager, userId: string): Promise<string | undefined> {
  const user = await directory.fromRows(async () => {
    const row = await store.findUserById(userId);
    if (row === undefined) throw unknownUser("id");
    return row;
  });
  return user?.login;
}

/** A change without a session. A user of an application's own table gets a notice too, except from a command. */
export async function withoutSession(m: Manager, userId: string, reason: string | undefined) {
  const login = await requireLogin(m, userId);
  const account = await m.directory.forTable(() => findAccount(m, userId));
  const origin = account === undefined ? m.origin : originFor(account, m.origin);
  return { userId, login, reason, origin, stored: false, own: undefined, now: m.clock.now() } as const;
}

export interface RekeyReport {
  readonly moved: number;
  /** The key is not configured, or the row was changed by hand. */
  readonly undecryptable: number;
}

/** Moves all TOTP secrets to the key that signs now. Rejects with `unavailable` while that key is revoked. */
export async function rekeyFactors(
  { store, clock, totpSecrets }: Pick<Deps, "store" | "clock"> & { readonly totpSecrets: TotpSecrets },
  kid: string,
  origin: Origin,
): Promise<RekeyReport> {
  const limit = 500;
  let [moved, undecryptable, after] = [0, 0, undefined as string | undefined];
  for (;;) {
    const page = await store.listOldSecrets({ kid, after, limit });
    for (const { userId, ...sealed } of page) {
      const seed = totpSecrets.open(sealed, userId);
      if (seed === undefined) undecryptable++;
      else if (await store.rekeyTotp({ userId, from: sealed.secret, to: totpSecrets.seal(seed, userId) })) moved++;
      after = userId;
    }
    if (page.length < limit) break;
  }
  const detail = { kid, moved, undecryptable };
  if (moved + undecryptable > 0) await store.recordAudit({ at: clock.now(), event: "factors_rekeyed", origin, detail });
  return { moved, undecryptable };
}
