// The flows, one row each. Their type, the label of their metrics and their span derive from its name.
import { endAccess, readAccess } from "./account/access.js";
import { changeLogin, exportOwnAccount, readAccount, removeOwnAccount } from "./account/account.js";
import { createOwnApiKey, listOwnApiKeys, removeOwnApiKey, rotateOwnApiKey } from "./account/api-keys.js";
import { beginEmailChange, finishEmailChange, stopEmailChange } from "./account/change-email.js";
import { changePassword, removePassword } from "./account/change-password.js";
import { beginConfirmation, finishConfirmation } from "./account/confirm.js";
import { beginIdentity, finishIdentity, removeIdentity } from "./account/identities.js";
import { addPasskey, beginPasskey, listOwnPasskeys, removeOwnPasskey, renameOwnPasskey } from "./account/passkeys.js";
import { finishReset, raiseAlarm } from "./account/reset-password.js";
import { endOwnSession, endOwnSessions, listOwnSessions, logout } from "./account/sessions.js";
import { beginTotp, confirmTotp, forgetDevices, removeTotp, renewRecoveryCodes } from "./account/totp.js";
import { endOwnConnection, endOwnConnections, listOwnConnections } from "./connect/connections.js";
import { checkConsent, giveConsent, showConsent } from "./connect/consent.js";
import { registerClient } from "./connect/dynamic-clients.js";
import { issueToken } from "./connect/token-endpoint.js";
import type { Caller, Deps, Flow } from "./deps.js";
import { readWays } from "./find/ways.js";
import { revokeToken } from "./machines/tokens.js";
import { beginOutside, readOutsideRequest } from "./prove/identity.js";
import { login } from "./ways/login.js";
import { beginMailLogin, beginReset } from "./ways/mail.js";
import { beginRegistration, finishRegistration } from "./ways/register.js";
import { renew } from "./ways/renew.js";

const table = {
  login,
  renew,
  logout,
  listSessions: listOwnSessions,
  endSession: endOwnSession,
  endSessions: endOwnSessions,
  changePassword,
  readWays,
  beginOutside,
  readOutsideRequest,
  beginIdentity,
  finishIdentity,
  removeIdentity,
  beginPasskey,
  addPasskey,
  listPasskeys: listOwnPasskeys,
  renamePasskey: renameOwnPasskey,
  removePasskey: removeOwnPasskey,
  beginTotp,
  confirmTotp,
  removeTotp,
  renewRecoveryCodes,
  forgetDevices,
  readAccount,
  readAccess,
  endAccess,
  exportAccount: exportOwnAccount,
  changeLogin,
  removeAccount: removeOwnAccount,
  removePassword,
  beginConfirmation,
  finishConfirmation,
  createApiKey: createOwnApiKey,
  listApiKeys: listOwnApiKeys,
  rotateApiKey: rotateOwnApiKey,
  removeApiKey: removeOwnApiKey,
  checkConsent,
  showConsent,
  registerClient,
  giveConsent,
  listConnections: listOwnConnections,
  endConnection: endOwnConnection,
  endConnections: endOwnConnections,
  issueToken,
  revokeToken,
  beginMailLogin,
  beginReset,
  finishReset,
  beginRegistration,
  finishRegistration,
  beginEmailChange,
  finishEmailChange,
  stopEmailChange,
  raiseAlarm,
} satisfies Readonly<Record<string, Flow<unknown, never>>>;

type Table = typeof table;

export type FlowName = keyof Table;

/** The flows, bound to their dependencies: `flows.logout({ auth }, caller)`. */
export type Flows = {
  readonly [Name in FlowName]: (input: Parameters<Table[Name]>[1], caller: Caller) => ReturnType<Table[Name]>;
};

export type ObserveFlow = <T>(name: FlowName, call: () => Promise<T>) => Promise<T>;

export const flowNames = Object.keys(table) as FlowName[];

/** `depsFor` returns the same dependencies for all flows of a request. */
export function bindFlows(depsFor: (caller: Caller) => Deps, observe: ObserveFlow): Flows {
  const bind = (name: FlowName) => {
    const flow: Flow<unknown, never> = table[name];
    return (input: never, caller: Caller) => observe(name, () => flow(depsFor(caller), input, caller));
  };
  return Object.fromEntries(flowNames.map((name) => [name, bind(name)])) as unknown as Flows;
}
