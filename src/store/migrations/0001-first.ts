// The first schema: users and their imports, sessions, revocations, attempts, audit, and the one row of state.
import type { MigrationSteps } from "./steps.js";

export const first: MigrationSteps = {
  version: 1,
  name: "first",
  servesFrom: 1,
  up: ({ text, numberKey, countingKey, randomText, busyTable }) => [
    // `epoch` tells one database from another, `era` one generation of all sessions from the next, `last_revocation` is
    // the number of the newest revocation, `access_until` an hour-grained bound of every session's `access_expires`,
    // `users_elsewhere` says that an application keeps its own user table beside these sessions.
    `create table ampho_state (
      id integer primary key check (id = 1),
      epoch ${text} not null,
      era bigint not null,
      last_revocation bigint not null,
      access_until bigint not null,
      users_elsewhere smallint not null default 0 check (users_elsewhere in (0, 1))
    )`,
    `insert into ampho_state (id, epoch, era, last_revocation, access_until) values (1, ${randomText}, 0, 0, 0)`,

    // Runs of `user-import`. `lost_line`: the line of a row that made room for somebody else's; such a run cannot be
    // published. `touched_at`: when its owner was last heard of.
    `create table ampho_imports (
      n ${countingKey},
      state ${text} not null check (state in ('open', 'published', 'dropped')),
      started_at bigint not null,
      touched_at bigint not null,
      lost_line bigint
    )`,
    "create index ampho_imports_open on ampho_imports (n) where state = 'open'",
    "create index ampho_imports_left on ampho_imports (touched_at) where state <> 'published'",

    // A row of an import is there for nobody until the import is published (see sql/visible.ts). `hash_kind` is null for
    // argon2id at m=19456, t=2, p=1 and where there is no hash, else the kind that crypto/password-cost.ts writes.
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
    "create index ampho_users_import on ampho_users (import_n) where import_n is not null",

    // `n` orders sessions by creation whatever the clock did. No foreign key: users may be of an application's own table.
    // A renewal changes no column of an index: `remove_after` stays, and whoever finds the row due moves it on.
    `create table ampho_sessions (
      n ${countingKey},
      id ${text} not null unique,
      era bigint not null,
      user_id ${text} not null,
      login ${text} not null,
      gen bigint not null,
      created_at bigint not null,
      auth_time bigint not null,
      renewed_at bigint not null,
      expires_at bigint not null,
      ends_at bigint not null,
      access_expires bigint not null,
      idempotency ${text},
      address ${text},
      agent ${text},
      ended_at bigint,
      end_reason ${text},
      remove_after bigint not null
    ) ${busyTable}`,
    "create index ampho_sessions_open on ampho_sessions (user_id, n) where ended_at is null",
    "create index ampho_sessions_remove on ampho_sessions (remove_after, n)",

    `create table ampho_revocations (
      n ${numberKey},
      at bigint not null,
      until bigint not null,
      kind ${text} not null check (kind in ('session', 'user', 'roles', 'key', 'all')),
      session_id ${text},
      user_id ${text},
      login ${text},
      roles_version bigint,
      roles ${text},
      kid ${text},
      era bigint
    ) ${busyTable}`,
    "create index ampho_revocations_until on ampho_revocations (until, n)",

    // Attempts that failed or are being looked at. `key` is a hash; `login` only that of an account that exists.
    `create table ampho_attempts (
      key ${text} not null primary key,
      kind ${text} not null check (kind in ('login', 'device', 'devices', 'session', 'sessions')),
      login ${text},
      failures bigint not null,
      pending bigint not null,
      pending_until bigint not null,
      streak bigint not null,
      next_at bigint not null,
      forget_at bigint not null,
      failure_sources ${text} not null,
      noted ${text} not null,
      noted_until bigint not null,
      touched_at bigint not null
    ) ${busyTable}`,
    "create index ampho_attempts_touched on ampho_attempts (touched_at)",
    "create index ampho_attempts_login on ampho_attempts (login)",

    // Addresses and networks; `entries` is JSON: the logins that were tried from there, as hashes.
    `create table ampho_attempt_sources (
      source ${text} not null primary key,
      entries ${text} not null,
      level bigint not null,
      next_at bigint not null,
      noted_until bigint not null,
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

    // Who removes old rows at present, and until when nobody else does; `seen_at`: when one was last at it. `steady_from`:
    // in the background nothing is removed before, because the clock had jumped.
    `create table ampho_housekeeping (
      id integer primary key check (id = 1),
      holder ${text} not null,
      held_until bigint not null,
      seen_at bigint not null,
      steady_from bigint not null
    )`,
    "insert into ampho_housekeeping (id, holder, held_until, seen_at, steady_from) values (1, '', 0, 0, 0)",
  ],
  down: () =>
    [
      ...["ampho_audit", "ampho_attempt_sources", "ampho_attempts", "ampho_revocations"],
      ...["ampho_sessions", "ampho_users", "ampho_imports", "ampho_state", "ampho_housekeeping"],
    ].map((table) => `drop table ${table}`),
};
