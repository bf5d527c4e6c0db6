// The application's own user table. Its functions can throw, hang, or return values of a wrong type.
import { type Clock, within } from "../clock.js";
import { AmphoError } from "../errors.js";
import { isReservedRole } from "../levels/scopes.js";
import { parseAddress, spellLogin } from "../logins/address.js";
import { isLikeServiceId } from "../logins/login-name.js";
import type { PasswordPool } from "../passwords/pool.js";
import { emailOf, type UserEmail } from "../store/sql/rows/users.js";
import { isStorableName } from "../store/storable-text.js";
import type { ApplicationUser, ApplicationUsers } from "./application-users.js";
import { type Account, type Directory, mailboxOf, ofTable, rejectNow, type SessionUser } from "./directory.js";

export type UserTableState = "failing" | "responding" | "undecided";

export interface ApplicationDirectoryDeps {
  readonly users: ApplicationUsers;
  readonly passwords: PasswordPool;
  readonly clock: Clock;
  /** Called when the table begins to fail, when it responds again, and when `verify` first returned no boolean. */
  readonly report: (state: UserTableState, cause?: unknown) => void;
}

/** How many measured checks decide how long an unknown login takes. */
const samplesMax = 16;

/**
 * Limits for a call that hangs. An attempt counts as wrong after 15 s, so both together are less. `verify` gets more,
 * because `verifyPassword` can wait 5 s for a thread.
 */
const limitsMs = { find: 5_000, verify: 8_000 };

export function createApplicationDirectory({ users, passwords, clock, report }: ApplicationDirectoryDeps): Directory {
  const { findById } = users;
  const wrongMs: number[] = [];
  const rightMs: number[] = [];
  let next = 0;
  let failing = false;
  let undecided = false;

  async function ask<T>(limitMs: number, call: () => T | PromiseLike<T>): Promise<T> {
    try {
      const result = await within(limitMs, call(), () => new Error(`no response within ${limitMs / 1000} s`));
      if (failing) report("responding");
      failing = false;
      return result;
    } catch (cause) {
      if (cause instanceof AmphoError) throw cause;
      if (!failing) report("failing", cause);
      failing = true;
      throw new AmphoError("unavailable", "The user table did not respond.", { retryAfterSeconds: 1 }, { cause });
    }
  }

  const find = async (login: string) => toAccount(await ask(limitsMs.find, () => users.find(login)));
  /** An address is looked up as `create` and `setEmail` get it, with its domain in ASCII. */
  const findByLogin = (login: string) => find(spellLogin(login));

  async function findSessionUser({ userId, login }: SessionUser) {
    if (findById === undefined) return find(login);
    return toAccount(await ask(limitsMs.find, () => findById.call(users, userId)));
  }

  /** A failure has to be imitated, so wrong passwords count: a right one can cost more, for example a new hash. */
  function sampleMs(): number | undefined {
    const samples = wrongMs.length > 0 ? wrongMs : rightMs;
    return samples[next++ % samples.length];
  }

  function learn(samples: number[], ms: number): void {
    if (samples.length >= samplesMax) samples.shift();
    samples.push(ms);
  }

  async function requireById(id: string): Promise<Account | undefined> {
    if (findById === undefined) throw new AmphoError("not_found", "The option users has no function findById.");
    const account = toAccount(await ask(limitsMs.find, () => findById.call(users, id)));
    return account?.id === id ? account : undefined;
  }

  async function findMany(ids: readonly string[]): Promise<readonly Account[]> {
    if (users.findMany === undefined) return (await inGroups(ids, requireById)).filter((each) => each !== undefined);
    const rows: unknown = await ask(limitsMs.find, () => users.findMany?.(ids));
    if (!Array.isArray(rows)) throw new TypeError("users.findMany must return an array of users");
    // A user that was not asked for would be shown under the id of another one.
    return rows.map(toAccount).filter((each) => each !== undefined && ids.includes(each.id)) as readonly Account[];
  }

  return {
    ...ofTable,
    findByLogin,
    // The function finds users by login and address.
    findForMail: findByLogin,
    findById: requireById,
    findMany,
    async findByAddress(canonical) {
      const account = await findByLogin(canonical);
      const mailbox = account && mailboxOf(account);
      return mailbox !== undefined && parseAddress(mailbox)?.canonical === canonical ? account : undefined;
    },
    setPassword:
      users.setPassword &&
      (async (account, password, afterwards) => {
        await ask(limitsMs.verify, async () => {
          let isStored = false;
          try {
            await users.setPassword?.(userOf(account), password);
            isStored = true;
          } finally {
            await afterwards(isStored);
          }
        });
      }),
    create:
      users.create &&
      (async ({ login, email: { address: email }, password, roles }, invitation) => {
        await invitation.use();
        const created = await ask(limitsMs.verify, async () => {
          let row: ApplicationUser | null | undefined;
          try {
            row = await users.create?.({ login: login ?? email, email, password, roles });
          } finally {
            if (row === undefined || row === null) await invitation.giveBack();
          }
          return row;
        });
        const account = toAccount(created);
        if (created && account === undefined)
          throw new TypeError(
            "users.create must not return an id or a login of the form of the id of a service account",
          );
        return account && { account, row: undefined };
      }),
    setEmail:
      users.setEmail &&
      (async (account, email) => (await ask(limitsMs.find, () => users.setEmail?.(userOf(account), email))) === true),
    setLogin:
      users.setLogin &&
      (async (account, login, { begin, afterwards }) => {
        const giveBack = await begin();
        return ask(limitsMs.find, async () => {
          const isChanged = await unlessFailed(giveBack, async () => users.setLogin?.(userOf(account), login));
          if (isChanged === true) return afterwards();
          await giveBack();
          return undefined;
        });
      }),
    remove:
      users.remove &&
      (async (account, { begin, afterwards }) => {
        // The table has deleted the user already, and the database was unreachable after that.
        if (account.applicationUser === undefined) return afterwards();
        const giveBack = await begin();
        return ask(limitsMs.verify, async () => {
          await unlessFailed(giveBack, async () => {
            await users.remove?.(userOf(account));
            // Ampho deletes the factors next, and the password alone would then open the account.
            const left = toAccount(await (findById?.call(users, account.id) ?? users.find(account.login)));
            if (left?.id === account.id && !left.disabled)
              throw new TypeError("users.remove has ended, and the user is neither deleted nor disabled");
          });
          return afterwards();
        });
      }),
    findsById: findById !== undefined,
    canDeleteFirst: findById !== undefined,
    findSessionUser,
    findOwner: (session) => findSessionUser(session),
    hashNew: async () => null,
    async verify(account, password, turn) {
      if (account?.applicationUser === undefined) {
        if (users.verifyUnknown !== undefined) {
          await ask(limitsMs.verify, () => users.verifyUnknown?.(password));
          return { good: false, waitToReject: rejectNow };
        }
        // The rejection takes as long as one of the last checks of the application, and before the first of them as
        // long as one of ours. Checks that wait for each other take longer (L-15).
        const sample = sampleMs();
        if (sample === undefined) await passwords.verify(undefined, password, turn);
        else await new Promise((resolve) => setTimeout(resolve, sample));
        return { good: false, waitToReject: rejectNow };
      }
      const { applicationUser } = account;
      const startedMs = clock.monotonicMs();
      const good: unknown = await ask(limitsMs.verify, () => users.verify(applicationUser, password));
      learn(good === true ? rightMs : wrongMs, clock.monotonicMs() - startedMs);
      if (typeof good !== "boolean" && !undecided) {
        undecided = true;
        report("undecided");
      }
      return { good: good === true && !account.disabled, waitToReject: rejectNow };
    },
  };
}

async function unlessFailed<T>(giveBack: () => Promise<void>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    await giveBack();
    throw error;
  }
}

const atOnce = 8;

async function inGroups<T>(ids: readonly string[], find: (id: string) => Promise<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for (let at = 0; at < ids.length; at += atOnce)
    found.push(...(await Promise.all(ids.slice(at, at + atOnce).map(find))));
  return found;
}

function userOf({ applicationUser }: Account): ApplicationUser {
  if (applicationUser === undefined) throw new TypeError("the account is of the application's table");
  return applicationUser;
}

/** Reads each member once, because a getter can return another value the next time. */
function toAccount(applicationUser: ApplicationUser | null | undefined): Account | undefined {
  if (applicationUser === undefined || applicationUser === null) return undefined;
  const { id, login, roles, disabled, email, emailProven } = applicationUser;
  if (!isStorableName(id) || !isStorableName(login))
    throw new TypeError("users.find must return { id, login } with non-empty strings without NUL, or undefined");
  // People choose login names, so the row is no error. It is no user either, and hides no other one.
  if (isLikeServiceId(id) || isLikeServiceId(login)) return undefined;
  return {
    id,
    login,
    roles: toRoles(roles),
    rolesVersion: 0,
    disabled: toFlag("disabled", disabled),
    stored: undefined,
    email: toEmail(email, toFlag("emailProven", emailProven)),
    applicationUser,
  };
}

/** A string would be one role for each letter. A copy, because the application can change its array later. */
function toRoles(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (isIterable(value)) {
    const roles: readonly unknown[] = [...value];
    if (roles.some((role) => typeof role === "string" && isReservedRole(role)))
      throw new TypeError("users.find must not return the role *, nor one that begins with o_ and contains a slash");
    if (roles.every((role) => typeof role === "string")) return roles;
  }
  throw new TypeError("users.find must return roles as an array of strings, or leave them out");
}

/** Another value throws: without an address the user would get no notice, and a stranger would need no mailed code. */
function toEmail(value: unknown, isProven: boolean): UserEmail | undefined {
  if (value === undefined || value === null) return undefined;
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address === undefined) throw new TypeError("users.find must return email as an address, or leave it out");
  return emailOf(address, isProven ? 0 : undefined);
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.iterator in value;

/** Many tables use 0 and 1. Any other value throws: a date of disabling, read as false, would let the user sign in. */
function toFlag(name: "disabled" | "emailProven", value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (value === undefined || value === null || value === 0) return false;
  if (value === 1) return true;
  throw new TypeError(`users.find must return ${name} as true or false, or leave it out`);
}
