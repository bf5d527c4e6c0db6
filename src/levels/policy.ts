// The policy of a role: how much a login of its users must prove (docs/guides/second-factors.md).
import { type Acr, reaches } from "./acr.js";
import { everyUser } from "./scopes.js";

/** From the weakest to the strictest. */
export const policies = ["optional", "required", "phr"] as const;

/**
 * `optional`: an account that has a second factor is asked for it. `required`: an account without one must set one up
 * first. `phr`: the login needs a passkey.
 */
export type Policy = (typeof policies)[number];

export const policyFrom = (stored: unknown): Policy | undefined => policies.find((each) => each === stored);

/** The policies of roles. `"*"` stands for every user. */
export type RolePolicies = Readonly<Record<string, Policy>>;

export function policyOf(roles: readonly string[], byRole: RolePolicies): Policy {
  const ranks = [everyUser, ...roles].map((role) => policies.indexOf(byRole[role] ?? "optional"));
  return policies[Math.max(...ranks)] ?? "optional";
}

/** The policy of one user. */
export interface OwnPolicy {
  readonly policy: Policy | undefined;
  /** The stricter policy of the roles in whose place an operator has set it, with a reason. */
  readonly insteadOf: Policy | undefined;
}

export const isWeaker = (one: Policy, other: Policy): boolean => policies.indexOf(one) < policies.indexOf(other);

/** The stricter one counts, unless an operator has decided otherwise about a policy as strict as that of the roles. */
export const policyFor = ({ policy, insteadOf = policy }: OwnPolicy, ofRoles: Policy): Policy =>
  policy === undefined || insteadOf === undefined || isWeaker(insteadOf, ofRoles) ? ofRoles : policy;

/** The roles of a user as a flow has read them, and the policy of each role. */
export interface RoleRules {
  readonly roles: readonly string[];
  readonly rolePolicies: RolePolicies;
}

/** `present`: the roles in the locked row, because a role can have been given since. Undefined for an own table. */
export const presentPolicy = (present: readonly string[] | undefined, { roles, rolePolicies }: RoleRules): Policy =>
  policyOf(present ?? roles, rolePolicies);

/** True if a login with this is enough for the policy. A remembered device was enough for its session. */
export function reachesPolicy(
  { amr, acr }: { readonly amr: readonly string[]; readonly acr: Acr },
  policy: Policy,
): boolean {
  if (policy === "optional") return true;
  if (policy === "phr") return reaches(acr, "phr");
  return reaches(acr, "2fa") || amr.includes("dev");
}

/**
 * True if a session goes on. The application vouches for one without methods, which it has created. A stricter role or
 * policy that is given still ends it.
 */
export const goesOnUnder = (session: Parameters<typeof reachesPolicy>[0], policy: Policy): boolean =>
  session.amr.length === 0 || reachesPolicy(session, policy);
