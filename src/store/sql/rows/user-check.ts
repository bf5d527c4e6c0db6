// The user of a login or of a change, at the moment of the transaction.
import type { Transaction } from "../../transaction.js";
import { sendUserLock, type User } from "./users.js";

/** A stored user must be enabled and have this password version (undefined: any). `false`: a user of an own table. */
export type StoredUser = { readonly passwordVersion?: number | undefined } | false;

export type CheckedUser =
  | { readonly user: User | undefined }
  | { readonly rejected: "unknown" | "disabled" | "password_changed" };

/**
 * Locks the user's row until the transaction ends. `update`: the transaction will write the row. If two of them shared
 * the lock, the one with the lock of the sessions would wait for the other one, and that one for it. Deferred.
 */
export function* sendUserCheck(
  { userId, stored }: { readonly userId: string; readonly stored: StoredUser },
  lock: "share" | "update" = "share",
): Transaction<() => Transaction<CheckedUser>> {
  const readUser = stored === false ? undefined : yield* sendUserLock(userId, lock);
  return function* read() {
    if (stored === false || readUser === undefined) return { user: undefined };
    const user = yield* readUser();
    if (!user) return { rejected: "unknown" };
    if (user.disabled) return { rejected: "disabled" };
    const { passwordVersion = user.passwordVersion } = stored;
    return passwordVersion === user.passwordVersion ? { user } : { rejected: "password_changed" };
  };
}
