// By what the attempts at an account are counted (docs/operate/throttling.md). This is the only file that names a
// counter after a login, because two logins of an application's own table can have one canonical form.
import { type DeviceProof, isProofOf } from "../../factors/device-proofs.js";
import type { AccountKey } from "../../throttle/allowed-attempt.js";
import type { Account, Directory } from "../../users/directory.js";
import type { Deps } from "../deps.js";

/**
 * `typed`: a login or an address, which also counts if no account has it. The canonical form of a login belongs to one
 * user of the database. In an application's own table only an id does: two of its logins can have one canonical form.
 */
export function accountKeyOf(
  directory: Pick<Directory, "canonicalOf">,
  typed: string,
  account: Account | undefined,
): AccountKey {
  const canonical = directory.canonicalOf(typed);
  if (canonical !== undefined) return { name: canonical, canonical };
  return account === undefined ? { name: `typed ${typed}` } : { name: `id ${account.id}`, login: account.login };
}

export interface CountedAccount {
  readonly key: AccountKey;
  readonly known: DeviceProof | undefined;
  /** Finds the account, or returns it if it was found already. Call it after the throttle. */
  readonly find: () => Promise<Account | undefined>;
}

type LookUpDeps = Pick<Deps, "directory" | "deviceProofs" | "clock">;

export function nameByLogin(deps: LookUpDeps, login: string, device: string | undefined): Promise<CountedAccount> {
  const proofs = deps.deviceProofs.readAll(device, deps.clock.now());
  return nameAccount(deps, login, proofs, () => deps.directory.findByLogin(login));
}

/** The same for a reset or a login by mail, which also find a user by the address. */
export function nameForMail(deps: LookUpDeps, typed: string, device: string | undefined): Promise<CountedAccount> {
  const proofs = deps.deviceProofs.readAll(device, deps.clock.now());
  return nameAccount(deps, typed, proofs, () => deps.directory.findForMail(typed));
}

/** The account that has an address. `canonical` comes from `parseAddress`. */
export const nameByAddress = (deps: Pick<Deps, "directory">, canonical: string): Promise<CountedAccount> =>
  nameAccount(deps, canonical, [], () => deps.directory.findByAddress(canonical));

/** Users of the database are counted without a lookup, unless the client has a device proof. */
async function nameAccount(
  { directory }: Pick<Deps, "directory">,
  typed: string,
  proofs: readonly DeviceProof[],
  lookUp: () => Promise<Account | undefined>,
): Promise<CountedAccount> {
  if (directory.canonicalOf(typed) !== undefined && proofs.length === 0)
    return { key: accountKeyOf(directory, typed, undefined), known: undefined, find: lookUp };
  const account = await lookUp();
  const known = account && proofs.find((proof) => isProofOf(proof, account));
  return { key: accountKeyOf(directory, typed, account), known, find: async () => account };
}
