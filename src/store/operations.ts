// The operations of the store, one row an operation: how it uses the database, and its transaction. The interface
// `Store`, both drivers, the metrics and the traces derive from this table. To add an operation, write its function in
// sql/ and its row here.
//
// Every operation is one transaction, with its audit rows inside. Everything that ends a session writes a numbered
// revocation. Times are whole Unix seconds and come from the caller, as do ids and random values.

import * as accessEnds from "./sql/account/access-ends.js";
import * as keys from "./sql/account/api-keys.js";
import * as connections from "./sql/account/connections.js";
import * as expiredPasswords from "./sql/account/expired-passwords.js";
import * as factors from "./sql/account/factor-changes.js";
import * as identityChanges from "./sql/account/identity-changes.js";
import * as imports from "./sql/account/imports.js";
import * as mailboxChanges from "./sql/account/mailbox-changes.js";
import * as ownAccount from "./sql/account/own-account.js";
import * as services from "./sql/account/services.js";
import * as tableChanges from "./sql/account/table-changes.js";
import * as userChanges from "./sql/account/user-changes.js";
import * as attempts from "./sql/attempts/attempts.js";
import * as lockouts from "./sql/attempts/lockouts.js";
import * as connectionEnds from "./sql/effects/connection-ends.js";
import * as emailWaits from "./sql/effects/email-waits.js";
import * as registrations from "./sql/effects/registrations.js";
import * as sessionEnds from "./sql/effects/session-ends.js";
import * as accountFactors from "./sql/factors/account-factors.js";
import * as passkeys from "./sql/factors/passkeys.js";
import * as totp from "./sql/factors/totp.js";
import * as waysLeft from "./sql/factors/ways-left.js";
import * as renewal from "./sql/gate/renewal.js";
import * as sessionGrants from "./sql/gate/session-grants.js";
import * as access from "./sql/rows/access.js";
import * as audit from "./sql/rows/audit.js";
import * as confirmations from "./sql/rows/confirmations.js";
import * as connectionRows from "./sql/rows/connection-rows.js";
import * as identities from "./sql/rows/identities.js";
import * as revocations from "./sql/rows/revocations.js";
import * as sessions from "./sql/rows/sessions.js";
import * as spent from "./sql/rows/spent.js";
import * as state from "./sql/rows/state.js";
import * as userEvents from "./sql/rows/user-events.js";
import * as users from "./sql/rows/users.js";
import * as housekeeping from "./sql/upkeep/housekeeping.js";
import * as mail from "./sql/upkeep/mail.js";
import type { Transaction } from "./transaction.js";

/** `background`: a write that lets all other work go first. */
export type Access = "read" | "write" | "background";

const reads = <R>(run: R) => ({ access: "read", run }) as const;
const writes = <R>(run: R) => ({ access: "write", run }) as const;
const writesInBackground = <R>(run: R) => ({ access: "background", run }) as const;

export const operations = {
  createUser: writes(users.createUser),
  findUser: reads(users.findUser),
  findUserById: reads(users.findUserById),
  findUsers: reads(users.findUsers),
  listUsers: reads(users.listUsers),
  setPassword: writes(userChanges.setPassword),
  expirePasswords: writes(expiredPasswords.expirePasswords),
  rehashPassword: writes(userChanges.rehashPassword),
  setRoles: writes(userChanges.setRoles),
  setDisabled: writes(userChanges.setDisabled),
  deleteUser: writes(userChanges.deleteUser),
  setLogin: writes(ownAccount.setLogin),
  removeAccount: writes(ownAccount.removeAccount),
  beginTableChange: writes(tableChanges.beginTableChange),
  giveTableChangeBack: writes(tableChanges.giveTableChangeBack),
  readConfirmation: reads(confirmations.readConfirmation),
  confirmChange: writes(ownAccount.confirmChange),
  beginEmailWait: writes(ownAccount.beginEmailWait),
  findEmailWait: reads(emailWaits.findEmailWait),
  endEmailWait: writes(emailWaits.endEmailWait),
  exportAccount: writes(ownAccount.exportAccount),
  hasOtherHashes: reads(users.hasOtherHashes),
  countHashKinds: reads(users.countHashKinds),
  noteUserHooks: writes(userEvents.noteUserHooks),
  takeUserEvents: writes(userEvents.takeUserEvents),
  settleUserEvent: writes(userEvents.settleUserEvent),
  readUserEvents: reads(userEvents.readUserEvents),
  startImport: writes(imports.startImport),
  stageUsers: writes(imports.stageUsers),
  publishImport: writes(imports.publishImport),
  deleteUnpublishedImports: writes(imports.deleteUnpublishedImports),
  grantSession: writes(sessionGrants.grantSession),
  repeatGrant: writes(sessionGrants.repeatGrant),
  isTransactionOver: reads(spent.isTransactionOver),
  renewSession: writes(renewal.renewSession),
  confirmRenewal: writes(renewal.confirmRenewal),
  findSession: reads(sessions.findSession),
  listSessions: reads(sessions.listSessions),
  findSessionUsers: reads(sessions.findSessionUsers),
  countSessions: reads(sessions.countSessions),
  endSession: writes(sessionEnds.endSession),
  endUserSessions: writes(userChanges.endUserSessions),
  revokeUserTokens: writes(userChanges.revokeUserTokens),
  endAllSessions: writes(sessionEnds.endAllSessions),
  listFactors: reads(accountFactors.listFactors),
  setFactor: writes(factors.setFactor),
  findPasskey: reads(passkeys.findPasskey),
  listPasskeys: reads(passkeys.listPasskeys),
  renamePasskey: writes(passkeys.renamePasskey),
  replaceRecoveryCodes: writes(factors.replaceRecoveryCodes),
  removeFactors: writes(factors.removeFactors),
  forgetDevices: writes(factors.forgetDevices),
  setFactorPolicy: writes(factors.setFactorPolicy),
  listOldSecrets: reads(totp.listOldSecrets),
  rekeyTotp: writes(totp.rekeyTotp),
  countSecretsByKey: reads(totp.countSecretsByKey),
  listAccess: reads(access.listAccess),
  endAccess: writes(accessEnds.endAccess),
  countLockedOut: reads(waysLeft.countLockedOut),
  listWeakerPolicies: reads(waysLeft.listWeakerPolicies),
  findIdentity: reads(identities.findIdentity),
  listIdentities: reads(identities.listIdentities),
  linkIdentity: writes(identityChanges.linkIdentity),
  unlinkIdentity: writes(identityChanges.unlinkIdentity),
  addConnection: writes(connections.addConnection),
  useAssertion: writes(connections.useAssertion),
  redeemConnection: writes(connections.redeemConnection),
  renewConnection: writes(connections.renewConnection),
  findConnection: reads(connectionRows.findConnection),
  listConnections: reads(connectionRows.listConnections),
  listClientConnections: reads(connectionRows.listClientConnections),
  endConnection: writes(connectionEnds.endConnection),
  endUserConnections: writes(connectionEnds.endUserConnections),
  changeClientConnections: writes(connectionEnds.changeClientConnections),
  findService: reads(services.findService),
  listServices: reads(services.listServices),
  addService: writes(services.addService),
  changeService: writes(services.changeService),
  createServiceApiKey: writes(services.createServiceApiKey),
  issueServiceToken: writes(services.issueServiceToken),
  createApiKey: writes(keys.createApiKey),
  rotateApiKey: writes(keys.rotateApiKey),
  removeApiKey: writes(keys.removeApiKey),
  removeUserApiKeys: writes(keys.removeUserApiKeys),
  removeAllApiKeys: writes(keys.removeAllApiKeys),
  listApiKeys: reads(keys.listApiKeys),
  listAgingApiKeys: reads(keys.listAgingApiKeys),
  findApiKeyByHash: reads(keys.findApiKeyByHash),
  findApiKeys: reads(keys.findApiKeys),
  touchApiKeys: writesInBackground(keys.touchApiKeys),
  queueMail: writes(mail.queueMail),
  takeMail: writes(mail.takeMail),
  settleMail: writes(mail.settleMail),
  listMail: reads(mail.listMail),
  readOutbox: reads(mail.readOutbox),
  findUserByAddress: reads(registrations.findUserByAddress),
  finishReset: writes(mailboxChanges.finishReset),
  beginRecovery: writes(mailboxChanges.beginRecovery),
  setEmail: writes(mailboxChanges.setEmail),
  raiseAlarm: writes(mailboxChanges.raiseAlarm),
  createInvitation: writes(registrations.createInvitation),
  findInvitation: reads(registrations.findInvitation),
  findInvitationsFor: reads(registrations.findInvitationsFor),
  listInvitations: reads(registrations.listInvitations),
  useInvitation: writes(registrations.useInvitation),
  returnInvitation: writes(registrations.returnInvitation),
  removeInvitation: writes(registrations.removeInvitation),
  readRevocations: reads(revocations.readRevocations),
  listRevokedSigningKeys: reads(revocations.listRevokedSigningKeys),
  revokeSigningKey: writes(revocations.revokeSigningKey),
  allowAttempt: writes(attempts.allowAttempt),
  settleAttempt: writes(attempts.settleAttempt),
  pruneAttempts: writes(lockouts.pruneAttempts),
  listLockouts: writes(lockouts.listLockouts),
  clearLockouts: writes(lockouts.clearLockouts),
  recordAudit: writes(audit.recordAudit),
  listAudit: reads(audit.listAudit),
  takeHousekeepingLease: writes(housekeeping.takeHousekeepingLease),
  deleteOldRows: writesInBackground(housekeeping.deleteOldRows),
  releaseHousekeepingLease: writes(housekeeping.releaseHousekeepingLease),
  readApplicationOwnsUsers: reads(state.readApplicationOwnsUsers),
  writeApplicationOwnsUsers: writes(state.writeApplicationOwnsUsers),
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
