-- Schema version 1 with data in every table. Written by `npm run schemas`.

create table if not exists ampho_migrations (
    version integer primary key, name text not null, serves_from integer not null, applied_at bigint
  );

create table ampho_state (
  id integer primary key check (id = 1),
  epoch text not null,
  era bigint not null,
  last_revocation bigint not null,
  access_until bigint not null,
  application_owns_users smallint not null default 0 check (application_owns_users in (0, 1))
);

insert into ampho_state (id, epoch, era, last_revocation, access_until) values (1, lower(hex(randomblob(16))), 0, 0, 0);

create table ampho_imports (
  n integer primary key autoincrement,
  state text not null check (state in ('open', 'published', 'dropped')),
  started_at bigint not null,
  touched_at bigint not null,
  lost_line bigint
);

create index ampho_imports_open on ampho_imports (n) where state = 'open';

create index ampho_imports_left on ampho_imports (touched_at) where state <> 'published';

create table ampho_users (
  id text not null primary key,
  login text not null,
  canonical text not null unique,
  password_hash text,
  password_version bigint not null,
  roles text not null,
  roles_version bigint not null,
  disabled smallint not null check (disabled in (0, 1)),
  created_at bigint not null,
  hash_kind text,
  import_n bigint,
  import_line bigint
);

create index ampho_users_kind on ampho_users (hash_kind) where hash_kind is not null;

create index ampho_users_import on ampho_users (import_n) where import_n is not null;

create table ampho_sessions (
  n integer primary key autoincrement,
  id text not null unique,
  era bigint not null,
  user_id text not null,
  login text not null,
  gen bigint not null,
  created_at bigint not null,
  auth_time bigint not null,
  proved_gen bigint not null,
  renewed_at bigint not null,
  expires_at bigint not null,
  ends_at bigint not null,
  access_expires bigint not null,
  idempotency text,
  address text,
  agent text,
  ended_at bigint,
  end_reason text,
  delete_after bigint not null
    ) ;

create index ampho_sessions_open on ampho_sessions (user_id, n) where ended_at is null;

create index ampho_sessions_remove on ampho_sessions (delete_after, n);

create table ampho_revocations (
  n integer primary key,
  at bigint not null,
  until bigint not null,
  kind text not null check (kind in ('session', 'user', 'roles', 'key', 'all')),
  session_id text,
  gen bigint,
  user_id text,
  login text,
  roles_version bigint,
  roles text,
  kid text,
  era bigint
    ) ;

create index ampho_revocations_until on ampho_revocations (until, n);

create table ampho_attempts (
  key text not null primary key,
  kind text not null,
  login text,
  failures bigint not null,
  pending bigint not null,
  pending_until bigint not null,
  streak bigint not null,
  next_at bigint not null,
  forget_at bigint not null,
  failure_sources text not null,
  recorded_sources text not null,
  recorded_until bigint not null,
  touched_at bigint not null
    ) ;

create index ampho_attempts_touched on ampho_attempts (touched_at);

create index ampho_attempts_login on ampho_attempts (login);

create table ampho_attempt_sources (
  source text not null primary key,
  entries text not null,
  level bigint not null,
  next_at bigint not null,
  recorded_until bigint not null,
  touched_at bigint not null
    ) ;

create index ampho_attempt_sources_touched on ampho_attempt_sources (touched_at);

create table ampho_audit (
  n integer primary key autoincrement,
  at bigint not null,
  event text not null,
  reason text,
  user_id text,
  login text,
  session_id text,
  actor text not null,
  operator text,
  address text,
  agent text,
  detail text
    ) ;

create index ampho_audit_login on ampho_audit ((n / 16384), login, n);

create index ampho_audit_at on ampho_audit (at, n);

create table ampho_housekeeping (
  id integer primary key check (id = 1),
  holder text not null,
  leased_until bigint not null,
  seen_at bigint not null,
  steady_from bigint not null
);

insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from) values (1, '', 0, 0, 0);

insert into ampho_migrations (version, name, serves_from, applied_at) values (1, 'first', 1, 1790000000);

delete from ampho_state;

insert into ampho_state (id, epoch, era, last_revocation, access_until, application_owns_users)
  values (1, 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1790000090, 7, 1790002800, 0);

insert into ampho_imports (n, state, started_at, touched_at, lost_line)
  values (1, 'published', 1790000000, 1790000000, null);

insert into ampho_imports (n, state, started_at, touched_at, lost_line)
  values (2, 'open', 1790000000, 1790000000, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('i-eve', 'eve', 'eve', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 0, 1790000000, null, 1, 1);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('i-fay', 'fay', 'fay', '{MD5}X03MO1qnZdYdgyfeuILPmQ==', 1, '[]', 1, 0, 1790000000, 'f md5 1', 1, 2);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('i-gus', 'gus', 'gus', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 0, 1790000000, null, 2, 1);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('u-alice', 'Alice', 'alice', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '["editor","reader"]', 1, 0, 1790000000, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('u-bob', 'bob', 'bob', null, 1, '[]', 1, 0, 1790000000, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('u-cid', 'cid', 'cid', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '["reader"]', 1790000090, 0, 1790000000, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line)
  values ('u-dan', 'dan', 'dan', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 1, 1790000000, null, null, null);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (1, '0.before-everything-ended', 0, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, 1791814400);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (2, 'tlpwwq.new', 1790000090, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, 1791814400);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (3, 'tlpwwq.reauthenticated', 1790000090, 'u-alice', 'alice', 1, 1790000000, 1790000030, 1, 1790000030, 1791209630, 1797776000, 1790000930, null, '192.0.2.7', 'curl/8', null, null, 1791814400);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (4, 'tlpwwq.renewed', 1790000090, 'u-alice', 'alice', 2, 1790000000, 1790000000, 0, 1790000060, 1791209660, 1797776000, 1790000960, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', '192.0.2.7', 'curl/8', null, null, 1791814400);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (5, 'tlpwwq.replayed', 1790000090, 'u-alice', 'alice', 2, 1790000000, 1790000000, 0, 1790000060, 1791209660, 1797776000, 1790000960, null, '192.0.2.7', 'curl/8', 1790000060, 'replayed', 1790605760);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (6, 'tlpwwq.logged-out', 1790000090, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', 1790000090, 'logout', 1790605700);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (7, 'tlpwwq.with-roles', 1790000090, 'u-cid', 'cid', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, 1791814400);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, delete_after)
  values (8, 'tlpwwq.of-disabled', 1790000090, 'u-dan', 'dan', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', 1790000090, 'user_disabled', 1790605700);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (1, 1790000090, 1790086790, 'all', null, null, null, null, null, null, null, 1790000090);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (2, 1790000060, 1790001260, 'session', 'tlpwwq.replayed', null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (3, 1790000090, 1790001200, 'session', 'tlpwwq.logged-out', null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (4, 1790000090, 1790086790, 'roles', null, null, 'u-cid', 'cid', 1790000090, '["editor"]', null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (5, 1790000090, 1790001200, 'session', 'tlpwwq.of-disabled', null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (6, 1790000090, 1790086790, 'user', null, null, 'u-dan', 'dan', null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, roles_version, roles, kid, era)
  values (7, 1790000090, 253402300799, 'key', null, null, null, null, null, null, 'stolen', null);

insert into ampho_attempts (key, kind, login, failures, pending, pending_until, streak, next_at, forget_at, failure_sources, recorded_sources, recorded_until, touched_at)
  values ('login:alice', 'login', 'Alice', 2, 1, 1790000135, 2, 0, 1790001020, '[["192.0.2.7",2]]', '[]', 0, 1790000120);

insert into ampho_attempt_sources (source, entries, level, next_at, recorded_until, touched_at)
  values ('192.0.2.7', '[["alice",1790001020,1,1790000135]]', 0, 0, 0, 1790000120);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (1, 1790000000, 'user_created', null, 'u-alice', 'Alice', null, 'operator', 'root@host', null, null, '{"roles":["editor","reader"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (2, 1790000000, 'user_created', null, 'u-bob', 'bob', null, 'operator', 'root@host', null, null, '{"roles":[]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (3, 1790000000, 'user_created', null, 'u-cid', 'cid', null, 'operator', 'root@host', null, null, '{"roles":["editor"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (4, 1790000000, 'user_created', null, 'u-dan', 'dan', null, 'operator', 'root@host', null, null, '{"roles":[]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (5, 1790000000, 'users_imported', null, null, null, null, 'operator', 'root@host', null, null, '{"import":1,"users":2}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (6, 1790000000, 'login', null, 'u-alice', 'alice', '0.before-everything-ended', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (7, 1790000090, 'sessions_ended', null, null, null, null, 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (8, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.new', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (9, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.reauthenticated', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (10, 1790000030, 'reauthenticated', null, 'u-alice', 'alice', 'tlpwwq.reauthenticated', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (11, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (12, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (13, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":1}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (14, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (15, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (16, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":1}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (17, 1790000060, 'renew_replayed', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (18, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.logged-out', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (19, 1790000090, 'logout', null, 'u-alice', 'alice', 'tlpwwq.logged-out', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (20, 1790000000, 'login', null, 'u-cid', 'cid', 'tlpwwq.with-roles', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (21, 1790000090, 'roles_changed', null, 'u-cid', 'cid', null, 'operator', 'root@host', null, null, '{"roles":["reader"],"added":["reader"],"removed":["editor"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (22, 1790000000, 'login', null, 'u-dan', 'dan', 'tlpwwq.of-disabled', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (23, 1790000090, 'user_disabled', null, 'u-dan', 'dan', null, 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (24, 1790000090, 'session_ended', 'user_disabled', 'u-dan', 'dan', 'tlpwwq.of-disabled', 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
  values (25, 1790000090, 'key_revoked', null, null, null, null, 'operator', 'root@host', null, null, '{"kid":"stolen"}');

delete from ampho_housekeeping;

insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from)
  values (1, '', 0, 0, 0);
