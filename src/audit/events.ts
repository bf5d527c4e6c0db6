// The events of the audit log, one row an event. The sentence states what happened.

export const auditEvents = {
  login: "A user logged in, and a session was created.",
  login_rejected: "A login was rejected: the password was wrong, or the user cannot log in.",
  login_throttled: "A login was rejected because of too many failed attempts.",
  reauthenticated: "A user logged in again within a live session.",
  renew: "A session was renewed.",
  renew_repeated: "A token of the previous generation received the current tokens again.",
  renew_shared: "A token of the previous generation received the current tokens at another address or user agent.",
  renew_rejected: "A renewal was rejected, because the session is over or the user cannot log in.",
  renew_replayed: "A token was used again after its time, and its session ended.",
  logout: "A user logged out.",
  session_ended: "A session ended for another reason than a logout.",
  sessions_ended: "An operator or the application ended the sessions of all users.",
  tokens_revoked: "All sessions of a user ended, and all other tokens of the user were revoked.",
  password_changed: "The password of a user changed.",
  password_change_rejected: "A user could not change the password.",
  password_change_throttled: "A password change was rejected because of too many failed attempts.",
  password_rehashed: "The password stayed the same, and its hash was renewed with the current parameters.",
  user_created: "A user was created.",
  users_imported: "An import of users was published.",
  user_disabled: "A user was disabled.",
  user_enabled: "A disabled user was enabled.",
  user_deleted: "A user was deleted.",
  roles_changed: "The roles of a user changed.",
  key_revoked: "A signing key was revoked.",
  key_stage_forced: "A stage of a key rotation was forced before its time.",
  throttle_listed: "The lockouts were listed.",
  throttle_cleared: "Lockouts were cleared.",
} as const;

export type AuditEvent = keyof typeof auditEvents;
