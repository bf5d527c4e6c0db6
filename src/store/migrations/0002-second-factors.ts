// Second factors: what a session's login has proven, accounts, used transactions, TOTP secrets, recovery codes, passkeys. And
// addresses of users, the mails to send, invitations. Programs of schema 1 would log in users without their second factor, so
// they must not start.
import type { MigrationSteps } from "./steps.js";

export const secondFactors: MigrationSteps = {
  version: 2,
  name: "second-factors",
  servesFrom: 2,
  up: ({ text, busyTable, countingKey }) => [
    // `amr` is a JSON array. `proved_at`: the time of the last login or step-up within the session. `refreshed_at`: the time of
    // that, or of the last renewal by refresh token. It limits how long an access token alone renews.
    `alter table ampho_sessions add column amr ${text} not null default '[]'`,
    `alter table ampho_sessions add column acr ${text} not null default '1fa'`,
    "alter table ampho_sessions add column proved_at bigint not null default 0",
    "alter table ampho_sessions add column refreshed_at bigint not null default 0",

    // The login in the spelling of an application's own table, where another spelling can be another user.
    `alter table ampho_revocations add column exact_login ${text}`,

    // Users of an application's own table have a row here too. An account without a row has version 0 and no factor.
    // `factors` is a JSON array of the second factors that the account can prove. `policy` replaces that of the roles.
    // `handle` is the user handle of all passkeys of the account. A remembered device holds both versions. `added_by`, in this and
    // other tables, is the session that has added the row. It is null for an operator, an import and a registration.
    `create table ampho_accounts (
      user_id ${text} not null primary key,
      factors_version bigint not null,
      devices_version bigint not null,
      factors ${text} not null,
      policy ${text},
      handle ${text} unique
    )`,

    // Used transactions, by the hash of their `jti`. The primary key decides which of two requests is first. `bought` is the
    // session, and `gen` its generation, for a client that lost the response.
    `create table ampho_spent (
      hash ${text} not null primary key,
      until bigint not null,
      at bigint not null,
      bought ${text},
      gen bigint,
      idempotency ${text}
    ) ${busyTable}`,
    "create index ampho_spent_until on ampho_spent (until)",

    // `secret` is encrypted with a key derived from the key `kid`, and bound to the user.
    `create table ampho_totp (
      user_id ${text} not null primary key,
      secret ${text} not null,
      kid ${text} not null,
      last_step bigint not null,
      since bigint not null,
      added_by ${text}
    )`,
    "create index ampho_totp_kid on ampho_totp (kid, user_id)",

    `create table ampho_recovery (
      hash ${text} not null primary key,
      user_id ${text} not null,
      used_at bigint
    )`,
    "create index ampho_recovery_user on ampho_recovery (user_id)",

    // `id` is the credential id, `public_key` a JWK. `discoverable` is null if the browser did not state it. `own_handle` is null
    // for the user handle of the account. Another system can have given each passkey its own, which is empty if it is unknown.
    `create table ampho_passkeys (
      id ${text} not null primary key,
      user_id ${text} not null,
      public_key ${text} not null,
      alg bigint not null,
      sign_count bigint not null,
      backup_eligible smallint not null check (backup_eligible in (0, 1)),
      backed_up smallint not null check (backed_up in (0, 1)),
      uv smallint not null check (uv in (0, 1)),
      discoverable smallint check (discoverable in (0, 1)),
      transports ${text} not null,
      aaguid ${text} not null,
      rp ${text} not null,
      name ${text} not null,
      created_at bigint not null,
      used_at bigint,
      own_handle ${text},
      added_by ${text}
    )`,
    "create index ampho_passkeys_user on ampho_passkeys (user_id)",

    // The address of a user. `email_proven_at` is null until the user has used a code or a link that was mailed to it.
    `alter table ampho_users add column email ${text}`,
    `alter table ampho_users add column email_canonical ${text}`,
    "alter table ampho_users add column email_proven_at bigint",
    // 1: an operator has set the password, 0: another one has. Null: the row is as it was created, by an import or not.
    "alter table ampho_users add column password_by_operator smallint",
    // The address of an account is its own one, or else a login that is one. So no login and no address of two accounts are
    // the same. A login counts no more as an address when its user has another one.
    "create unique index ampho_users_address on ampho_users (coalesce(email_canonical, canonical))",

    // The outbox. `claims` derives the code and the link when the mail is sent, so that no row contains them. `next_at` is the
    // time of the next attempt, and null when the mail was sent or dropped. `address` and `claims` are then empty. `undo` is
    // JSON, for the alarm link of a notice. `pages` is AMPHO_APP_URL of the instance that wrote the row. Only an instance with
    // the same pages sends the mail.
    `create table ampho_mail (
      n ${countingKey},
      pages ${text} not null,
      at bigint not null,
      until bigint not null,
      user_id ${text},
      address ${text} not null,
      kind ${text} not null,
      claims ${text} not null,
      language ${text} not null,
      tries bigint not null,
      next_at bigint,
      sent_at bigint,
      failure ${text},
      undo ${text}
    )`,
    "create index ampho_mail_next on ampho_mail (next_at)",
    "create index ampho_mail_until on ampho_mail (until)",
    "create index ampho_mail_user on ampho_mail (user_id, kind)",

    // Changes of users that wait for hooks of the application (see sql/user-events.ts). Without `user_id` a row stands for the
    // users of an import behind `import_line`.
    `create table ampho_user_events (
      n ${countingKey},
      at bigint not null,
      user_id ${text},
      change ${text} not null,
      reason ${text} not null,
      actor ${text} not null,
      import_n bigint,
      import_line bigint,
      tries bigint not null,
      next_at bigint
    ) ${busyTable}`,
    "create index ampho_user_events_next on ampho_user_events (next_at)",
    "create index ampho_user_events_user on ampho_user_events (user_id, n)",
    "create index ampho_user_events_at on ampho_user_events (at, n)",

    // Identities at outside providers. `email` is the address that the provider reported last. It identifies no user.
    `create table ampho_identities (
      issuer ${text} not null,
      subject ${text} not null,
      user_id ${text} not null,
      provider ${text} not null,
      email ${text},
      created_at bigint not null,
      used_at bigint,
      added_by ${text},
      primary key (issuer, subject)
    )`,
    "create index ampho_identities_user on ampho_identities (user_id)",

    // `roles` is a JSON array.
    `create table ampho_invites (
      id ${text} not null primary key,
      email ${text} not null,
      email_canonical ${text} not null,
      roles ${text} not null,
      invited_by ${text},
      created_at bigint not null,
      until bigint not null,
      used_at bigint,
      removed_at bigint
    )`,
    "create index ampho_invites_until on ampho_invites (until)",
    "create index ampho_invites_email on ampho_invites (email_canonical)",
  ],
  down: () => [
    ...["ampho_invites", "ampho_identities", "ampho_user_events", "ampho_mail"].map((table) => `drop table ${table}`),
    "drop index ampho_users_address",
    ...["password_by_operator", "email_proven_at", "email_canonical", "email"].map(
      (column) => `alter table ampho_users drop column ${column}`,
    ),
    ...["ampho_passkeys", "ampho_recovery", "ampho_totp", "ampho_spent", "ampho_accounts"].map(
      (table) => `drop table ${table}`,
    ),
    ...["refreshed_at", "proved_at", "acr", "amr"].map((column) => `alter table ampho_sessions drop column ${column}`),
    "alter table ampho_revocations drop column exact_login",
  ],
};
