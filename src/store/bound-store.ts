// The purposes as methods, over whatever runs them.
import type { Input, Output, PurposeName } from "./operations.js";
import type { Store } from "./store.js";

export type Call = <P extends PurposeName>(purpose: P, input: Input<P>) => Promise<Output<P>>;

export function boundStore(call: Call): Pick<Store, PurposeName> {
  return {
    createUser: (input) => call("createUser", input),
    findUser: (canonical) => call("findUser", canonical),
    findUserById: (id) => call("findUserById", id),
    listUsers: (page) => call("listUsers", page),
    setPassword: (input) => call("setPassword", input),
    rehashPassword: (input) => call("rehashPassword", input),
    setRoles: (input) => call("setRoles", input),
    setDisabled: (input) => call("setDisabled", input),
    removeUser: (input) => call("removeUser", input),
    startImport: (input) => call("startImport", input),
    stageUsers: (input) => call("stageUsers", input),
    publishImport: (input) => call("publishImport", input),
    sweepImports: (input) => call("sweepImports", input),
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
    endSessionsOf: (input) => call("endSessionsOf", input),
    revokeUser: (input) => call("revokeUser", input),
    endEverySession: (input) => call("endEverySession", input),

    readRevocations: (input) => call("readRevocations", input),
    revokeKey: (input) => call("revokeKey", input),

    admitGuess: (input) => call("admitGuess", input),
    settleGuess: (input) => call("settleGuess", input),
    sweepGuesses: (input) => call("sweepGuesses", input),
    listHeldBack: (input) => call("listHeldBack", input),
    clearHeldBack: (input) => call("clearHeldBack", input),

    takeHousekeeping: (input) => call("takeHousekeeping", input),
    removeOldRows: (input) => call("removeOldRows", input),
    finishHousekeeping: (input) => call("finishHousekeeping", input),

    readUsersElsewhere: () => call("readUsersElsewhere", undefined),
    noteUsersElsewhere: (elsewhere) => call("noteUsersElsewhere", elsewhere),

    recordAudit: (entry) => call("recordAudit", entry),
    listAudit: (input) => call("listAudit", input),
  };
}
