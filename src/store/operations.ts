// Every purpose of the Store: whether it only reads, and the work that it is.

import { admitAttempt, settleAttempt } from "./sql/attempts.js";
import { listAudit, recordAudit } from "./sql/audit.js";
import { countHashKinds, listHashKinds } from "./sql/hash-kinds.js";
import { deleteOldRows, releaseHousekeepingLease, takeHousekeepingLease } from "./sql/housekeeping.js";
import { deleteUnpublishedImports, publishImport, stageUsers, startImport } from "./sql/imports.js";
import { clearLockouts, listLockouts, pruneAttempts } from "./sql/lockouts.js";
import { renewSession } from "./sql/renewal.js";
import { readRevocations, revokeKey } from "./sql/revocations.js";
import { endAllSessions, endSession, endUserSessions, revokeUserTokens } from "./sql/session-ends.js";
import {
  countSessions,
  createSession,
  findSession,
  findSessionUsers,
  listSessions,
  reauthenticate,
} from "./sql/sessions.js";
import { readApplicationOwnsUsers, writeApplicationOwnsUsers } from "./sql/state.js";
import { deleteUser, rehashPassword, setDisabled, setPassword, setRoles } from "./sql/user-changes.js";
import { createUser, findUser, findUserById, listUsers } from "./sql/users.js";
import type { Store } from "./store.js";
import type { Transaction } from "./transaction.js";

export type OperationName = Exclude<keyof Store, "readClock" | "stats" | "ping" | "close">;
export type Input<P extends OperationName> = Parameters<Store[P]>[0];
export type Output<P extends OperationName> = Awaited<ReturnType<Store[P]>>;

export interface Operation<P extends OperationName> {
  /** `background`: a write that lets all others go first. */
  readonly access: "read" | "write" | "background";
  readonly run: (input: Input<P>) => Transaction<Output<P>>;
}

export const operations: { readonly [P in OperationName]: Operation<P> } = {
  createUser: { access: "write", run: createUser },
  findUser: { access: "read", run: findUser },
  findUserById: { access: "read", run: (id) => findUserById(id) },
  listUsers: { access: "read", run: listUsers },
  setPassword: { access: "write", run: setPassword },
  rehashPassword: { access: "write", run: rehashPassword },
  setRoles: { access: "write", run: setRoles },
  setDisabled: { access: "write", run: setDisabled },
  deleteUser: { access: "write", run: deleteUser },

  startImport: { access: "write", run: startImport },
  stageUsers: { access: "write", run: stageUsers },
  publishImport: { access: "write", run: publishImport },
  deleteUnpublishedImports: { access: "write", run: deleteUnpublishedImports },
  listHashKinds: { access: "read", run: listHashKinds },
  countHashKinds: { access: "read", run: countHashKinds },

  createSession: { access: "write", run: createSession },
  reauthenticate: { access: "write", run: reauthenticate },
  renewSession: { access: "write", run: renewSession },
  findSession: { access: "read", run: findSession },
  findSessionUsers: { access: "read", run: findSessionUsers },
  countSessions: { access: "read", run: countSessions },
  listSessions: { access: "read", run: listSessions },
  endSession: { access: "write", run: endSession },
  endUserSessions: { access: "write", run: endUserSessions },
  revokeUserTokens: { access: "write", run: revokeUserTokens },
  endAllSessions: { access: "write", run: endAllSessions },

  readRevocations: { access: "read", run: readRevocations },
  revokeKey: { access: "write", run: revokeKey },

  admitAttempt: { access: "write", run: admitAttempt },
  settleAttempt: { access: "write", run: settleAttempt },
  pruneAttempts: { access: "write", run: pruneAttempts },
  listLockouts: { access: "write", run: listLockouts },
  clearLockouts: { access: "write", run: clearLockouts },

  takeHousekeepingLease: { access: "write", run: takeHousekeepingLease },
  deleteOldRows: { access: "background", run: deleteOldRows },
  releaseHousekeepingLease: { access: "write", run: releaseHousekeepingLease },

  readApplicationOwnsUsers: { access: "read", run: readApplicationOwnsUsers },
  writeApplicationOwnsUsers: { access: "write", run: writeApplicationOwnsUsers },

  recordAudit: { access: "write", run: recordAudit },
  listAudit: { access: "read", run: listAudit },
};

export const operationNames: readonly string[] = Object.keys(operations);
