// The scopes of roles (AMPHO_SECURITY_SCOPES), and the names of roles and scopes that are reserved for later.

/** Role to scopes. `"*"` stands for every user. It has no prototype, so a role named `constructor` has no scopes. */
export type RoleScopes = Readonly<Record<string, readonly string[]>>;

/** The scope of a service that can exchange tokens of users. */
export const exchangeScope = "ampho:exchange";

/** `scope-token` of RFC 6749 §3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

export const roleScopesForm =
  'a JSON object of arrays of scopes, such as {"*":["read"],"editor":["write"]}, with no space or `ampho:` in scopes, and no name with `o_` before a slash';

/** In the parameters of roles it stands for every user. */
export const everyUser = "*";

/** A role or a scope in an organization. */
export const isOfOrganization = (name: string): boolean => name.startsWith("o_") && name.includes("/");

/** A name that no user can have as a role. */
export const isReservedRole = (role: string): boolean => role === everyUser || isOfOrganization(role);

/** Returns a frozen copy. Undefined for anything that has not the form. */
export function parseRoleScopes(given: unknown): RoleScopes | undefined {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const all = Object.create(null) as Record<string, readonly string[]>;
  for (const [role, list] of Object.entries(given)) {
    if (role === "" || isOfOrganization(role) || !Array.isArray(list)) return undefined;
    const scopes = [...(list as readonly unknown[])];
    if (!scopes.every(isOwnScope)) return undefined;
    all[role] = Object.freeze(scopes);
  }
  return Object.freeze(all);
}

export const isOwnScope = (scope: unknown): scope is string =>
  typeof scope === "string" && scopeToken.test(scope) && !scope.startsWith("ampho:") && !isOfOrganization(scope);

/** Returns the scopes of every user and of all roles, each once, in this order. */
export function scopesOf(roles: readonly string[], table: RoleScopes): readonly string[] {
  const scopes = new Set<string>();
  for (const role of [everyUser, ...roles])
    if (Object.hasOwn(table, role)) for (const scope of table[role] ?? []) scopes.add(scope);
  return [...scopes];
}

/** Returns every scope that a role has. Undefined where no scopes are configured. */
export function knownScopes(table: RoleScopes): readonly string[] | undefined {
  const roles = Object.keys(table);
  return roles.length === 0 ? undefined : scopesOf(roles, table);
}
