// Users whose login looks like the address of another person, or has a form that this version does not compare.
import { findOwnAddressProblem, parseAddress } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import type { User } from "../../store/sql/rows/users.js";
import type { Store } from "../../store/store.js";
import { allUsers } from "../../users/database-directory.js";
import { type Finding, finding, namedIds, namedMax, note, type Severity } from "../finding.js";

/** So many users are read at most, those with the first logins. A check of more would take minutes. */
export const usersMax = 100_000;

export interface UserFindings {
  readonly findings: readonly Finding[];
  readonly hasAdministrator: boolean;
}

/** `administrator`: the role that makes one. */
export async function checkUsers(store: Pick<Store, "listUsers">, administrator: string): Promise<UserFindings> {
  const [stale, disguised, former] = [found(), found(), found()];
  let [read, hasAdministrator] = [0, false];
  for await (const user of allUsers(store)) {
    read += 1;
    if (read > usersMax) break;
    hasAdministrator ||= !user.disabled && user.roles.includes(administrator);
    if (isStale(user)) stale.add(user);
    else if (findOwnAddressProblem(user.canonical, user.email) === undefined) continue;
    else if (parseAddress(user.login) === undefined) disguised.add(user);
    else if (user.email !== undefined) former.add(user);
  }
  const findings = [
    ...(read > usersMax ? [note("logins", `Only the first ${usersMax} users were read.`, onlyFirst)] : []),
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
  return { findings, hasAdministrator };
}

const onlyFirst = "To see all of them, run `ampho user-list --json`.";

/** The number of users, and the ids that are named. */
function found() {
  const ids: string[] = [];
  let count = 0;
  return {
    add({ id }: User) {
      count += 1;
      if (ids.length <= namedMax) ids.push(id);
    },
    count: () => count,
    ids,
  };
}

const isStale = ({ login, canonical, email }: User): boolean =>
  canonicalLogin(login) !== canonical ||
  (email !== undefined && parseAddress(email.address)?.canonical !== email.canonical);

function findingOf(
  { count, ids }: ReturnType<typeof found>,
  severity: Severity,
  what: string,
  fix: string,
): readonly Finding[] {
  if (count() === 0) return [];
  const have = count() === 1 ? "1 user has" : `${count()} users have`;
  return [finding(severity, "logins", `${have} ${what}. ${namedIds(ids)}`, fix)];
}
