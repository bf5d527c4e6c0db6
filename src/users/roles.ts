// The form of roles, which appear in tokens and on terminals, and their scopes.
import type { Configuration } from "../config/configuration.js";

const roleCharactersMax = 255;

/** Returns what is wrong with the roles, for people and without the roles themselves, or undefined. */
export function findRoleProblem(roles: readonly string[]): string | undefined {
  const bad = roles.some(
    (role) =>
      role === "" || Array.from(role).length > roleCharactersMax || !role.isWellFormed() || /\p{Cc}/u.test(role),
  );
  return bad ? `A role must have 1 to ${roleCharactersMax} characters and no control characters.` : undefined;
}

/** Returns the scopes of all roles, each once, in the order of the roles. */
export function scopesOf(roles: readonly string[], settings: Pick<Configuration, "scopes">): readonly string[] {
  const scopes = new Set<string>();
  for (const role of roles) {
    // `hasOwn`: a role named `constructor` has no scopes.
    if (Object.hasOwn(settings.scopes, role)) for (const scope of settings.scopes[role] ?? []) scopes.add(scope);
  }
  return [...scopes];
}
