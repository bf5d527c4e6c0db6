// What a role may look like: it goes into tokens and onto terminals.
import type { Configuration } from "../config/configuration.js";

const roleCharactersMax = 255;

/** Why these cannot be somebody's roles, for people, without the roles themselves; undefined when they can. */
export function findRoleProblem(roles: readonly string[]): string | undefined {
  const bad = roles.some(
    (role) =>
      role === "" || Array.from(role).length > roleCharactersMax || !role.isWellFormed() || /\p{Cc}/u.test(role),
  );
  return bad ? `A role is 1 to ${roleCharactersMax} characters without control characters.` : undefined;
}

/** The scopes of all roles, each once, in the order of the roles. */
export function scopesOf(roles: readonly string[], settings: Pick<Configuration, "scopes">): readonly string[] {
  const scopes = new Set<string>();
  for (const role of roles) {
    // `hasOwn`: a role named `constructor` has no scopes.
    if (Object.hasOwn(settings.scopes, role)) for (const scope of settings.scopes[role] ?? []) scopes.add(scope);
  }
  return [...scopes];
}
