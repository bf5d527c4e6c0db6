// Users whose login looks like the address of another person, or has a form that this version does not compare.
import { findOwnAddressProblem, parseAddress } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import type { User } from "../../store/sql/users.js";
import type { Store } from "../../store/store.js";
import { allUsers } from "../../users/database-directory.js";
import { type Finding, finding, namedIds, type Severity } from "../finding.js";

export async function checkLogins(store: Pick<Store, "listUsers">): Promise<readonly Finding[]> {
  const stale: User[] = [];
  const disguised: User[] = [];
  const former: User[] = [];
  for await (const user of allUsers(store)) {
    if (isStale(user)) stale.push(user);
    else if (findOwnAddressProblem(user.canonical, user.email) === undefined) continue;
    else if (parseAddress(user.login) === undefined) disguised.push(user);
    else if (user.email !== undefined) former.push(user);
  }
  return [
    ...findingOf(
      stale,
      "error",
      "a login or an address in an old form, and cannot sign in with it",
      "Set `canonical` and `email_canonical` of these rows of ampho_users to the forms that `ampho user-add` writes for a new user with the same login and address.",
    ),
    ...findingOf(
      disguised,
      "warning",
      "a login that looks like an address, and is not the user's own",
      "Find out who they are before you give them roles, and disable or delete the accounts of strangers.",
    ),
    ...findingOf(
      former,
      "note",
      "a login that is an address, and another address",
      "Another person can have the address of the login by now. Give roles to these users by what you know of them, and not by the login.",
    ),
  ];
}

const isStale = ({ login, canonical, email }: User): boolean =>
  canonicalLogin(login) !== canonical ||
  (email !== undefined && parseAddress(email.address)?.canonical !== email.canonical);

function findingOf(users: readonly User[], severity: Severity, what: string, fix: string): readonly Finding[] {
  if (users.length === 0) return [];
  const have = users.length === 1 ? "1 user has" : `${users.length} users have`;
  return [finding(severity, "logins", `${have} ${what}. ${namedIds(users.map(({ id }) => id))}`, fix)];
}
