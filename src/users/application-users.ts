// The option `users`: an application's own user table (docs/guides/own-users.md).

/** A row of the application's user table. It can have further members, such as the password hash. */
export interface ApplicationUser {
  /** Never used again for another user: it is the `sub` of tokens and the owner of sessions. */
  readonly id: string;
  /** The login name of the user. */
  readonly login: string;
  /** The roles. By default none. */
  readonly roles?: readonly string[] | undefined;
  /** True if the user cannot sign in. */
  readonly disabled?: boolean | undefined;
  /** The address to which mails go, and whether the user has proven it. Notices go to proven addresses only. */
  readonly email?: string | undefined;
  /** True if the user has proven the address. */
  readonly emailProven?: boolean | undefined;
}

/**
 * The functions by which Ampho uses the application's user table. An error that one of them throws becomes
 * `unavailable`.
 * @example
 * await createAmpho({
 *   users: {
 *     find: (login) => db.users.findFirst({ where: { login } }),
 *     findById: (id) => db.users.findFirst({ where: { id } }),
 *     findMany: (ids) => db.users.findMany({ where: { id: { in: ids } } }),
 *     verify: (user, password) => verifyPassword(user.passwordHash, password),
 *     verifyUnknown: (password) => verifyPassword(null, password),
 *     setPassword: async ({ id }, password) => db.users.update({ id, passwordHash: await hashPassword(password) }),
 *     create: async ({ login, email, password, roles }) => {
 *       const passwordHash = password === undefined ? null : await hashPassword(password);
 *       return db.users.insert({ login, email, roles, passwordHash });
 *     },
 *     setEmail: ({ id }, email) => db.users.claim({ id, email }),
 *     setLogin: ({ id }, login) => db.users.claim({ id, login }),
 *     remove: ({ id }) => db.users.delete({ id }),
 *   },
 * });
 */
export interface ApplicationUsers<U extends ApplicationUser = ApplicationUser> {
  /**
   * Finds the user of a login as it was typed: at login, and for `live` requirements where the token has no session.
   * Without `findById` also with the login of a session, and by `sessions.create` with the id of a user without
   * sessions.
   */
  find(login: string): U | undefined | Promise<U | undefined>;
  /**
   * Finds the user of an id: for `sessions.create`, at renewal and for `live` requirements. With it a login can change,
   * or pass to another user, and sessions stay with their user. Undefined means that the user was deleted. Return a
   * blocked user with `disabled`.
   */
  readonly findById?: ((id: string) => U | undefined | Promise<U | undefined>) | undefined;
  /**
   * Finds the users of several ids with one query, in any order, for `ampho.users.findMany`. Without it `findById` is
   * called for each id.
   */
  findMany?(ids: readonly string[]): readonly U[] | Promise<readonly U[]>;
  /** Verifies the password of a user that `find` returned. */
  verify(user: U, password: string): boolean | Promise<boolean>;
  /**
   * Does the work of `verify` for a login that `find` does not know, so that a burst of attempts does not show which
   * logins exist. Its result is ignored. By default the rejection waits for as long as `verify` took before.
   */
  verifyUnknown?(password: string): unknown;
  /**
   * Stores a new password. It enables `POST /password` and `/password/reset`. Ampho has checked the password policy.
   */
  setPassword?(user: U, password: string): void | Promise<void>;
  /**
   * Creates a user whose address is proven. It enables `/register`. Returns undefined if the login or the address is
   * taken, also by a user that was created at the same moment. Return a user who must wait for an approval with
   * `disabled`.
   */
  create?(user: NewApplicationUser): U | undefined | Promise<U | undefined>;
  /**
   * Stores a proven address. It enables `/account/email`. Returns false if another user has it. Ampho has sent the
   * notice to the old address before.
   */
  setEmail?(user: U, email: string): boolean | Promise<boolean>;
  /**
   * Stores a new login. It enables `/account/login`. Returns false if another user has it, or if no user can have it.
   */
  setLogin?(user: U, login: string): boolean | Promise<boolean>;
  /**
   * Deletes the user, or disables the user for ever. It enables `DELETE /account`. Ampho looks the user up once more,
   * and then deletes its own rows.
   */
  remove?(user: U): void | Promise<void>;
}

export interface NewApplicationUser {
  readonly login: string;
  readonly email: string;
  /** Undefined for a user with a passkey or an outside identity. */
  readonly password: string | undefined;
  /** Those of the invitation. Empty without one. */
  readonly roles: readonly string[];
}
