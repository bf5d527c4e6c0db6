// The operations of the store, one row an operation: how it uses the database, and its transaction. The interface
// `Store`, both drivers, the metrics and the traces derive from this table. To add an operation, write its function in
// sql/ and its row here.
//
// Every operation is one transaction, with its audit rows inside. Everything that ends a session writes a numbered
// revocation. Times are whole Unix seconds and come from the caller, as do ids and random values.

import { allowAttempt, settleAttempt } from "./sql/attempts.js";
import { listAudit, recordAudit } from "./sql/audit.js";
import { enterSession, repeatEntry } from "./sql/entries.js";
import { listFactors } from "./sql/factors/account-factors.js";
import {
  forgetDevices,
  removeFactors,
  replaceRecoveryCodes,
  setFactor,
  setFactorPolicy,
} from "./sql/factors/changes.js";
import { findPasskey, listPasskeys, renamePasskey } from "./sql/factors/passkeys.js";
import { countSecretsByKey, listOldSecrets, rekeyTotp } from "./sql/factors/totp.js";
import { deleteOldRows, releaseHousekeepingLease, takeHousekeepingLease } from "./sql/housekeeping.js";
import { findIdentity, listIdentities } from "./sql/identities.js";
import { linkIdentity, unlinkIdentity } from "./sql/identity-changes.js";
import { deleteUnpublishedImports, publishImport, stageUsers, startImport } from "./sql/imports.js";
import {
  createKey,
  findKeyByHash,
  findKeys,
  listAgingKeys,
  listKeys,
  removeAllKeys,
  removeKey,
  removeUserKeys,
  rotateKey,
  touchKeys,
} from "./sql/keys.js";
import { clearLockouts, listLockouts, pruneAttempts } from "./sql/lockouts.js";
import { listMail, queueMail, readOutbox, settleMail, takeMail } from "./sql/mail.js";
import { beginRecovery, finishReset, raiseAlarm, setEmail } from "./sql/mailbox-changes.js";
import { exportAccount, removeAccount, setLogin } from "./sql/own-account.js";
import {
  createInvitation,
  findInvitation,
  findInvitationsFor,
  findUserByAddress,
  listInvitations,
  removeInvitation,
  returnInvitation,
  useInvitation,
} from "./sql/registrations.js";
import { confirmRenewal, renewSession } from "./sql/renewal.js";
import { readRevocations, revokeKey } from "./sql/revocations.js";
import {
  addService,
  changeService,
  createServiceKey,
  findService,
  issueServiceToken,
  listServices,
} from "./sql/services.js";
import { endAllSessions, endSession } from "./sql/session-ends.js";
import { countSessions, findSession, findSessionUsers, listSessions } from "./sql/sessions.js";
import { isTransactionOver } from "./sql/spent.js";
import { readApplicationOwnsUsers, writeApplicationOwnsUsers } from "./sql/state.js";
import {
  deleteUser,
  endUserSessions,
  rehashPassword,
  revokeUserTokens,
  setDisabled,
  setPassword,
  setRoles,
} from "./sql/user-changes.js";
import { noteUserHooks, readUserEvents, settleUserEvent, takeUserEvents } from "./sql/user-events.js";
import {
  countHashKinds,
  createUser,
  findUser,
  findUserById,
  findUsers,
  hasOtherHashes,
  listUsers,
} from "./sql/users.js";
import { countLockedOut } from "./sql/ways-left.js";
import type { Transaction } from "./transaction.js";

/** `background`: a write that lets all other work go first. */
export type Access = "read" | "write" | "background";

const reads = <R>(run: R) => ({ access: "read", run }) as const;
const writes = <R>(run: R) => ({ access: "write", run }) as const;
const writesInBackground = <R>(run: R) => ({ access: "background", run }) as const;

export const operations = {
  // Users

  /** Creates a user. `taken`: another user has this canonical login. */
  createUser: writes(createUser),
  findUser: reads(findUser),
  findUserById: reads(findUserById),
  /** Finds the users of several ids, in any order. */
  findUsers: reads(findUsers),
  listUsers: reads(listUsers),
  /** Sets a new password and ends the sessions of the user, except one. */
  setPassword: writes(setPassword),
  /** Stores the same password with the current parameters. */
  rehashPassword: writes(rehashPassword),
  /** Changes roles. A removed role writes a "roles" revocation. */
  setRoles: writes(setRoles),
  /**
   * Disables or enables a user. Disabling ends the sessions and writes a "user" revocation, also for a disabled user.
   */
  setDisabled: writes(setDisabled),
  /** Deletes a user, ends the sessions, and writes a "user" revocation. */
  deleteUser: writes(deleteUser),
  /** Changes the login name of a user, and ends the sessions, whose tokens carry the old one. */
  setLogin: writes(setLogin),
  /** Deletes a user of either table, with everything that belongs to the account. */
  removeAccount: writes(removeAccount),
  /** Returns the audit rows about a user, and records the export. */
  exportAccount: writes(exportAccount),
  /** Returns whether any password hash does not have the current parameters. */
  hasOtherHashes: reads(hasOtherHashes),
  countHashKinds: reads(countHashKinds),

  // Hooks of the application

  /** Notes that a process has hooks for changes of users, so that these are recorded. */
  noteUserHooks: writes(noteUserHooks),
  /** Takes changes of users whose hooks are due, so that no other process calls them meanwhile. */
  takeUserEvents: writes(takeUserEvents),
  /** Records that a hook has succeeded, or when it is called again. */
  settleUserEvent: writes(settleUserEvent),
  /** Counts the changes that wait for a hook. */
  readUserEvents: reads(readUserEvents),

  // Imports

  /** Starts an import and returns its number. Its users stay hidden until it is published. */
  startImport: writes(startImport),
  stageUsers: writes(stageUsers),
  /** Makes all users of an import visible, in one small transaction whatever its size. */
  publishImport: writes(publishImport),
  deleteUnpublishedImports: writes(deleteUnpublishedImports),

  // Sessions

  /**
   * Creates a session for what a user proved, or raises a live one, if the account and its policy ask for no more. Uses
   * up the second factor and the transaction. Ends the oldest sessions of a user who has too many.
   */
  enterSession: writes(enterSession),
  /** Returns a session again to a client that lost the response. */
  repeatEntry: writes(repeatEntry),
  /** Returns whether a transaction was used, or had too many wrong proofs. */
  isTransactionOver: reads(isTransactionOver),
  /** Moves a session one generation on, or returns the current one again within the grace. */
  renewSession: writes(renewSession),
  /** Forgets the idempotency key of the move to a generation whose tokens the client has received. */
  confirmRenewal: writes(confirmRenewal),
  findSession: reads(findSession),
  /** Lists the live sessions of a user, the newest first. */
  listSessions: reads(listSessions),
  /**
   * Returns the ids of users who have open sessions under a login, by its spelling or, for ASCII letters, in any case.
   * With an application's own table only the sessions know them. Reads the whole table, for operators.
   */
  findSessionUsers: reads(findSessionUsers),
  countSessions: reads(countSessions),
  endSession: writes(endSession),
  /** Ends the sessions of a user, except one. */
  endUserSessions: writes(endUserSessions),
  /** Ends the sessions of a user of any table, and writes a "user" revocation for all other tokens. */
  revokeUserTokens: writes(revokeUserTokens),
  /** Starts a new era: one row ends all live sessions, and all API keys where they are named. */
  endAllSessions: writes(endAllSessions),

  // Second factors

  listFactors: reads(listFactors),
  /** Adds a passkey, or sets or replaces the TOTP secret and the recovery codes with it. Ends sessions. */
  setFactor: writes(setFactor),
  findPasskey: reads(findPasskey),
  listPasskeys: reads(listPasskeys),
  renamePasskey: writes(renamePasskey),
  /** Replaces the recovery codes. Ends the other sessions. */
  replaceRecoveryCodes: writes(replaceRecoveryCodes),
  /** Removes the second factors. Ends the other sessions. */
  removeFactors: writes(removeFactors),
  forgetDevices: writes(forgetDevices),
  setFactorPolicy: writes(setFactorPolicy),
  /** Returns a page of TOTP secrets that are not under a key. */
  listOldSecrets: reads(listOldSecrets),
  rekeyTotp: writes(rekeyTotp),
  countSecretsByKey: reads(countSecretsByKey),

  // Identities at outside providers

  /** Counts the users whose only way in is switched off, for operators. */
  countLockedOut: reads(countLockedOut),

  findIdentity: reads(findIdentity),
  listIdentities: reads(listIdentities),
  linkIdentity: writes(linkIdentity),
  /** Takes an identity from a user. Ends the other sessions. */
  unlinkIdentity: writes(unlinkIdentity),

  // Service accounts
  findService: reads(findService),
  listServices: reads(listServices),
  addService: writes(addService),
  /** Changes a service, and ends its tokens. */
  changeService: writes(changeService),
  createServiceKey: writes(createServiceKey),
  /** Checks once more what the service has proven, and records the token. */
  issueServiceToken: writes(issueServiceToken),

  // API keys

  createKey: writes(createKey),
  /** Creates the successor of a key, which ends now or after an overlap. */
  rotateKey: writes(rotateKey),
  /** Ends a key. */
  removeKey: writes(removeKey),
  /** Ends all keys of a user of any table. */
  removeUserKeys: writes(removeUserKeys),
  /** Ends every key of every user. */
  removeAllKeys: writes(removeAllKeys),
  /** Lists the keys of a user. */
  listKeys: reads(listKeys),
  /** Lists keys that are not used, and keys that end soon. */
  listAgingKeys: reads(listAgingKeys),
  /** Finds a key for an operator who has it. */
  findKeyByHash: reads(findKeyByHash),
  /** Finds keys with their stored users, for guards. */
  findKeys: reads(findKeys),
  /** Records the days on which keys were used. */
  touchKeys: writesInBackground(touchKeys),

  // Mail

  /** Counts a request for a mail and writes the mail, if there is an address. */
  queueMail: writes(queueMail),
  /** Takes mails that are due, so that no other process sends them meanwhile. */
  takeMail: writes(takeMail),
  settleMail: writes(settleMail),
  listMail: reads(listMail),
  readOutbox: reads(readOutbox),
  findUserByAddress: reads(findUserByAddress),
  /** Sets a new password for a proven mailbox, and ends all sessions. */
  finishReset: writes(finishReset),
  /** Records that an operator began a recovery, and writes its mails. */
  beginRecovery: writes(beginRecovery),
  setEmail: writes(setEmail),
  /** Ends all sessions and device proofs of a user. */
  raiseAlarm: writes(raiseAlarm),
  createInvitation: writes(createInvitation),
  findInvitation: reads(findInvitation),
  findInvitationsFor: reads(findInvitationsFor),
  listInvitations: reads(listInvitations),
  /** Uses an invitation up for a user of an application's own table, and makes it usable again. */
  useInvitation: writes(useInvitation),
  returnInvitation: writes(returnInvitation),
  removeInvitation: writes(removeInvitation),

  // Revocations

  /** Reads the revocations behind a number that are still in force. */
  readRevocations: reads(readRevocations),
  revokeKey: writes(revokeKey),

  // Attempts

  /**
   * Takes one attempt from every counter and source, or from none. However many callers ask at once, no more attempts
   * are allowed than there are.
   */
  allowAttempt: writes(allowAttempt),
  settleAttempt: writes(settleAttempt),
  /** Deletes some of the oldest counters and sources beyond a number of rows. */
  pruneAttempts: writes(pruneAttempts),
  /** Lists the counters and sources that reject attempts, the longest wait first. Writes an audit row. */
  listLockouts: writes(listLockouts),
  /** Deletes the counters or sources of a target. Writes an audit row. */
  clearLockouts: writes(clearLockouts),

  // Audit log

  recordAudit: writes(recordAudit),
  /** Returns the newest rows, in the order in which they were written. */
  listAudit: reads(listAudit),

  // Housekeeping

  /** Asks for the lease on deleting old rows, which one process has at a time. Never waits for another process. */
  takeHousekeepingLease: writes(takeHousekeepingLease),
  /** Deletes a small batch of old rows and extends the lease. */
  deleteOldRows: writesInBackground(deleteOldRows),
  /** Ends the turn and gives the lease back. */
  releaseHousekeepingLease: writes(releaseHousekeepingLease),

  // State

  /** Returns true if the application that uses these sessions has its own user table. */
  readApplicationOwnsUsers: reads(readApplicationOwnsUsers),
  writeApplicationOwnsUsers: writes(writeApplicationOwnsUsers),
};

export type OperationName = keyof typeof operations;
type Run<P extends OperationName> = (typeof operations)[P]["run"];
export type OperationInput<P extends OperationName> = Parameters<Run<P>>[0];
export type OperationOutput<P extends OperationName> = ReturnType<Run<P>> extends Transaction<infer T> ? T : never;

/** The operations as methods. */
export type Operations = {
  readonly [P in keyof typeof operations]: (...input: Parameters<Run<P>>) => Promise<OperationOutput<P>>;
};

/** Starts the transaction of an operation. */
export function startOperation<P extends OperationName>(
  name: P,
  input: OperationInput<P>,
): Transaction<OperationOutput<P>> {
  // TypeScript does not follow that `run` and `input` come from the same row.
  const { run } = operations[name] as unknown as { run(input: OperationInput<P>): Transaction<OperationOutput<P>> };
  return run(input);
}

export const operationNames = Object.keys(operations) as readonly OperationName[];

/** `waitMs`: how long the request can still wait. A driver takes its own limit if that is shorter. */
export type RunOperation = <P extends OperationName>(
  operation: P,
  input: OperationInput<P>,
  waitMs?: number,
) => Promise<OperationOutput<P>>;

/** Calls the operations of a store by name. */
export function callOf(store: Operations): RunOperation {
  // TypeScript does not follow that the method and its input belong to the same operation.
  const methods = store as unknown as {
    readonly [P in OperationName]: (input: OperationInput<P>, waitMs?: number) => Promise<OperationOutput<P>>;
  };
  return (operation, input, waitMs) => methods[operation](input, waitMs);
}

/** The operations as methods that run by `call`. */
export function bindOperations(call: RunOperation): Operations {
  const bind = (operation: OperationName) =>
    [operation, (input: never, waitMs?: number) => call(operation, input, waitMs)] as const;
  // Each method comes from the row of its name.
  return Object.fromEntries(operationNames.map(bind)) as unknown as Operations;
}
