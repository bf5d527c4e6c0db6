// Fills an empty database of the real schema by SQL. It creates live sessions, one user for every ten of them, and an audit row
// of a login for each of the first two million. Session ids are in random order, as in a real database.
export const now = Math.floor(Date.now() / 1000);
export const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
export const auditMax = 2_000_000;
const day = 86_400;

/** The parts of SQL that differ between the two databases. */
export const spellings = {
  sqlite: {
    hex: (n, random) => `printf('%08x', ${n}) || lower(hex(randomblob(${random / 2})))`,
    series: (rows) =>
      `(with recursive s(i) as (select 1 union all select i + 1 from s where i < ${rows}) select i from s)`,
  },
  postgres: {
    hex: (n, random) => `lpad(to_hex(${n}), 8, '0') || left(replace(gen_random_uuid()::text, '-', ''), ${random})`,
    series: (rows) => `generate_series(1::bigint, ${rows}) as s(i)`,
  },
};

/** Returns statements that create this many sessions, spread over 13 days so that all of them are live. */
export function filling(sessions, { hex, series }) {
  const users = Math.max(1, Math.floor(sessions / 10));
  const user = (n) => `'u-' || ${n}`;
  const renewed = `${now} - (i * 7919) % ${13 * day}`;
  return [
    `insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at)
     select ${user("i")}, 'login-' || i, 'login-' || i, '${"h".repeat(97)}', 1, '["editor"]', 1, 0, ${now} from ${series(users)}`,
    `insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
       access_expires, address, agent, delete_after)
     select '[]', '1fa', 0, 0, '0.' || ${hex("(i * 2654435761) % 4294967296", 14)}, 0, ${user(`(1 + i % ${users})`)}, 'login-' || (1 + i % ${users}), 0, 0, ${renewed}, ${renewed},
       ${renewed}, ${renewed} + ${14 * day}, ${renewed} + ${90 * day}, ${renewed} + 900, '192.0.2.1', '${agent}',
       ${renewed} + ${21 * day} from ${series(sessions)}`,
    `insert into ampho_audit (at, event, user_id, login, session_id, actor, address, agent, detail)
     select renewed_at, 'login', user_id, login, id, 'user', address, agent, '{"by":"password"}' from ampho_sessions
     where n <= ${auditMax}`,
  ];
}

/** Creates this many expired rows of each kind for housekeeping, and as many sessions that were renewed since. */
export function fillingOld(rows, { hex, series }) {
  const old = now - 200 * day;
  return [
    `insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
       access_expires, address, agent, delete_after)
     select '[]', '1fa', 0, 0, '0.' || ${hex("(i * 7919) % 1000003", 14)}, 0, 'u-' || ((i * 7919) % 1000003), 'login', 0, 0, ${old}, ${old}, ${old}, ${old}, ${old},
       ${old}, '192.0.2.1', '${agent}', ${old} from ${series(rows)}`,
    `update ampho_sessions set delete_after = ${old} + n % 1000
     where n in (select 1 + (i * 7919) % (select max(n) - ${rows} from ampho_sessions) from ${series(rows)})`,
    `insert into ampho_revocations (n, at, until, kind, session_id)
     select (select last_revocation from ampho_state) + i, ${old}, ${old} + i, 'session', '0.' || ${hex("i", 14)} from ${series(rows)}`,
    `update ampho_state set last_revocation = last_revocation + ${rows}`,
    `insert into ampho_audit (at, event, user_id, login, session_id, actor, address, agent, detail)
     select ${old} + i, 'renew', 'u-' || i, 'login-' || i, '0.' || ${hex("i", 14)}, 'user', '192.0.2.1', '${agent}', '{"by":"refresh_token","gen":7}'
     from ${series(rows)}`,
  ];
}
