// The first schema: users and their imports, sessions, revocations, attempts, audit log, second factors, used login
// transactions, mails, changes for hooks, identities, invitations, housekeeping, and one row of state.
import type { MigrationSteps } from "./steps.js";

export const firstMigration: MigrationSteps = {
  version: 1,
  name: "first",
  servesFrom: 1,
  up: ({ text, numberKey, countingKey, randomText, busyTable }) => [
    // `epoch` identifies the database. `era` numbers the times between two ends of all sessions. `last_revocation` is
    // the number of the newest revocation. `access_until` is the latest `access_expires` of any session, rounded up to
    // an hour. `application_owns_users`: the application that uses these sessions has its own user table.
    // `hooks_until`: changes of users are recorded for hooks of the application until then.
    `create table ampho_state (
      id integer primary key check (id = 1), epoch ${text} not null, era bigint not null,
      last_revocation bigint not null, access_until bigint not null,
      application_owns_users smallint not null default 0 check (application_owns_users in (0, 1)),
      hooks_until bigint not null default 0
    )`,
    `insert into ampho_state (id, epoch, era, last_revocation, access_until) values (1, ${randomText}, 0, 0, 0)`,

    // Runs of `user-import`. `lost_line`: the line of a row that made room for another user. The import cannot then be
    // published. `touched_at`: the last sign of life of its owner.
    `create table ampho_imports (
      n ${countingKey}, state ${text} not null check (state in ('open', 'published', 'dropped')),
      started_at bigint not null, touched_at bigint not null, lost_line bigint
    )`,
    "create index ampho_imports_open on ampho_imports (n) where state = 'open'",
    "create index ampho_imports_left on ampho_imports (touched_at) where state <> 'published'",

    // A row of an import stays hidden until the import is published (see sql/import-rows.ts). `hash_kind` is null for
    // argon2id with m=19456, t=2, p=1 and without a hash, else the kind and cost of the hash. `email_proven_at` is null
    // until the user has used a code or a link that was mailed to the address. `password_by_operator` is 1 if an
    // operator has set the password, and 0 if another one has. Null: the row is as it was created, by an import or not.
    // `email_by_operator` is 1 if an operator has set the address with a reason.
    `create table ampho_users (
      id ${text} not null primary key, login ${text} not null, canonical ${text} not null unique,
      password_hash ${text}, password_version bigint not null, roles ${text} not null, roles_version bigint not null,
      disabled smallint not null check (disabled in (0, 1)), created_at bigint not null, hash_kind ${text},
      import_n bigint, import_line bigint, email ${text}, email_canonical ${text}, email_proven_at bigint,
      password_by_operator smallint, email_by_operator smallint check (email_by_operator in (0, 1))
    )`,
    "create index ampho_users_kind on ampho_users (hash_kind) where hash_kind is not null",
    "create index ampho_users_import on ampho_users (import_n, import_line) where import_n is not null",
    // The address of an account is its own one, or else a login that is one. So no login and no address of two accounts
    // are the same. A login counts no more as an address when its user has another one.
    "create unique index ampho_users_address on ampho_users (coalesce(email_canonical, canonical))",

    // `n` orders sessions by creation, whatever the clock did. There is no foreign key, because users can be in an
    // application's own table. `proved_gen` is the generation that the last login created. `amr` is a JSON array.
    // `proved_at`: the time of the last login or step-up within the session. `refreshed_at`: the time of that, or of
    // the last renewal by refresh token. It limits how long an access token alone renews. A renewal changes no column
    // of an index: `delete_after` stays, and housekeeping moves it on when it finds the row due. `confirmed`: the
    // change that a code of the mailbox has confirmed for this session, `review`, or `*` for every change.
    // `confirmed_at`: when. `proved_by`: the passkeys and identities with which the session was proven, a JSON array.
    `create table ampho_sessions (
      n ${countingKey}, id ${text} not null unique, era bigint not null, user_id ${text} not null,
      login ${text} not null, gen bigint not null, created_at bigint not null, auth_time bigint not null,
      proved_gen bigint not null, renewed_at bigint not null, expires_at bigint not null, ends_at bigint not null,
      access_expires bigint not null, idempotency ${text}, address ${text}, agent ${text}, ended_at bigint,
      end_reason ${text}, amr ${text} not null, acr ${text} not null, proved_at bigint not null,
      refreshed_at bigint not null, delete_after bigint not null, confirmed ${text}, confirmed_at bigint,
      proved_by ${text} not null default '[]'
    ) ${busyTable}`,
    "create index ampho_sessions_open on ampho_sessions (user_id, n) where ended_at is null",
    "create index ampho_sessions_remove on ampho_sessions (delete_after, n)",

    // `exact_login`: the login in the spelling of an application's own table, where another spelling can be another
    // user.
    `create table ampho_revocations (
      n ${numberKey}, at bigint not null, until bigint not null,
      kind ${text} not null check (kind in ('session', 'user', 'roles', 'signing_key', 'all')), session_id ${text},
      gen bigint, user_id ${text}, login ${text}, exact_login ${text}, roles_version bigint, roles ${text},
      kid ${text}, era bigint
    ) ${busyTable}`,
    "create index ampho_revocations_until on ampho_revocations (until, n)",

    // Counters of attempts that failed or are not settled. `key` is a hash. `kind` has no check, because SQLite cannot
    // change one, and throttle/counter-kinds.ts lists the kinds. `login` is set only if the account exists.
    // `recorded_sources`: the sources whose rejection is in the audit log until `recorded_until`.
    `create table ampho_attempts (
      key ${text} not null primary key, kind ${text} not null, login ${text}, failures bigint not null,
      pending bigint not null, pending_until bigint not null, streak bigint not null, next_at bigint not null,
      forget_at bigint not null, failure_sources ${text} not null, recorded_sources ${text} not null,
      recorded_until bigint not null, touched_at bigint not null
    ) ${busyTable}`,
    "create index ampho_attempts_touched on ampho_attempts (touched_at)",
    "create index ampho_attempts_login on ampho_attempts (login)",

    // Addresses and networks. `entries` is JSON: the logins that were attempted from there, as hashes.
    `create table ampho_attempt_sources (
      source ${text} not null primary key, entries ${text} not null, level bigint not null, next_at bigint not null,
      recorded_until bigint not null, touched_at bigint not null
    ) ${busyTable}`,
    "create index ampho_attempt_sources_touched on ampho_attempt_sources (touched_at)",

    `create table ampho_audit (
      n ${countingKey}, at bigint not null, event ${text} not null, reason ${text}, user_id ${text}, login ${text},
      session_id ${text}, actor ${text} not null, operator ${text}, address ${text}, agent ${text}, detail ${text}
    ) ${busyTable}`,
    // By login within stretches of the log (see sql/audit.ts).
    "create index ampho_audit_login on ampho_audit ((n / 262144), login, at, n)",
    "create index ampho_audit_at on ampho_audit (at, n)",
    // The former names of a user.
    `create index ampho_audit_names on ampho_audit (user_id, n)
      where event in ('login_changed', 'email_changed')`,

    // Users of an application's own table have a row here too. An account without a row has version 0 and no factor.
    // `factors` is a JSON array of the second factors that the account can prove. `policy` is that of the user alone,
    // and of it and that of the roles the stricter one counts. `policy_instead_of` is the policy of the roles that a
    // weaker one replaces.
    // `handle` is the user handle of all passkeys of the account. A remembered device holds both versions. `added_by`,
    // in this and other tables, is the session that has added the row. It is null for an operator, an import and a
    // registration. `confirmed`, in this and other tables: the set-up was confirmed by the mailbox or a passkey.
    // `review`: the next login leads to what can still sign in or act.
    // `frozen`: `password` is rejected as a wrong one, or `all` ways in are. `language`: that of the last mailed code
    // that was used.
    `create table ampho_accounts (
      user_id ${text} not null primary key, factors_version bigint not null, devices_version bigint not null,
      factors ${text} not null, policy ${text}, handle ${text} unique, frozen ${text}, language ${text},
      policy_instead_of ${text}, review smallint not null default 0 check (review in (0, 1))
    )`,
    "create index ampho_accounts_weaker on ampho_accounts (user_id) where policy_instead_of is not null",
    "create index ampho_accounts_phr on ampho_accounts (user_id) where policy = 'phr'",

    // Used login transactions, by the hash of their `jti`. The primary key decides which of two requests is first.
    // `bought` is the session, and `gen` its generation, for a client that lost the response.
    `create table ampho_spent (
      hash ${text} not null primary key, until bigint not null, at bigint not null, bought ${text}, gen bigint,
      idempotency ${text}
    ) ${busyTable}`,
    "create index ampho_spent_until on ampho_spent (until)",

    // `secret` is encrypted with a key derived from the key `kid`, and bound to the user.
    `create table ampho_totp (
      user_id ${text} not null primary key, secret ${text} not null, kid ${text} not null, last_step bigint not null,
      since bigint not null, added_by ${text},
      confirmed smallint not null default 0 check (confirmed in (0, 1))
    )`,
    "create index ampho_totp_kid on ampho_totp (kid, user_id)",

    `create table ampho_recovery (
      hash ${text} not null primary key, user_id ${text} not null, used_at bigint
    )`,
    "create index ampho_recovery_user on ampho_recovery (user_id)",

    // `id` is the credential id, `public_key` a JWK. `discoverable` is null if the browser did not state it.
    // `own_handle` is null for the user handle of the account. Another system can have given each passkey its own,
    // which is empty if it is unknown.
    `create table ampho_passkeys (
      id ${text} not null primary key, user_id ${text} not null, public_key ${text} not null, alg bigint not null,
      sign_count bigint not null, backup_eligible smallint not null check (backup_eligible in (0, 1)),
      backed_up smallint not null check (backed_up in (0, 1)), uv smallint not null check (uv in (0, 1)),
      discoverable smallint check (discoverable in (0, 1)), transports ${text} not null, aaguid ${text} not null,
      rp ${text} not null, name ${text} not null, created_at bigint not null, used_at bigint, own_handle ${text},
      added_by ${text}, confirmed smallint not null default 0 check (confirmed in (0, 1))
    )`,
    "create index ampho_passkeys_user on ampho_passkeys (user_id)",

    // The outbox. `claims` derives the code and the link when the mail is sent, so that no row contains them. `next_at`
    // is the time of the next attempt, and null when the mail was sent or dropped. `address` and `claims` are then
    // empty. `pages` is AMPHO_APP_URL of the instance that wrote the
    // row. Only an instance with the same pages sends the mail.
    `create table ampho_mail (
      n ${countingKey}, pages ${text} not null, at bigint not null, until bigint not null, user_id ${text},
      address ${text} not null, kind ${text} not null, claims ${text} not null, language ${text} not null,
      tries bigint not null, next_at bigint, sent_at bigint, failure ${text}
    )`,
    "create index ampho_mail_next on ampho_mail (pages, next_at, n) where next_at is not null",
    "create index ampho_mail_waiting on ampho_mail (until, n) where next_at is not null",
    "create index ampho_mail_until on ampho_mail (until)",
    "create index ampho_mail_user on ampho_mail (user_id, kind)",

    // Changes of users that wait for hooks of the application (see sql/user-events.ts). Without `user_id` a row stands
    // for the users of an import behind `import_line`.
    `create table ampho_user_events (
      n ${countingKey}, at bigint not null, user_id ${text}, change ${text} not null, reason ${text} not null,
      actor ${text} not null, import_n bigint, import_line bigint, tries bigint not null, next_at bigint
    ) ${busyTable}`,
    "create index ampho_user_events_next on ampho_user_events (next_at)",
    "create index ampho_user_events_user on ampho_user_events (user_id, n)",
    "create index ampho_user_events_at on ampho_user_events (at, n)",

    // Identities at outside providers. `email` is the address that the provider reported last. It identifies no user.
    `create table ampho_identities (
      issuer ${text} not null, subject ${text} not null, user_id ${text} not null, provider ${text} not null,
      email ${text}, created_at bigint not null, used_at bigint, added_by ${text},
      confirmed smallint not null default 0 check (confirmed in (0, 1)), primary key (issuer, subject)
    )`,
    "create index ampho_identities_user on ampho_identities (user_id)",

    // API keys. `n` orders those of a user. `hash` is the SHA-256 of the key, and `start` its first random characters.
    // `gen` is 1 for a key that was rotated and still lives. `used_day`: in days since 1970.
    `create table ampho_api_keys (
      n ${countingKey}, id ${text} not null unique, hash ${text} not null unique, user_id ${text} not null,
      login ${text} not null, name ${text} not null, start ${text} not null, scopes ${text} not null,
      gen bigint not null, created_at bigint not null, expires_at bigint not null, used_day bigint, added_by ${text}
    )`,
    "create index ampho_api_keys_user on ampho_api_keys (user_id, n)",
    "create index ampho_api_keys_expires on ampho_api_keys (expires_at, n)",

    // Service accounts. `scopes` is a JSON array, and `jwks` the JWK Set of public keys. `issued_at` and `tokens_until`
    // are the latest `iat` and `exp` of its access tokens. Those that were issued at `ended_at` or before have ended.
    `create table ampho_services (
      n ${countingKey}, id ${text} not null unique, name ${text} not null unique, scopes ${text} not null,
      jwks ${text}, disabled smallint not null check (disabled in (0, 1)), created_at bigint not null,
      issued_at bigint not null default 0, tokens_until bigint not null default 0, ended_at bigint not null default 0
    )`,

    // `roles` is a JSON array.
    `create table ampho_invites (
      id ${text} not null primary key, email ${text} not null, email_canonical ${text} not null,
      roles ${text} not null, invited_by ${text}, created_at bigint not null, until bigint not null, used_at bigint,
      removed_at bigint
    )`,
    "create index ampho_invites_until on ampho_invites (until)",
    "create index ampho_invites_created on ampho_invites (created_at desc, id)",
    "create index ampho_invites_email on ampho_invites (email_canonical)",

    // The process that deletes old rows, and the end of its lease. `seen_at`: the last time that a process looked.
    // Until `steady_from` nothing is deleted in the background, because the clock has jumped.
    `create table ampho_housekeeping (
      id integer primary key check (id = 1), holder ${text} not null, leased_until bigint not null,
      seen_at bigint not null, steady_from bigint not null
    )`,
    "insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from) values (1, '', 0, 0, 0)",
  ],
  down: (dialect) =>
    firstMigration
      .up(dialect)
      .flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [])
      .map((table) => `drop table ${table}`),
};
