// Finds users and verifies their passwords, in Ampho's own tables or in the application's.
import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import { isReservedRole } from "../levels/scopes.js";
import { type Address, parseAddress } from "../logins/address.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { UserRegistration } from "../store/sql/effects/registrations.js";
import type { StoredUser } from "../store/sql/rows/user-check.js";
import type { FoundUser, User, UserEmail } from "../store/sql/rows/users.js";
import type { ApplicationUser } from "./application-users.js";

export interface Account {
  readonly id: string;
  /** As tokens spell it. */
  readonly login: string;
  readonly roles: readonly string[];
  readonly rolesVersion: number;
  readonly disabled: boolean;
  /** The row of Ampho's own table. */
  readonly stored: FoundUser | undefined;
  readonly email: UserEmail | undefined;
  /** The row of the application's table, for its `verify`. */
  readonly applicationUser: ApplicationUser | undefined;
}

export interface PasswordCheck {
  /** The password is right and the user enabled. */
  readonly good: boolean;
  /** Resolves when the rejection can be sent. Await it after all writes, so that no other attempt waits. */
  readonly waitToReject: () => Promise<void>;
}

export const rejectNow = async (): Promise<void> => {};

/** A change that an application's own table makes first. */
export interface TableChange<T> {
  /**
   * Before the table changes. Uses up what allows the change, and rejects if the session has ended. Resolves to what
   * gives it back, if the table has not changed.
   */
  readonly begin: () => Promise<() => Promise<void>>;
  readonly afterwards: () => Promise<T>;
}

export interface UserDraft {
  readonly id: string;
  /** Undefined: the address, or the id if the login of a former owner is that address. */
  readonly login: string | undefined;
  readonly email: Address;
  /** For an application's own table. Undefined for a user with a passkey or an outside identity. */
  readonly password: string | undefined;
  /** For a row of the database. */
  readonly passwordHash: string | null;
  readonly roles: readonly string[];
  readonly now: number;
}

type InvitationOfTable = { readonly use: () => Promise<void>; readonly giveBack: () => Promise<void> };

/** The account, and the row for the gate to insert. Undefined if an application's own table has created the user. */
type CreatedAccount = { readonly account: Account; readonly row: UserRegistration["user"] | undefined };

/** By the id, or where an application's table has no `findById` by the login of a session. */
export type SessionUser = { readonly userId: string; readonly login: string };

export interface Directory {
  /** How an operation of the `Store` checks the user that it finds: an enabled one. False: it has no row. */
  readonly anyUser: StoredUser;
  /** Throws `not_found` where the application keeps the users. */
  requireRows(): void;
  /** Reads values that only the database has. Reads nothing where the application keeps the users. */
  fromRows<T>(read: () => Promise<T>): Promise<T | undefined>;
  /**
   * Reads values that only an application's own table makes necessary. Resolves to undefined for users of the database.
   */
  forTable<T>(read: () => Promise<T>): Promise<T | undefined>;
  /** The form of a login that belongs to one user. Undefined for an application's own table, where only an id does. */
  canonicalOf(login: string): string | undefined;
  findByLogin(login: string): Promise<Account | undefined>;
  /** Rejects with `not_found` where an application's own table cannot find users by id. */
  findById(id: string): Promise<Account | undefined>;
  /** Finds users in any order. `ids` has each id once. */
  findMany(ids: readonly string[]): Promise<readonly Account[]>;
  /**
   * Finds the user to whom a reset or a login by mail goes: first by the proven address, then by the login, then by an
   * address that is not proven. A stranger's login or address so keeps no owner of a mailbox out.
   */
  findForMail(typed: string): Promise<Account | undefined>;
  /** Finds the user whose address it is (see `mailboxOf`). `canonical` comes from `parseAddress`. */
  findByAddress(canonical: string): Promise<Account | undefined>;
  /** The account of a session. `user`: the row of the database that the same statement has read. */
  findOwner(session: SessionUser, user: User | undefined): Promise<Account | undefined>;
  /** The hash that Ampho stores. Null where the application's table stores the password. */
  hashNew(password: string, turn: PasswordTurn): Promise<string | null>;
  /**
   * Stores a password, a login or an address, or deletes a user, where an application's own table does that. Undefined
   * for a table without the function. Of the database, an operation of the `Store` does it, as a part of what it ends.
   * `afterwards` of `setPassword` runs when the function has ended, even after the limit or with an error
   * (`isStored: false`).
   */
  readonly setPassword?:
    | ((account: Account, password: string, afterwards: (isStored: boolean) => Promise<void>) => Promise<void>)
    | undefined;
  /**
   * The account of a user who has proven an address. Resolves to undefined if an application's own table has the login
   * or the address. A registration in that table uses `invitation` up before. It gives the invitation back when the
   * function has created no user, too late or with an error as well.
   */
  readonly create?:
    | ((user: UserDraft, invitation: InvitationOfTable) => Promise<CreatedAccount | undefined>)
    | undefined;
  readonly setEmail?: ((account: Account, email: string) => Promise<boolean>) | undefined;
  /** Resolves to undefined if another user has the login. */
  readonly setLogin?:
    | (<T>(account: Account, login: string, change: TableChange<T>) => Promise<T | undefined>)
    | undefined;
  readonly remove?: (<T>(account: Account, change: TableChange<T>) => Promise<T>) | undefined;
  readonly findsById: boolean;
  /** A session whose user is not found is one of a user whom the application's table has deleted. */
  readonly canDeleteFirst: boolean;
  /** Finds a session's user by the id, or else by the session's login. That account can be another user's. */
  findSessionUser(session: SessionUser): Promise<Account | undefined>;
  /** An unknown, disabled or passwordless account takes as long as any other. */
  verify(account: Account | undefined, password: string, turn: PasswordTurn): Promise<PasswordCheck>;
}

const elsewhere = () => new AmphoError("not_found", "The application keeps its own user table.");

/** The members that every directory of an application's own table has. */
export const ofTable = {
  anyUser: false,
  requireRows() {
    throw elsewhere();
  },
  fromRows: async () => undefined,
  forTable: (read) => read(),
  canonicalOf: () => undefined,
} satisfies Partial<Directory>;

/** A command does not reach the table of an application. */
export function withoutTable(directory: Directory): Directory {
  const reject = async (): Promise<never> => {
    throw elsewhere();
  };
  return { ...directory, ...ofTable, findByLogin: reject, findForMail: reject, findById: reject, findMany: reject };
}

export function toAccount(user: FoundUser): Account {
  const { id, login, roles, rolesVersion, disabled, email } = user;
  return { id, login, roles, rolesVersion, disabled, stored: user, email, applicationUser: undefined };
}

/** The address of the account as it is stored. A login counts as an address only if its user has no other. */
export const mailboxOf = ({ email, login }: Pick<Account, "email" | "login">): string | undefined =>
  email?.address ?? parseAddress(login)?.address;

/**
 * The mailbox alone can open the account. In the database, the first proof of an address ends what another person had
 * set up. An application's own table must have the proof before, because its password would go on.
 */
export const opensByMailbox = ({ stored, email }: Pick<Account, "stored" | "email">): boolean =>
  email !== undefined && (stored !== undefined || email.provenAt !== undefined);

/** The address that a used code or link proves. Undefined if it is proven already. */
export const unprovenEmailOf = ({ stored, email }: Pick<Account, "stored" | "email">): string | undefined =>
  stored === undefined || email?.provenAt !== undefined ? undefined : email?.canonical;

/**
 * The origin of an event of this account. Only the application's own table knows the address to which its notice goes.
 */
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
  if (roles.some(isReservedRole))
    return "A role must not be *, nor begin with o_ and contain a slash. Such names are reserved.";
  return bad ? `A role must have 1 to ${roleCharactersMax} characters and no control characters.` : undefined;
}
