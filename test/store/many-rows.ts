// Rows of a deployment that has run for a year, for tests of what grows: one statement for each table that use fills.
import { start } from "./fixtures.js";

/** A select of the numbers `i` from `from` to `to`. */
export type Series = (from: number, to: number) => string;
export const sqliteSeries: Series = (from, to) =>
  `(with recursive s (i) as (select ${from} union all select i + 1 from s where i < ${to}) select i from s) as s`;
export const postgresSeries: Series = (from, to) => `generate_series(${from}::bigint, ${to}) as i`;

const day = 86_400;
/** In the order of `i`, as text. */
const id = "'x' || (100000000 + i)";
const [past, future] = [`${start} - ${400 * day} + i`, `${start} + ${day} + i`];
/** A user whose program has signed in for a year has a twentieth of the rows. */
const ofOne = (one: string, others: string) => `case when i % 20 = 0 then '${one}' else ${others} end`;

/** The columns of each table, and their values in row `i`. `numbered`: its numbers go on from those of deleted rows. */
const tables: Readonly<Record<string, { readonly values: Readonly<Record<string, string>>; readonly most?: number }>> =
  {
    users: {
      values: {
        id,
        login: id,
        canonical: id,
        password_hash: "'h'",
        password_version: "1",
        roles: "'[\"editor\"]'",
        roles_version: "1",
        disabled: "0",
        created_at: past,
        email: id,
        email_canonical: `${id} || '@x.example'`,
        hash_kind: "case when i % 100 = 0 then 'f' end",
      },
    },
    // An operator runs each of them, and creates each of the services.
    imports: { most: 100, values: { state: "'published'", started_at: past, touched_at: past } },
    sessions: {
      values: {
        id: `'0.' || ${id}`,
        era: "0",
        user_id: id,
        login: id,
        gen: "1",
        created_at: past,
        auth_time: past,
        proved_gen: "1",
        renewed_at: past,
        expires_at: future,
        ends_at: future,
        access_expires: future,
        amr: "'[]'",
        acr: "'1fa'",
        proved_at: past,
        refreshed_at: past,
        delete_after: future,
      },
    },
    connections: {
      values: {
        id: `'0.' || ${id}`,
        era: "0",
        user_id: id,
        login: id,
        client: id,
        scopes: "'[]'",
        how: "'code'",
        gen: "1",
        rights: "0",
        code_hash: id,
        added_by: id,
        created_at: past,
        auth_time: past,
        amr: "'[]'",
        acr: "'1fa'",
        renewed_at: past,
        expires_at: future,
        ends_at: future,
        access_expires: future,
        delete_after: future,
      },
    },
    revocations: {
      values: { n: "50000000 + i", at: past, until: future, kind: "'session'", session_id: `'0.' || ${id}` },
    },
    attempts: {
      // A process deletes the rest (throttle/throttle.ts).
      most: 50_000,
      values: {
        key: id,
        kind: "'login'",
        login: id,
        failures: "1",
        pending: "0",
        pending_until: "0",
        streak: "1",
        next_at: "0",
        forget_at: "0",
        failure_sources: "'[]'",
        recorded_sources: "'[]'",
        recorded_until: "0",
        touched_at: past,
      },
    },
    attempt_sources: {
      most: 50_000,
      values: { source: id, entries: "'[]'", level: "0", next_at: "0", recorded_until: "0", touched_at: past },
    },
    audit: {
      values: {
        at: past,
        event: "'login'",
        user_id: ofOne("u-ann", id),
        login: ofOne("Ann", id),
        actor: "'user'",
      },
    },
    accounts: {
      values: {
        user_id: id,
        factors_version: "1",
        devices_version: "0",
        factors: "'[\"totp\"]'",
        policy_instead_of: "case when i % 2 = 0 then 'required' end",
      },
    },
    spent: { values: { hash: id, until: future, at: past } },
    totp: { values: { user_id: id, secret: "'s'", kid: "'k'", last_step: "1", since: past } },
    recovery: { values: { hash: id, user_id: "'x' || (100000000 + i / 8)" } },
    passkeys: {
      values: {
        id,
        user_id: id,
        public_key: "'{}'",
        alg: "-7",
        sign_count: "0",
        backup_eligible: "0",
        backed_up: "0",
        uv: "1",
        transports: "'[]'",
        aaguid: "'0'",
        rp: "'app.example'",
        name: "'x'",
        created_at: past,
      },
    },
    mail: {
      // Half of them wait for an instance with other pages, which does not run.
      values: {
        pages: "'https://other.example'",
        at: past,
        until: future,
        user_id: id,
        address: "''",
        kind: "'login'",
        claims: "'{}'",
        language: "'en'",
        tries: "1",
        next_at: `case when i % 2 = 0 then ${past} end`,
      },
    },
    user_events: {
      values: {
        at: past,
        user_id: id,
        change: "'changed'",
        reason: "'roles_set'",
        actor: "'user'",
        tries: "1",
        next_at: future,
      },
    },
    identities: {
      values: {
        issuer: "'https://id.example'",
        subject: id,
        user_id: id,
        provider: "'acme'",
        created_at: past,
      },
    },
    api_keys: {
      values: {
        id,
        hash: id,
        user_id: id,
        login: id,
        name: "'n'",
        start: "'s'",
        scopes: "'[]'",
        gen: "0",
        created_at: past,
        expires_at: `${start} + ${100 * day} + i`,
        used_day: `${Math.floor(start / day)}`,
      },
    },
    services: {
      most: 100,
      values: { id, name: id, scopes: "'[]'", disabled: "0", created_at: past },
    },
    invites: {
      values: {
        id,
        email: id,
        email_canonical: `${id} || '@x.example'`,
        roles: "'[]'",
        created_at: past,
        until: future,
      },
    },
  };

export const filledTables: readonly string[] = Object.keys(tables).map((name) => `ampho_${name}`);
/** They have one row. */
export const singleTables: readonly string[] = ["ampho_state", "ampho_housekeeping"];

/** The statements that add the rows `from` to `to` of each table. */
export function filling(series: Series, from: number, to: number): readonly string[] {
  const inserts = Object.entries(tables).flatMap(([name, { values, most = to }]) =>
    from > most
      ? []
      : [
          `insert into ampho_${name} (${Object.keys(values).join(", ")})
             select ${Object.values(values).join(", ")} from ${series(from, Math.min(to, most))} order by i`,
        ],
  );
  return [...inserts, `update ampho_state set last_revocation = 50000000 + ${to} where id = 1`];
}
