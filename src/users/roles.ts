// The form of roles, which appear in tokens and on terminals.
import { isReservedRole } from "../levels/scopes.js";

const roleCharactersMax = 255;

/** Returns what is wrong with the roles, for people and without the roles themselves, or undefined. */
export function findRoleProblem(roles: readonly string[]): string | undefined {
  const bad = roles.some(
    (role) =>
      role === "" || Array.from(role).length > roleCharactersMax || !role.isWellFormed() || /\p{Cc}/u.test(role),
  );
  if (roles.some(isReservedRole)) return "A role must not begin with o_ and contain a slash. Such names are reserved.";
  return bad ? `A role must have 1 to ${roleCharactersMax} characters and no control characters.` : undefined;
}
