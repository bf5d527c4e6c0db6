// The parts that the groups of `ampho.users` and the like share: the caller, and the users that arguments name.
import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import type { ReplaceText } from "../../mail/texts/compose.js";
import type { Transport } from "../../mail/transports/transport.js";
import type { User } from "../../store/sql/rows/users.js";
import { isStorableName } from "../../store/storable-text.js";
import { findStoredUser, findStoredUserById } from "../../users/database-directory.js";
import type { Deps } from "../deps.js";
import { type Checks, checked, user } from "./checks.js";
import type { UserRef } from "./management.js";

export interface Mailing {
  /** Resolves to undefined if no mail can be sent. Rejects with ConfigurationError. */
  openTransport(): Promise<Transport | undefined>;
  readonly replaceText: ReplaceText | undefined;
}

/** Management needs no key, so nothing that a key derives. */
export type ManagementDeps = Pick<
  Deps,
  "store" | "directory" | "passwords" | "policy" | "revocations" | "settings" | "clock"
> & { readonly mailing: Mailing };

export type Manager = ReturnType<typeof createManager>;

/** `totpSecrets`: only where a key is configured. */
export function createManager(deps: ManagementDeps & Partial<Pick<Deps, "totpSecrets">>, origin: Origin) {
  const { directory } = deps;

  /** The id of a user of any table. An application's own table is not asked for one that is given. */
  async function idOf(given: string | UserRef): Promise<string> {
    const ref = toRef(given, "id");
    if ("id" in ref && isStorableName(ref.id)) {
      // A login in place of the id would otherwise end nothing, and the operator would not notice.
      await directory.fromRows(() => requireUser(deps, ref));
      return ref.id;
    }
    const account = "id" in ref ? undefined : await directory.findByLogin(ref.login);
    if (account === undefined) throw unknownUser("id" in ref ? "id" : "login");
    return account.id;
  }

  return {
    ...deps,
    origin,
    reason: origin.actor === "operator" ? ("ended_by_operator" as const) : ("ended_by_application" as const),
    stored: <A extends readonly unknown[], R>(rules: Checks, run: (...args: A) => R | Promise<R>) =>
      checked(rules, run, () => directory.requireRows()),
    idOf,
    /** A function for one user of any table. */
    forUser: <A extends readonly unknown[], R>(rules: Checks, run: (userId: string, ...args: A) => R | Promise<R>) =>
      checked({ user: user("id"), ...rules }, async (ref: string | UserRef, ...args: A) =>
        run(await idOf(ref), ...args),
      ),
    async loginOf(id: string): Promise<string> {
      const account = await directory.findById(id);
      if (account === undefined) throw unknownUser("id");
      return account.login;
    },
  };
}

/** An argument that is only a string. Its meaning is that of the group of functions. */
export const toRef = (ref: string | UserRef, meaning: "id" | "login"): UserRef =>
  typeof ref !== "string" ? ref : meaning === "id" ? { id: ref } : { login: ref };

export async function requireUser({ store }: Pick<Deps, "store">, given: string | UserRef): Promise<User> {
  const ref = toRef(given, "login");
  const user = await ("id" in ref ? findStoredUserById(store, ref.id) : findStoredUser(store, ref.login));
  if (user === undefined) throw unknownUser("id" in ref ? "id" : "login");
  return user;
}

export async function findAny({ directory }: Pick<Deps, "directory">, given: string | UserRef) {
  const ref = toRef(given, "login");
  return "id" in ref ? directory.findById(ref.id) : directory.findByLogin(ref.login);
}

export const unknownUser = (name: "id" | "login" = "login"): AmphoError =>
  new AmphoError("not_found", `There is no user with this ${name}.`);

/** The link of a mail leads to a page of the application. */
export function requireAppUrl({ appUrl }: Pick<Deps["settings"], "appUrl">): string {
  if (appUrl !== undefined) return appUrl;
  throw new AmphoError("not_found", "AMPHO_APP_URL is not set, so there is no page for a link.");
}
