// The user directory: finds users and verifies their passwords. There are two: Ampho's own tables
// (database-directory.ts) and the application's (application-directory.ts).

import type { Origin } from "../audit/entry.js";
import { isReservedRole } from "../levels/scopes.js";
import { parseAddress } from "../logins/address.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { User, UserEmail } from "../store/sql/users.js";
import type { ApplicationUser, NewApplicationUser } from "./application-users.js";

/** A user as the flows see one. */
export interface Account {
  readonly id: string;
  /** As tokens spell it. */
  readonly login: string;
  readonly roles: readonly string[];
  readonly rolesVersion: number;
  readonly disabled: boolean;
  /** The row of Ampho's own table. */
  readonly stored: User | undefined;
  /** The address to which mails go. */
  readonly email: UserEmail | undefined;
  /** The row of the application's table, for its `verify`. */
  readonly applicationUser: ApplicationUser | undefined;
}

export interface PasswordCheck {
  /** The password is right and the user enabled. */
  readonly good: boolean;
  /**
   * Resolves when the rejection can be sent. Await it last, after all writes of a failed attempt, so that no other
   * attempt waits for it.
   */
  readonly waitToReject: () => Promise<void>;
}

export const rejectNow = async (): Promise<void> => {};

/** A change that an application's own table makes first. */
export interface TableChange<T> {
  /** Rejects if the session has ended, before the table changes. */
  readonly requireLive: () => Promise<void>;
  /** The rest. It runs when the table has changed, even after the limit for its function. */
  readonly afterwards: () => Promise<T>;
}

export interface Directory {
  /** Users are rows of Ampho's own database. */
  readonly inDatabase: boolean;
  findByLogin(login: string): Promise<Account | undefined>;
  /** Rejects with `not_found` where an application's own table cannot find users by id. */
  findById(id: string): Promise<Account | undefined>;
  /** Finds users in any order. `ids` has each id once. */
  findMany(ids: readonly string[]): Promise<readonly Account[]>;
  /** Finds the user whose address it is (see `mailboxOf`). `canonical` comes from `parseAddress`. */
  findByAddress(canonical: string): Promise<Account | undefined>;
  /** The account of a session. `user`: the row of the database that the same statement has read. */
  findOwner(
    session: { readonly userId: string; readonly login: string },
    user: User | undefined,
  ): Promise<Account | undefined>;
  /** The hash that Ampho stores. Null where the application's table stores the password. */
  hashNew(password: string, fairness: { readonly fairnessKey: string }): Promise<string | null>;
  /**
   * Stores a password, a login or an address, or deletes a user, where an application's own table does that. Undefined for a
   * table without the function. Of the database, an operation of the `Store` does it, as a part of what it ends.
   */
  readonly setPassword?: /** `afterwards` runs when the application's function has ended, also too late or with an error. */
  ((account: Account, password: string, afterwards: () => Promise<void>) => Promise<void>) | undefined;
  /**
   * Resolves to undefined if the login or the address is taken. `unlessCreated` runs when the function has created no user, also
   * too late or with an error.
   */
  readonly create?:
    | ((user: NewApplicationUser, unlessCreated: () => Promise<void>) => Promise<Account | undefined>)
    | undefined;
  /** Resolves to false if another user has the address. */
  readonly setEmail?: ((account: Account, email: string) => Promise<boolean>) | undefined;
  /** Resolves to undefined if another user has the login. */
  readonly setLogin?:
    | (<T>(account: Account, login: string, change: TableChange<T>) => Promise<T | undefined>)
    | undefined;
  readonly remove?: (<T>(account: Account, change: TableChange<T>) => Promise<T>) | undefined;
  /** Users can be found by their id alone. */
  readonly findsById: boolean;
  /** Finds a session's user by the id, or else by the session's login. That account can be another user's. */
  findSessionUser(session: { readonly userId: string; readonly login: string }): Promise<Account | undefined>;
  /**
   * Verifies a password. An unknown, disabled or passwordless account takes as long as any other, so the time does not
   * reveal which logins exist.
   */
  verify(account: Account | undefined, password: string, turn: PasswordTurn): Promise<PasswordCheck>;
}

export function toAccount(user: User): Account {
  const { id, login, roles, rolesVersion, disabled, email } = user;
  return { id, login, roles, rolesVersion, disabled, stored: user, email, applicationUser: undefined };
}

/** The address of the account as it is stored. A login counts as an address only if its user has no other. */
export const mailboxOf = ({ email, login }: Pick<Account, "email" | "login">): string | undefined =>
  email?.address ?? parseAddress(login)?.address;

/**
 * The mailbox alone can open the account. In the database, the first proof of an address ends what another person had set up. An
 * application's own table must have the proof before, because its password would go on.
 */
export const opensByMailbox = ({ stored, email }: Pick<Account, "stored" | "email">): boolean =>
  email !== undefined && (stored !== undefined || email.provenAt !== undefined);

/** The address that a used code or link proves. Undefined if it is proven already. */
export function unprovenEmailOf({ stored, email }: Pick<Account, "stored" | "email">): string | undefined {
  return stored === undefined || email?.provenAt !== undefined ? undefined : email?.canonical;
}

/** The origin of an event of this account. Only the application's own table knows the address to which its notice goes. */
export function originFor({ stored, email }: Account, origin: Origin): Origin {
  if (stored !== undefined) return origin;
  return { ...origin, noticeTo: email?.provenAt === undefined ? "" : email.address };
}

/** An account without a password has none to reset. */
export const canReset = ({ email, stored }: Account): boolean =>
  email !== undefined && (stored === undefined || stored.passwordHash !== null);

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
