// The purposes as methods, over whatever runs them.
import type { Input, OperationName, Output } from "./operations.js";
import type { Store } from "./store.js";

export type Call = <P extends OperationName>(purpose: P, input: Input<P>) => Promise<Output<P>>;

export function boundStore(call: Call): Pick<Store, OperationName> {
  return {
    createUser: (input) => call("createUser", input),
    findUser: (canonical) => call("findUser", canonical),
    findUserById: (id) => call("findUserById", id),
    listUsers: (page) => call("listUsers", page),
    setPassword: (input) => call("setPassword", input),
    rehashPassword: (input) => call("rehashPassword", input),
    setRoles: (input) => call("setRoles", input),
    setDisabled: (input) => call("setDisabled", input),
    deleteUser: (input) => call("deleteUser", input),
    startImport: (input) => call("startImport", input),
    stageUsers: (input) => call("stageUsers", input),
    publishImport: (input) => call("publishImport", input),
    deleteUnpublishedImports: (input) => call("deleteUnpublishedImports", input),
    listHashKinds: () => call("listHashKinds", undefined),
    countHashKinds: (page) => call("countHashKinds", page),

    createSession: (input) => call("createSession", input),
    reauthenticate: (input) => call("reauthenticate", input),
    renewSession: (input) => call("renewSession", input),
    findSession: (input) => call("findSession", input),
    findSessionUsers: (input) => call("findSessionUsers", input),
    countSessions: (input) => call("countSessions", input),
    listSessions: (input) => call("listSessions", input),
    endSession: (input) => call("endSession", input),
    endUserSessions: (input) => call("endUserSessions", input),
    revokeUserTokens: (input) => call("revokeUserTokens", input),
    endAllSessions: (input) => call("endAllSessions", input),

    readRevocations: (input) => call("readRevocations", input),
    revokeKey: (input) => call("revokeKey", input),

    admitAttempt: (input) => call("admitAttempt", input),
    settleAttempt: (input) => call("settleAttempt", input),
    pruneAttempts: (input) => call("pruneAttempts", input),
    listLockouts: (input) => call("listLockouts", input),
    clearLockouts: (input) => call("clearLockouts", input),

    takeHousekeepingLease: (input) => call("takeHousekeepingLease", input),
    deleteOldRows: (input) => call("deleteOldRows", input),
    releaseHousekeepingLease: (input) => call("releaseHousekeepingLease", input),

    readApplicationOwnsUsers: () => call("readApplicationOwnsUsers", undefined),
    writeApplicationOwnsUsers: (elsewhere) => call("writeApplicationOwnsUsers", elsewhere),

    recordAudit: (entry) => call("recordAudit", entry),
    listAudit: (input) => call("listAudit", input),
  };
}
