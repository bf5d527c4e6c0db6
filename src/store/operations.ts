// Every purpose of the Store: whether it only reads, and the work that it is.

import { listAudit, recordAudit } from "./sql/audit.js";
import { clearHeldBack, listHeldBack, sweepGuesses } from "./sql/lockouts.js";
import { admitGuess, settleGuess } from "./sql/attempts.js";
import { countHashKinds, listHashKinds } from "./sql/hash-kinds.js";
import { finishHousekeeping, removeOldRows, takeHousekeeping } from "./sql/housekeeping.js";
import { publishImport, stageUsers, startImport, sweepImports } from "./sql/imports.js";
import { renewSession } from "./sql/renewal.js";
import { readRevocations, revokeKey } from "./sql/revocations.js";
import { endEverySession, endSession, endSessionsOf, revokeUser } from "./sql/session-ends.js";
import {
  countSessions,
  createSession,
  findSession,
  findSessionUsers,
  listSessions,
  reauthenticate,
} from "./sql/sessions.js";
import { noteUsersElsewhere, readUsersElsewhere } from "./sql/state.js";
import { rehashPassword, removeUser, setDisabled, setPassword, setRoles } from "./sql/user-changes.js";
import { createUser, findUser, findUserById, listUsers } from "./sql/users.js";
import type { Store } from "./store.js";
import type { Work } from "./transaction.js";

export type PurposeName = Exclude<keyof Store, "readClock" | "stats" | "ping" | "close">;
export type Input<P extends PurposeName> = Parameters<Store[P]>[0];
export type Output<P extends PurposeName> = Awaited<ReturnType<Store[P]>>;

export interface Purpose<P extends PurposeName> {
  /** `background`: a write that lets all others go first. */
  readonly access: "read" | "write" | "background";
  readonly run: (input: Input<P>) => Work<Output<P>>;
}

export const purposes: { readonly [P in PurposeName]: Purpose<P> } = {
  createUser: { access: "write", run: createUser },
  findUser: { access: "read", run: findUser },
  findUserById: { access: "read", run: (id) => findUserById(id) },
  listUsers: { access: "read", run: listUsers },
  setPassword: { access: "write", run: setPassword },
  rehashPassword: { access: "write", run: rehashPassword },
  setRoles: { access: "write", run: setRoles },
  setDisabled: { access: "write", run: setDisabled },
  removeUser: { access: "write", run: removeUser },

  startImport: { access: "write", run: startImport },
  stageUsers: { access: "write", run: stageUsers },
  publishImport: { access: "write", run: publishImport },
  sweepImports: { access: "write", run: sweepImports },
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
  endSessionsOf: { access: "write", run: endSessionsOf },
  revokeUser: { access: "write", run: revokeUser },
  endEverySession: { access: "write", run: endEverySession },

  readRevocations: { access: "read", run: readRevocations },
  revokeKey: { access: "write", run: revokeKey },

  admitGuess: { access: "write", run: admitGuess },
  settleGuess: { access: "write", run: settleGuess },
  sweepGuesses: { access: "write", run: sweepGuesses },
  listHeldBack: { access: "write", run: listHeldBack },
  clearHeldBack: { access: "write", run: clearHeldBack },

  takeHousekeeping: { access: "write", run: takeHousekeeping },
  removeOldRows: { access: "background", run: removeOldRows },
  finishHousekeeping: { access: "write", run: finishHousekeeping },

  readUsersElsewhere: { access: "read", run: readUsersElsewhere },
  noteUsersElsewhere: { access: "write", run: noteUsersElsewhere },

  recordAudit: { access: "write", run: recordAudit },
  listAudit: { access: "read", run: listAudit },
};

export const purposeNames: readonly string[] = Object.keys(purposes);
