// The exports of `ampho`.

export type { Authenticate, AuthenticatedRequest } from "./adapters/authenticate.js";
export type {
  Authorize,
  Authorizer,
  GuardedFetchHandler,
  HandlerOf,
  RequestHolder,
} from "./adapters/authorize-types.js";
export { toHandler } from "./adapters/fetch-authorize.js";
export type { Renew, Renewed } from "./adapters/renew.js";
export { createAmpho } from "./ampho.js";
export type { AuditEntry, AuditRow } from "./audit/entry.js";
export type { Clock } from "./clock.js";
export type { Duration } from "./duration.js";
export { AmphoError, ConfigurationError, type ErrorCode, type ErrorDetails } from "./errors.js";
export type { Caller } from "./flows/deps.js";
export type { FactorView } from "./flows/find/factor-views.js";
export type { DeletedCounts } from "./flows/housekeeping.js";
export type {
  FactorRemovalTarget,
  FactorsView,
  IdentityView,
  InspectedApiKey,
  InvitationView,
  MailView,
  Management,
  NewInvitation,
  NewUser,
  RoleChange,
  ServiceDetail,
  UserRef,
  UserView,
} from "./flows/manage/management.js";
export type { RecoveryBegun, RecoveryOptions } from "./flows/manage/recover.js";
export type { SigningKeyUse } from "./flows/manage/signing-key-use.js";
export type { UserEvent, UserHooks } from "./flows/manage/user-hooks.js";
export type { AuthOf, CheckedRequirements, MandatoryRequirements, Requirements } from "./guard/requirements.js";
export type { HttpRequest, HttpResponse, RequestBody } from "./http/rest/message.js";
export type { DrainOptions, Health } from "./http/server/drain.js";
export type { Ampho } from "./instance.js";
export { type LazyAmpho, lazyAmpho } from "./lazy-ampho.js";
export type { Acr } from "./levels/acr.js";
export type { Register, Role } from "./levels/role.js";
export type { Message } from "./mail/message.js";
export type { ReplaceText } from "./mail/texts/compose.js";
export type { SendMail } from "./mail/transports/create.js";
export { type AmphoOptions, defineConfig } from "./options.js";
export type { AddedLanguage } from "./page-texts/texts.js";
export { hashPassword, needsRehash, verifyPassword } from "./passwords/standalone.js";
export type { Revoked } from "./sessions/revoked.js";
export type { ExtraClaims } from "./sessions/session-tokens.js";
export { DatabaseError } from "./store/database-error.js";
export type { ExpiredPasswords } from "./store/sql/account/expired-passwords.js";
export type { Lockout } from "./throttle/attempt.js";
export type { Auth } from "./tokens/auth.js";
export type { Credential } from "./tokens/credential.js";
export type { ApplicationUser, ApplicationUsers } from "./users/application-users.js";
export type { HashFormatCount } from "./users/database-directory.js";
export type { ImportOptions, ImportReport, WrongLine } from "./users/import.js";
export type { ImportInput } from "./users/import-lines.js";
export type {
  AccessItem,
  AccessView,
  AccountExport,
  AccountView,
  ExportedEvent,
  LinkedIdentity,
  PasskeyView,
  SessionView,
} from "./wire/account.js";
export type { ConnectionView } from "./wire/connect.js";
export type { Grant } from "./wire/login.js";
export type { ServiceView } from "./wire/services.js";
