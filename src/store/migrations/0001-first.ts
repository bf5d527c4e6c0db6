// The first schema: users and their imports, sessions, revocations, attempts, audit log, housekeeping, and one row of state.
import type { MigrationSteps } from "./steps.js";

export const firstMigration: MigrationSteps = {
  version: 1,
  name: "first",
  servesFrom: 1,
  up: ({ text, numberKey, countingKey, randomText, busyTable }) => [
    // `epoch` identifies the database. `era` numbers the times between two ends of all sessions. `last_revocation` is the
    // number of the newest revocation. `access_until` is the latest `access_expires` of any session, rounded up to an hour.
    // `application_owns_users`: the application that uses these sessions has its own user table.
    `create table ampho_state (
      id integer primary key check (id = 1),
      epoch ${text} not null,
      era bigint not null,
      last_revocation bigint not null,
      access_until bigint not null,
      application_owns_users smallint not null default 0 check (application_owns_users in (0, 1)),
      hooks_until bigint not null default 0
    )`,
    `insert into ampho_state (id, epoch, era, last_revocation, access_until) values (1, ${randomText}, 0, 0, 0)`,

    // Runs of `user-import`. `lost_line`: the line of a row that made room for another user. The import cannot then be
    // published. `touched_at`: the last sign of life of its owner.
    `create table ampho_imports (
      n ${countingKey},
      state ${text} not null check (state in ('open', 'published', 'dropped')),
      started_at bigint not null,
      touched_at bigint not null,
      lost_line bigint
    )`,
    "create index ampho_imports_open on ampho_imports (n) where state = 'open'",
    "create index ampho_imports_left on ampho_imports (touched_at) where state <> 'published'",

    // A row of an import stays hidden until the import is published (see sql/import-rows.ts). `hash_kind` is null for
    // argon2id with m=19456, t=2, p=1 and without a hash, else the kind and cost of the hash.
    `create table ampho_users (
      id ${text} not null primary key,
      login ${text} not null,
      canonical ${text} not null unique,
      password_hash ${text},
      password_version bigint not null,
      roles ${text} not null,
      roles_version bigint not null,
      disabled smallint not null check (disabled in (0, 1)),
      created_at bigint not null,
      hash_kind ${text},
      import_n bigint,
      import_line bigint
    )`,
    "create index ampho_users_kind on ampho_users (hash_kind) where hash_kind is not null",
    "create index ampho_users_import on ampho_users (import_n, import_line) where import_n is not null",

    // `n` orders sessions by creation, whatever the clock did. There is no foreign key, because users can be in an
    // application's own table. `proved_gen` is the generation that the last login created. A renewal changes no column of an
    // index: `delete_after` stays, and housekeeping moves it on when it finds the row due.
    `create table ampho_sessions (
      n ${countingKey},
      id ${text} not null unique,
      era bigint not null,
      user_id ${text} not null,
      login ${text} not null,
      gen bigint not null,
      created_at bigint not null,
      auth_time bigint not null,
      proved_gen bigint not null,
      renewed_at bigint not null,
      expires_at bigint not null,
      ends_at bigint not null,
      access_expires bigint not null,
      idempotency ${text},
      address ${text},
      agent ${text},
      ended_at bigint,
      end_reason ${text},
      delete_after bigint not null
    ) ${busyTable}`,
    "create index ampho_sessions_open on ampho_sessions (user_id, n) where ended_at is null",
    "create index ampho_sessions_remove on ampho_sessions (delete_after, n)",

    `create table ampho_revocations (
      n ${numberKey},
      at bigint not null,
      until bigint not null,
      kind ${text} not null check (kind in ('session', 'user', 'roles', 'key', 'all')),
      session_id ${text},
      gen bigint,
      user_id ${text},
      login ${text},
      roles_version bigint,
      roles ${text},
      kid ${text},
      era bigint
    ) ${busyTable}`,
    "create index ampho_revocations_until on ampho_revocations (until, n)",

    // Counters of attempts that failed or are not settled. `key` is a hash. `kind` has no check, because SQLite cannot change
    // one, and throttle/counter-kinds.ts lists the kinds. `login` is set only if the account exists.
    // `recorded_sources`: the sources whose rejection is in the audit log until `recorded_until`.
    `create table ampho_attempts (
      key ${text} not null primary key,
      kind ${text} not null,
      login ${text},
      failures bigint not null,
      pending bigint not null,
      pending_until bigint not null,
      streak bigint not null,
      next_at bigint not null,
      forget_at bigint not null,
      failure_sources ${text} not null,
      recorded_sources ${text} not null,
      recorded_until bigint not null,
      touched_at bigint not null
    ) ${busyTable}`,
    "create index ampho_attempts_touched on ampho_attempts (touched_at)",
    "create index ampho_attempts_login on ampho_attempts (login)",

    // Addresses and networks. `entries` is JSON: the logins that were attempted from there, as hashes.
    `create table ampho_attempt_sources (
      source ${text} not null primary key,
      entries ${text} not null,
      level bigint not null,
      next_at bigint not null,
      recorded_until bigint not null,
      touched_at bigint not null
    ) ${busyTable}`,
    "create index ampho_attempt_sources_touched on ampho_attempt_sources (touched_at)",

    `create table ampho_audit (
      n ${countingKey},
      at bigint not null,
      event ${text} not null,
      reason ${text},
      user_id ${text},
      login ${text},
      session_id ${text},
      actor ${text} not null,
      operator ${text},
      address ${text},
      agent ${text},
      detail ${text}
    ) ${busyTable}`,
    // By login within stretches of the log (see sql/audit.ts).
    "create index ampho_audit_login on ampho_audit ((n / 16384), login, n)",
    "create index ampho_audit_at on ampho_audit (at, n)",

    // The process that deletes old rows, and the end of its lease. `seen_at`: the last time that a process looked. Until
    // `steady_from` nothing is deleted in the background, because the clock has jumped.
    `create table ampho_housekeeping (
      id integer primary key check (id = 1),
      holder ${text} not null,
      leased_until bigint not null,
      seen_at bigint not null,
      steady_from bigint not null
    )`,
    "insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from) values (1, '', 0, 0, 0)",
  ],
  down: () =>
    [
      ...["ampho_audit", "ampho_attempt_sources", "ampho_attempts", "ampho_revocations"],
      ...["ampho_sessions", "ampho_users", "ampho_imports", "ampho_state", "ampho_housekeeping"],
    ].map((table) => `drop table ${table}`),
};
