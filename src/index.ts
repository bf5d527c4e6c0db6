// What `ampho` exports, by name.
export { type Ampho, type AmphoOptions, createAmpho } from "./ampho.js";
export type { Auth, AuthOf, Need } from "./auth/auth.js";
export type { Clock } from "./auth/clock.js";
export type { ApplicationUser, ApplicationUsers } from "./auth/directory.js";
export type { Caller, Grant, SessionView } from "./auth/flows.js";
export type { Management } from "./auth/manage.js";
export type { Revoked } from "./auth/revoked.js";
export type { ExtraClaims } from "./auth/tokens.js";
export type { NewUser, RoleChange, UserView } from "./auth/users.js";
export { hashPassword, verifyPassword } from "./crypto/password.js";
export { AmphoError, ConfigurationError, type ErrorCode, type ErrorDetails } from "./errors.js";
export type { Authorize, CertainNeed, Guarded, Guarding, HandlerOf, RequestHolder } from "./http/guarding.js";
export type { HttpAnswer, HttpRequest, RequestBody } from "./http/message.js";
export { handlerOf } from "./http/wrap.js";
export { StoreOpenError } from "./store/open-error.js";
export type { AuditEntry, AuditRow, HeldBack } from "./store/store.js";
