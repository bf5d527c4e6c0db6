// What a role may look like: it goes into tokens and onto terminals.
const roleCharactersMax = 255;

/** Why these cannot be somebody's roles, for people, without the roles themselves; undefined when they can. */
export function findRoleProblem(roles: readonly string[]): string | undefined {
  const bad = roles.some(
    (role) =>
      role === "" || Array.from(role).length > roleCharactersMax || !role.isWellFormed() || /\p{Cc}/u.test(role),
  );
  return bad ? `A role is 1 to ${roleCharactersMax} characters without control characters.` : undefined;
}
