// The events of the audit log, one row an event. The sentence states what happened.

export const auditEvents = {
  login: "A user signed in, and a session was created.",
  login_rejected: "A login was rejected: the password was wrong, or the user cannot sign in.",
  captcha_failed: "A captcha was rejected, or its verifier did not respond (at most one row a minute).",
  login_throttled: "A login was rejected because of too many failed attempts.",
  reauthenticated: "A user signed in again within a live session.",
  stepped_up: "A user proved a second factor within a live session.",
  factor_needed: "A first factor was right, and the account or its policy asks for a second one.",
  factor_refused: "A second factor was wrong.",
  factor_replayed: "A second factor was used a second time, or was replaced meanwhile.",
  factor_throttled: "A second factor was rejected because of too many failed attempts.",
  factor_added: "A second factor was added or replaced.",
  factor_removed: "One or all second factors of a user were removed.",
  factor_policy_changed: "An operator or the application set the policy of one user.",
  factors_rekeyed: "An operator moved TOTP secrets to the key that signs.",
  passkey_cloned: "The counter of a passkey stepped back, and the login was rejected unless the reason is `synced`.",
  recovery_used: "A user proved a recovery code, which cannot be used again.",
  device_remembered: "A user asked that this device be remembered.",
  devices_forgotten: "No device of a user is remembered any more.",
  renew: "A session was renewed.",
  renew_repeated: "A token of the previous generation received the current tokens again.",
  renew_shared: "A token of the previous generation received the current tokens at another address or user agent.",
  renew_rejected: "A renewal was rejected, because the session is over or the user cannot sign in.",
  renew_replayed: "A token was used again after its time, and its session ended.",
  logout: "A user signed out.",
  session_ended: "A session ended for another reason than a logout.",
  sessions_ended: "An operator or the application ended the sessions of all users.",
  tokens_revoked: "All sessions of a user ended, and all other tokens of the user were revoked.",
  password_changed: "The password of a user changed.",
  password_expired: "An operator or the application expired the password of a user, who must set a new one.",
  password_change_rejected: "A user could not change the password.",
  password_change_throttled: "A password change was rejected because of too many failed attempts.",
  breach_check_failed: "The list of breached passwords did not respond, so a new password was accepted without it.",
  password_rehashed: "The password stayed the same, and its hash was renewed with the current parameters.",
  user_created: "A user was created.",
  users_imported: "An import of users was published.",
  user_disabled: "A user was disabled.",
  user_enabled: "A disabled user was enabled.",
  user_deleted: "A user was deleted.",
  login_changed: "A user changed the login.",
  login_change_rejected: "A user could not change the login, because another user has it.",
  login_change_throttled: "A change of the login was rejected because of too many logins that others have.",
  account_exported: "The data of an account was exported.",
  account_removed: "A user deleted the account, and earlier rows of this log keep only its id.",
  roles_changed: "The roles of a user changed.",
  key_revoked: "A signing key was revoked.",
  key_stage_forced: "A stage of a key rotation was forced before its time.",
  key_created: "An API key was created.",
  key_rotated: "An API key was replaced by a new one.",
  key_removed: "An API key ended before its time, or several of one user.",
  service_added: "A service account was created.",
  service_scopes_changed: "The scopes of a service account changed.",
  service_disabled: "A service account was disabled.",
  service_enabled: "A service account was enabled.",
  service_deleted: "A service account was deleted, with its keys.",
  service_key_created: "A service account got a new API key.",
  service_key_removed: "An API key of a service account ended before its time.",
  service_keys_set: "The public keys of a service account were set or removed.",
  service_token_issued: "A service account got an access token.",
  service_tokens_revoked: "The access tokens of a service account were revoked.",
  mail_sent: "A mail server, a webhook, a folder or the application accepted a mail.",
  mail_failed: "A mail could not be sent, and is sent again later.",
  mail_dropped: "A mail was not sent: its time was over, its key was revoked, or it was rejected for good.",
  mail_queued: "A mail with a code was asked for.",
  mail_throttled: "A mail was not sent, or an alarm not raised, because of too many before.",
  code_rejected: "A mailed code, link or number was wrong.",
  change_confirmed: "A mailed code has allowed a change of the account to one session.",
  confirmation_rejected: "A mailed code for a change of the account was wrong.",
  code_throttled: "A mailed code was rejected because of too many failed attempts.",
  registered: "A user proved an address and was created.",
  registration_rejected: "A registration was rejected, because the address or the login has an account.",
  invited: "An invitation was created.",
  invitation_removed: "An invitation was taken back.",
  reset_begun: "A mail to reset a password was asked for.",
  recovery_begun: "An operator began the recovery of an account.",
  reset_done: "A user set a new password by a mailed code or link.",
  email_changed: "The address of a user changed.",
  email_proven: "A user proved the address of the account.",
  factor_attacked: "Several second factors were wrong behind a right first factor.",
  alarm: "The alarm link of a notice was used, which ended all sessions.",
  alarm_settled: "An alarm link changed nothing, because the account has another address than the link was mailed to.",
  identity_linked: "An identity at an outside provider was linked to an account.",
  identity_unlinked: "An identity at an outside provider was unlinked from an account.",
  identity_refused:
    "A login at an outside provider was rejected (at most one row a minute for each address and reason).",
  throttle_listed: "The lockouts were listed.",
  throttle_cleared: "Lockouts were cleared.",
} as const;

export type AuditEvent = keyof typeof auditEvents;

/** The events of which the user gets a notice by mail, and its kind. */
const notices = {
  password_changed: "password_changed",
  reset_done: "password_changed",
  factor_added: "factor_added",
  factor_removed: "factor_removed",
  recovery_used: "recovery_used",
  passkey_cloned: "passkey_cloned",
  email_changed: "email_changed",
  login_changed: "login_changed",
  user_deleted: "account_deleted",
  account_removed: "account_deleted",
  key_created: "key_created",
  key_rotated: "key_created",
  recovery_begun: "recovery_begun",
  factor_attacked: "factor_attempts",
  identity_linked: "identity_linked",
  identity_unlinked: "identity_unlinked",
} as const satisfies Partial<Readonly<Record<AuditEvent, string>>>;

/** The counter of a synced passkey means nothing, so its user gets no notice. */
export const noticeOf = (event: AuditEvent, reason: string | undefined): string | undefined =>
  Object.hasOwn(notices, event) && reason !== syncedPasskey ? notices[event as keyof typeof notices] : undefined;

/** How an event changes what applications see of a user of the database. Their hooks are called for it. */
export type UserChange = "created" | "changed" | "removed";

const userChanges = {
  user_created: "created",
  registered: "created",
  users_imported: "created",
  login_changed: "changed",
  email_changed: "changed",
  email_proven: "changed",
  roles_changed: "changed",
  user_disabled: "changed",
  user_enabled: "changed",
  user_deleted: "removed",
  account_removed: "removed",
} as const satisfies Partial<Readonly<Record<AuditEvent, UserChange>>>;

export const userChangeOf = (event: AuditEvent): UserChange | undefined =>
  Object.hasOwn(userChanges, event) ? userChanges[event as keyof typeof userChanges] : undefined;

/** The reason of `passkey_cloned` for a login that was accepted. */
export const syncedPasskey = "synced";
