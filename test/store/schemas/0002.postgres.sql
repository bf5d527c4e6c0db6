-- Schema version 2 with data in every table. Written by `npm run schemas`.

create table if not exists ampho_migrations (
    version integer primary key, name text not null, serves_from integer not null, applied_at bigint
  );

create table ampho_state (
  id integer primary key check (id = 1), epoch text collate "C" not null, era bigint not null,
  last_revocation bigint not null, access_until bigint not null,
  application_owns_users smallint not null default 0 check (application_owns_users in (0, 1)),
  hooks_until bigint not null default 0
);

insert into ampho_state (id, epoch, era, last_revocation, access_until) values (1, replace(gen_random_uuid()::text, '-', ''), 0, 0, 0);

create table ampho_imports (
  n bigint generated always as identity primary key, state text collate "C" not null check (state in ('open', 'published', 'dropped')),
  started_at bigint not null, touched_at bigint not null, lost_line bigint
);

create index ampho_imports_open on ampho_imports (n) where state = 'open';

create index ampho_imports_left on ampho_imports (touched_at) where state <> 'published';

create table ampho_users (
  id text collate "C" not null primary key, login text collate "C" not null, canonical text collate "C" not null unique,
  password_hash text collate "C", password_version bigint not null, roles text collate "C" not null, roles_version bigint not null,
  disabled smallint not null check (disabled in (0, 1)), created_at bigint not null, hash_kind text collate "C",
  import_n bigint, import_line bigint, email text collate "C", email_canonical text collate "C", email_proven_at bigint,
  password_by_operator smallint, email_by_operator smallint check (email_by_operator in (0, 1))
);

create index ampho_users_kind on ampho_users (hash_kind) where hash_kind is not null;

create index ampho_users_import on ampho_users (import_n, import_line) where import_n is not null;

create unique index ampho_users_address on ampho_users (coalesce(email_canonical, canonical));

create table ampho_sessions (
  n bigint generated always as identity primary key, id text collate "C" not null unique, era bigint not null, user_id text collate "C" not null,
  login text collate "C" not null, gen bigint not null, created_at bigint not null, auth_time bigint not null,
  proved_gen bigint not null, renewed_at bigint not null, expires_at bigint not null, ends_at bigint not null,
  access_expires bigint not null, idempotency text collate "C", address text collate "C", agent text collate "C", ended_at bigint,
  end_reason text collate "C", amr text collate "C" not null, acr text collate "C" not null, proved_at bigint not null,
  refreshed_at bigint not null, delete_after bigint not null, confirmed text collate "C", confirmed_at bigint,
  proved_by text collate "C" not null default '[]'
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_sessions_open on ampho_sessions (user_id, n) where ended_at is null;

create index ampho_sessions_remove on ampho_sessions (delete_after, n);

create table ampho_revocations (
  n bigint primary key, at bigint not null, until bigint not null,
  kind text collate "C" not null check (kind in ('session', 'user', 'roles', 'signing_key', 'all')), session_id text collate "C",
  gen bigint, user_id text collate "C", login text collate "C", exact_login text collate "C", roles_version bigint, roles text collate "C",
  kid text collate "C", era bigint
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_revocations_until on ampho_revocations (until, n);

create table ampho_attempts (
  key text collate "C" not null primary key, kind text collate "C" not null, login text collate "C", failures bigint not null,
  pending bigint not null, pending_until bigint not null, streak bigint not null, next_at bigint not null,
  forget_at bigint not null, failure_sources text collate "C" not null, recorded_sources text collate "C" not null,
  recorded_until bigint not null, touched_at bigint not null
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_attempts_touched on ampho_attempts (touched_at);

create index ampho_attempts_login on ampho_attempts (login);

create table ampho_attempt_sources (
  source text collate "C" not null primary key, entries text collate "C" not null, level bigint not null, next_at bigint not null,
  recorded_until bigint not null, touched_at bigint not null
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_attempt_sources_touched on ampho_attempt_sources (touched_at);

create table ampho_audit (
  n bigint generated always as identity primary key, at bigint not null, event text collate "C" not null, reason text collate "C", user_id text collate "C", login text collate "C",
  session_id text collate "C", actor text collate "C" not null, operator text collate "C", address text collate "C", agent text collate "C", detail text collate "C"
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_audit_login on ampho_audit ((n / 262144), login, at, n);

create index ampho_audit_at on ampho_audit (at, n);

create index ampho_audit_names on ampho_audit (user_id, n)
  where event in ('login_changed', 'email_changed');

create table ampho_accounts (
  user_id text collate "C" not null primary key, factors_version bigint not null, devices_version bigint not null,
  factors text collate "C" not null, policy text collate "C", handle text collate "C" unique, frozen text collate "C", language text collate "C",
  policy_instead_of text collate "C", review smallint not null default 0 check (review in (0, 1))
);

create index ampho_accounts_weaker on ampho_accounts (user_id) where policy_instead_of is not null;

create index ampho_accounts_phr on ampho_accounts (user_id) where policy = 'phr';

create table ampho_spent (
  hash text collate "C" not null primary key, until bigint not null, at bigint not null, bought text collate "C", gen bigint,
  idempotency text collate "C"
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_spent_until on ampho_spent (until);

create table ampho_totp (
  user_id text collate "C" not null primary key, secret text collate "C" not null, kid text collate "C" not null, last_step bigint not null,
  since bigint not null, added_by text collate "C",
  confirmed smallint not null default 0 check (confirmed in (0, 1))
);

create index ampho_totp_kid on ampho_totp (kid, user_id);

create table ampho_recovery (
  hash text collate "C" not null primary key, user_id text collate "C" not null, used_at bigint
);

create index ampho_recovery_user on ampho_recovery (user_id);

create table ampho_passkeys (
  id text collate "C" not null primary key, user_id text collate "C" not null, public_key text collate "C" not null, alg bigint not null,
  sign_count bigint not null, backup_eligible smallint not null check (backup_eligible in (0, 1)),
  backed_up smallint not null check (backed_up in (0, 1)), uv smallint not null check (uv in (0, 1)),
  discoverable smallint check (discoverable in (0, 1)), transports text collate "C" not null, aaguid text collate "C" not null,
  rp text collate "C" not null, name text collate "C" not null, created_at bigint not null, used_at bigint, own_handle text collate "C",
  added_by text collate "C", confirmed smallint not null default 0 check (confirmed in (0, 1))
);

create index ampho_passkeys_user on ampho_passkeys (user_id);

create table ampho_mail (
  n bigint generated always as identity primary key, pages text collate "C" not null, at bigint not null, until bigint not null, user_id text collate "C",
  address text collate "C" not null, kind text collate "C" not null, claims text collate "C" not null, language text collate "C" not null,
  tries bigint not null, next_at bigint, sent_at bigint, failure text collate "C"
);

create index ampho_mail_next on ampho_mail (pages, next_at, n) where next_at is not null;

create index ampho_mail_waiting on ampho_mail (until, n) where next_at is not null;

create index ampho_mail_until on ampho_mail (until);

create index ampho_mail_user on ampho_mail (user_id, kind);

create table ampho_user_events (
  n bigint generated always as identity primary key, at bigint not null, user_id text collate "C", change text collate "C" not null, reason text collate "C" not null,
  actor text collate "C" not null, import_n bigint, import_line bigint, tries bigint not null, next_at bigint
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_user_events_next on ampho_user_events (next_at);

create index ampho_user_events_user on ampho_user_events (user_id, n);

create index ampho_user_events_at on ampho_user_events (at, n);

create table ampho_identities (
  issuer text collate "C" not null, subject text collate "C" not null, user_id text collate "C" not null, provider text collate "C" not null,
  email text collate "C", created_at bigint not null, used_at bigint, added_by text collate "C",
  confirmed smallint not null default 0 check (confirmed in (0, 1)), primary key (issuer, subject)
);

create index ampho_identities_user on ampho_identities (user_id);

create table ampho_api_keys (
  n bigint generated always as identity primary key, id text collate "C" not null unique, hash text collate "C" not null unique, user_id text collate "C" not null,
  login text collate "C" not null, name text collate "C" not null, start text collate "C" not null, scopes text collate "C" not null,
  gen bigint not null, created_at bigint not null, expires_at bigint not null, used_day bigint, added_by text collate "C"
);

create index ampho_api_keys_user on ampho_api_keys (user_id, n);

create index ampho_api_keys_expires on ampho_api_keys (expires_at, n);

create table ampho_services (
  n bigint generated always as identity primary key, id text collate "C" not null unique, name text collate "C" not null unique, scopes text collate "C" not null,
  jwks text collate "C", disabled smallint not null check (disabled in (0, 1)), created_at bigint not null,
  issued_at bigint not null default 0, tokens_until bigint not null default 0, ended_at bigint not null default 0
);

create table ampho_invites (
  id text collate "C" not null primary key, email text collate "C" not null, email_canonical text collate "C" not null,
  roles text collate "C" not null, invited_by text collate "C", created_at bigint not null, until bigint not null, used_at bigint,
  removed_at bigint
);

create index ampho_invites_until on ampho_invites (until);

create index ampho_invites_created on ampho_invites (created_at desc, id);

create index ampho_invites_email on ampho_invites (email_canonical);

create table ampho_housekeeping (
  id integer primary key check (id = 1), holder text collate "C" not null, leased_until bigint not null,
  seen_at bigint not null, steady_from bigint not null
);

insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from) values (1, '', 0, 0, 0);

insert into ampho_migrations (version, name, serves_from, applied_at) values (1, 'first', 1, 1790000000);

create table if not exists ampho_migrations (
    version integer primary key, name text not null, serves_from integer not null, applied_at bigint
  );

create table ampho_connections (
  n bigint generated always as identity primary key, id text collate "C" not null unique, era bigint not null, user_id text collate "C" not null,
  login text collate "C" not null, client text collate "C" not null, resource text collate "C", scopes text collate "C" not null,
  how text collate "C" not null, gen bigint not null, rights bigint not null, code_hash text collate "C" unique, challenge text collate "C",
  redirect_uri text collate "C", added_by text collate "C", created_at bigint not null, auth_time bigint not null,
  amr text collate "C" not null, acr text collate "C" not null, renewed_at bigint not null, expires_at bigint not null,
  ends_at bigint not null, access_expires bigint not null, address text collate "C", agent text collate "C", ended_at bigint,
  end_reason text collate "C", delete_after bigint not null, shared_with text collate "C"
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

create index ampho_connections_user on ampho_connections (user_id, n) where ended_at is null;

create index ampho_connections_client on ampho_connections (client, n) where ended_at is null;

create index ampho_connections_remove on ampho_connections (delete_after, n);

alter table ampho_services add column redirects text collate "C";

alter table ampho_services add column user_scopes text collate "C";

alter table ampho_services add column is_public smallint not null default 0;

alter table ampho_services add column ended_n bigint not null default 0;

insert into ampho_migrations (version, name, serves_from, applied_at) values (2, 'connections', 1, 1790000000);

delete from ampho_state;

insert into ampho_state (id, epoch, era, last_revocation, access_until, application_owns_users, hooks_until)
  values (1, 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1790000090, 11, 1790002800, 0, 1792592000);

insert into ampho_imports (n, state, started_at, touched_at, lost_line) overriding system value
  values (1, 'published', 1790000000, 1790000000, null);

insert into ampho_imports (n, state, started_at, touched_at, lost_line) overriding system value
  values (2, 'open', 1790000000, 1790000000, null);

select setval(pg_get_serial_sequence('ampho_imports', 'n'), 2);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('i-eve', 'eve', 'eve', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 0, 1790000000, null, 1, 1, null, null, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('i-fay', 'fay', 'fay', '{MD5}X03MO1qnZdYdgyfeuILPmQ==', 1, '[]', 1, 0, 1790000000, 'f md5 1', 1, 2, null, null, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('i-gus', 'gus', 'gus', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 0, 1790000000, null, 2, 1, null, null, null, null, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('u-alice', 'Alice', 'alice', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '["editor","reader"]', 1, 0, 1790000000, null, null, null, null, null, null, 1, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('u-bob', 'bob', 'bob', null, 1, '[]', 1, 0, 1790000000, null, null, null, 'bob@mail.example', 'bob@mail.example', 1790000000, 1, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('u-cid', 'cid', 'cid', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '["reader"]', 1790000090, 0, 1790000000, null, null, null, null, null, null, 1, null);

insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at, hash_kind, import_n, import_line, email, email_canonical, email_proven_at, password_by_operator, email_by_operator)
  values ('u-dan', 'dan', 'dan', '$argon2id$v=19$m=19456,t=2,p=1$bIIszpwyEKpG/6XKMz0SeA$pUyTsfjlZ7AAePeHOG6xKDKxioaT7itR42cAYhmIxk0', 1, '[]', 1, 1, 1790000000, null, null, null, null, null, null, 1, null);

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (1, '0.before-everything-ended', 0, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, '["pwd"]', '1fa', 1790000000, 1790000000, 1791814400, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (2, 'tlpwwq.new', 1790000090, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, '["pwd"]', '1fa', 1790000000, 1790000000, 1791814400, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (3, 'tlpwwq.reauthenticated', 1790000090, 'u-alice', 'alice', 1, 1790000000, 1790000000, 1, 1790000030, 1791209630, 1797776000, 1790000930, null, '192.0.2.7', 'curl/8', null, null, '["pwd"]', '1fa', 1790000030, 1790000030, 1791814400, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (4, 'tlpwwq.renewed', 1790000090, 'u-alice', 'alice', 2, 1790000000, 1790000000, 0, 1790000060, 1791209660, 1797776000, 1790000960, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', '192.0.2.7', 'curl/8', null, null, '["pwd"]', '1fa', 1790000000, 1790000060, 1791814400, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (5, 'tlpwwq.replayed', 1790000090, 'u-alice', 'alice', 2, 1790000000, 1790000000, 0, 1790000060, 1791209660, 1797776000, 1790000960, null, '192.0.2.7', 'curl/8', 1790000060, 'replayed', '["pwd"]', '1fa', 1790000000, 1790000060, 1790605760, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (6, 'tlpwwq.logged-out', 1790000090, 'u-alice', 'alice', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', 1790000090, 'logout', '["pwd"]', '1fa', 1790000000, 1790000000, 1790605700, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (7, 'tlpwwq.with-roles', 1790000090, 'u-cid', 'cid', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', null, null, '["pwd"]', '1fa', 1790000000, 1790000000, 1791814400, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (8, 'tlpwwq.of-disabled', 1790000090, 'u-dan', 'dan', 0, 1790000000, 1790000000, 0, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', 1790000090, 'user_disabled', '["pwd"]', '1fa', 1790000000, 1790000000, 1790605700, null, null, '[]');

insert into ampho_sessions (n, id, era, user_id, login, gen, created_at, auth_time, proved_gen, renewed_at, expires_at, ends_at, access_expires, idempotency, address, agent, ended_at, end_reason, amr, acr, proved_at, refreshed_at, delete_after, confirmed, confirmed_at, proved_by) overriding system value
  values (9, 'tlpwwq.with-factors', 1790000090, 'u-bob', 'bob', 3, 1790000000, 1790000000, 3, 1790000000, 1791209600, 1797776000, 1790000900, null, '192.0.2.7', 'curl/8', 1790000000, 'policy', '["pwd"]', '1fa', 1790000000, 1790000000, 1790605700, null, null, '[]');

select setval(pg_get_serial_sequence('ampho_sessions', 'n'), 9);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (1, 1790000090, 1790087390, 'all', null, null, null, null, null, null, null, null, 1790000090);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (2, 1790000060, 1790001260, 'session', 'tlpwwq.replayed', null, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (3, 1790000090, 1790001200, 'session', 'tlpwwq.logged-out', null, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (4, 1790000090, 1790086790, 'roles', null, null, 'u-cid', 'cid', null, 1790000090, '["editor"]', null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (5, 1790000090, 1790001200, 'session', 'tlpwwq.of-disabled', null, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (6, 1790000090, 1790087090, 'user', null, null, 'u-dan', 'dan', null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (7, 1790000090, 253402300799, 'signing_key', null, null, null, null, null, null, null, 'stolen', null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (8, 1790000000, 1790001200, 'session', 'tlpwwq.with-factors', 1, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (9, 1790000000, 1790001200, 'session', 'tlpwwq.with-factors', 2, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (10, 1790000000, 1790001200, 'session', 'tlpwwq.with-factors', 3, null, null, null, null, null, null, null);

insert into ampho_revocations (n, at, until, kind, session_id, gen, user_id, login, exact_login, roles_version, roles, kid, era)
  values (11, 1790000000, 1790001200, 'session', 'tlpwwq.with-factors', null, null, null, null, null, null, null, null);

insert into ampho_attempts (key, kind, login, failures, pending, pending_until, streak, next_at, forget_at, failure_sources, recorded_sources, recorded_until, touched_at)
  values ('login:alice', 'login', 'Alice', 2, 1, 1790000135, 2, 0, 1790001020, '[["192.0.2.7",2]]', '[]', 0, 1790000120);

insert into ampho_attempt_sources (source, entries, level, next_at, recorded_until, touched_at)
  values ('192.0.2.7', '[["alice",1790001020,1,1790000135]]', 0, 0, 0, 1790000120);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (1, 1790000000, 'user_created', null, 'u-alice', 'Alice', null, 'operator', 'root@host', null, null, '{"roles":["editor","reader"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (2, 1790000000, 'user_created', null, 'u-bob', 'bob', null, 'operator', 'root@host', null, null, '{"roles":[]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (3, 1790000000, 'user_created', null, 'u-cid', 'cid', null, 'operator', 'root@host', null, null, '{"roles":["editor"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (4, 1790000000, 'user_created', null, 'u-dan', 'dan', null, 'operator', 'root@host', null, null, '{"roles":[]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (5, 1790000000, 'users_imported', null, null, null, null, 'operator', 'root@host', null, null, '{"import":1,"users":2}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (6, 1790000000, 'login', null, 'u-alice', 'alice', '0.before-everything-ended', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (7, 1790000090, 'sessions_ended', null, null, null, null, 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (8, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.new', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (9, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.reauthenticated', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (10, 1790000030, 'stepped_up', null, 'u-alice', 'alice', 'tlpwwq.reauthenticated', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (11, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (12, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (13, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.renewed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":1}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (14, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (15, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (16, 1790000060, 'renew', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":1}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (17, 1790000060, 'renew_replayed', null, 'u-alice', 'alice', 'tlpwwq.replayed', 'user', null, '192.0.2.7', 'curl/8', '{"by":"refresh_token","gen":0}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (18, 1790000000, 'login', null, 'u-alice', 'alice', 'tlpwwq.logged-out', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (19, 1790000090, 'logout', null, 'u-alice', 'alice', 'tlpwwq.logged-out', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (20, 1790000000, 'login', null, 'u-cid', 'cid', 'tlpwwq.with-roles', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (21, 1790000090, 'roles_changed', null, 'u-cid', 'cid', null, 'operator', 'root@host', null, null, '{"roles":["reader"],"added":["reader"],"removed":["editor"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (22, 1790000000, 'login', null, 'u-dan', 'dan', 'tlpwwq.of-disabled', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (23, 1790000090, 'user_disabled', null, 'u-dan', 'dan', null, 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (24, 1790000090, 'session_ended', 'user_disabled', 'u-dan', 'dan', 'tlpwwq.of-disabled', 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (25, 1790000090, 'signing_key_revoked', null, null, null, null, 'operator', 'root@host', null, null, '{"kid":"stolen"}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (26, 1790000000, 'login', null, 'u-bob', 'bob', 'tlpwwq.with-factors', 'user', null, '192.0.2.7', 'curl/8', null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (27, 1790000000, 'factor_added', null, 'u-bob', 'bob', null, 'user', null, '192.0.2.7', 'curl/8', '{"factor":"totp"}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (28, 1790000000, 'factor_added', null, 'u-bob', 'bob', null, 'user', null, '192.0.2.7', 'curl/8', '{"factor":"passkey","passkey":"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (29, 1790000000, 'service_added', null, 'svc_1', null, null, 'user', null, '192.0.2.7', 'curl/8', '{"service":"nightly","scopes":["articles:read"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (30, 1790000000, 'api_key_created', null, 'u-bob', 'bob', null, 'user', null, '192.0.2.7', 'curl/8', '{"api_key":"key_1","scopes":["read"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (31, 1790000000, 'connection_added', null, 'u-bob', 'bob', null, 'user', null, '192.0.2.7', 'curl/8', '{"connection":"tlpwwq.pppppppppppppppppppppp","client":"svc_1","scopes":["articles:read"]}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (32, 1790000000, 'identity_linked', null, 'u-bob', 'bob', 'tlpwwq.with-factors', 'user', null, '192.0.2.7', 'curl/8', '{"provider":"acme","identity":"eYHtnZttNqEPviHDXt10NgVuvpcGvPN6aH2bz7rMqDM"}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (33, 1790000000, 'factor_policy_changed', null, 'u-bob', 'bob', null, 'operator', 'root@host', null, null, '{"policy":"required"}');

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (34, 1790000000, 'session_ended', 'policy', 'u-bob', 'bob', 'tlpwwq.with-factors', 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (35, 1790000000, 'email_changed', null, 'u-bob', 'bob', null, 'operator', 'root@host', null, null, null);

insert into ampho_audit (n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail) overriding system value
  values (36, 1790000000, 'invited', null, null, null, null, 'operator', 'root@host', null, null, '{"invitation":"kkkkkkkkkkkkkkkkkkkkkk","roles":["reader"]}');

select setval(pg_get_serial_sequence('ampho_audit', 'n'), 36);

insert into ampho_accounts (user_id, factors_version, devices_version, factors, policy, handle, frozen, language, policy_instead_of, review)
  values ('u-bob', 1790000001, 0, '["passkey","totp","recovery_code"]', 'required', 'iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii', null, null, null, 0);

insert into ampho_accounts (user_id, factors_version, devices_version, factors, policy, handle, frozen, language, policy_instead_of, review)
  values ('u-dan', 1790000090, 0, '[]', null, null, null, null, null, 0);

insert into ampho_spent (hash, until, at, bought, gen, idempotency)
  values ('ddddddddddddddddddddddddddddddddddddddddddd', 1790000660, 1790000000, null, null, null);

insert into ampho_spent (hash, until, at, bought, gen, idempotency)
  values ('jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj', 1790000660, 1790000000, null, null, null);

insert into ampho_spent (hash, until, at, bought, gen, idempotency)
  values ('kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk', 1790000660, 1790000000, null, null, null);

insert into ampho_spent (hash, until, at, bought, gen, idempotency)
  values ('ooooooooooooooooooooooooooooooooooooooooooo', 1790000660, 1790000000, null, null, null);

insert into ampho_totp (user_id, secret, kid, last_step, since, added_by, confirmed)
  values ('u-bob', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'signing', 59666666, 1790000000, 'tlpwwq.with-factors', 0);

insert into ampho_recovery (hash, user_id, used_at)
  values ('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'u-bob', null);

insert into ampho_recovery (hash, user_id, used_at)
  values ('fffffffffffffffffffffffffffffffffffffffffff', 'u-bob', null);

insert into ampho_passkeys (id, user_id, public_key, alg, sign_count, backup_eligible, backed_up, uv, discoverable, transports, aaguid, rp, name, created_at, used_at, own_handle, added_by, confirmed)
  values ('hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh', 'u-bob', '{"kty":"OKP","crv":"Ed25519","x":"ggggggggggggggggggggggggggggggggggggggggggg"}', -8, 0, 1, 1, 1, 1, '["internal"]', '00000000-0000-0000-0000-000000000000', 'app.example', 'Phone', 1790000000, null, null, 'tlpwwq.with-factors', 0);

insert into ampho_mail (n, pages, at, until, user_id, address, kind, claims, language, tries, next_at, sent_at, failure) overriding system value
  values (1, '', 1790000000, 1790604800, null, 'gil@mail.example', 'invite', '{"inv":"kkkkkkkkkkkkkkkkkkkkkk","iat":1790000000,"exp":1790604800}', 'en', 0, 1790000000, null, null);

select setval(pg_get_serial_sequence('ampho_mail', 'n'), 1);

insert into ampho_user_events (n, at, user_id, change, reason, actor, import_n, import_line, tries, next_at) overriding system value
  values (1, 1790000000, 'u-dan', 'created', 'user_created', 'operator', null, 0, 0, 1790000000);

insert into ampho_user_events (n, at, user_id, change, reason, actor, import_n, import_line, tries, next_at) overriding system value
  values (2, 1790000000, null, 'created', 'users_imported', 'operator', 1, 0, 0, null);

insert into ampho_user_events (n, at, user_id, change, reason, actor, import_n, import_line, tries, next_at) overriding system value
  values (3, 1790000090, 'u-cid', 'changed', 'roles_changed', 'operator', null, 0, 0, 1790000090);

insert into ampho_user_events (n, at, user_id, change, reason, actor, import_n, import_line, tries, next_at) overriding system value
  values (4, 1790000090, 'u-dan', 'changed', 'user_disabled', 'operator', null, 0, 0, 1790000090);

insert into ampho_user_events (n, at, user_id, change, reason, actor, import_n, import_line, tries, next_at) overriding system value
  values (5, 1790000000, 'u-bob', 'changed', 'email_changed', 'operator', null, 0, 0, 1790000000);

select setval(pg_get_serial_sequence('ampho_user_events', 'n'), 5);

insert into ampho_identities (issuer, subject, user_id, provider, email, created_at, used_at, added_by, confirmed)
  values ('https://id.example', '1', 'u-bob', 'acme', 'bob@app.example', 1790000000, null, 'tlpwwq.with-factors', 0);

insert into ampho_api_keys (n, id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at, used_day, added_by) overriding system value
  values (1, 'key_1', 'lllllllllllllllllllllllllllllllllllllllllll', 'u-bob', 'bob', 'Job', 'aB3d', '["read"]', 0, 1790000000, 1790086400, null, null);

select setval(pg_get_serial_sequence('ampho_api_keys', 'n'), 1);

insert into ampho_services (n, id, name, scopes, jwks, disabled, created_at, issued_at, tokens_until, ended_at, redirects, user_scopes, is_public, ended_n) overriding system value
  values (1, 'svc_1', 'nightly', '["articles:read"]', null, 0, 1790000000, 0, 0, 0, '["https://reader.example/callback"]', '["articles:read"]', 1, 0);

select setval(pg_get_serial_sequence('ampho_services', 'n'), 1);

insert into ampho_invites (id, email, email_canonical, roles, invited_by, created_at, until, used_at, removed_at)
  values ('kkkkkkkkkkkkkkkkkkkkkk', 'gil@mail.example', 'gil@mail.example', '["reader"]', null, 1790000000, 1790604800, null, null);

delete from ampho_housekeeping;

insert into ampho_housekeeping (id, holder, leased_until, seen_at, steady_from)
  values (1, '', 0, 0, 0);

insert into ampho_connections (n, id, era, user_id, login, client, resource, scopes, how, gen, rights, code_hash, challenge, redirect_uri, added_by, created_at, auth_time, amr, acr, renewed_at, expires_at, ends_at, access_expires, address, agent, ended_at, end_reason, delete_after, shared_with) overriding system value
  values (1, 'tlpwwq.pppppppppppppppppppppp', 1790000090, 'u-bob', 'bob', 'svc_1', 'https://api.example/mcp', '["articles:read"]', 'code', 0, 0, 'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm', 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn', 'https://reader.example/callback', null, 1790000000, 1790000000, '["pwd"]', '1fa', 1790000000, 1790000060, 1790000060, 0, '192.0.2.7', 'curl/8', null, null, 1790000060, null);

select setval(pg_get_serial_sequence('ampho_connections', 'n'), 1);
