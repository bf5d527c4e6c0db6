// Connections of users to applications that others run, and the service accounts that are such applications.
import type { MigrationSteps } from "./steps.js";

export const connectionsMigration: MigrationSteps = {
  version: 2,
  name: "connections",
  servesFrom: 1,
  up: ({ text, countingKey, busyTable }) => [
    // A user's consent to a client. `id` has the form of a session's. `gen` counts renewals, and is 0 until the code is
    // redeemed. `rights` counts losses of rights, and is the claim `gen` of the access tokens. `code_hash` is the
    // SHA-256 of the code. `scopes` is a JSON array. `shared_with`: another address at which an older token got the
    // current one, until it renews.
    `create table ampho_connections (
      n ${countingKey}, id ${text} not null unique, era bigint not null, user_id ${text} not null,
      login ${text} not null, client ${text} not null, resource ${text}, scopes ${text} not null,
      how ${text} not null, gen bigint not null, rights bigint not null, code_hash ${text} unique, challenge ${text},
      redirect_uri ${text}, added_by ${text}, created_at bigint not null, auth_time bigint not null,
      amr ${text} not null, acr ${text} not null, renewed_at bigint not null, expires_at bigint not null,
      ends_at bigint not null, access_expires bigint not null, address ${text}, agent ${text}, ended_at bigint,
      end_reason ${text}, delete_after bigint not null, shared_with ${text}
    ) ${busyTable}`,
    "create index ampho_connections_user on ampho_connections (user_id, n) where ended_at is null",
    "create index ampho_connections_client on ampho_connections (client, n) where ended_at is null",
    "create index ampho_connections_remove on ampho_connections (delete_after, n)",
    // Null: the service is no client of users. Its connections up to the number `ended_n` have ended.
    `alter table ampho_services add column redirects ${text}`,
    `alter table ampho_services add column user_scopes ${text}`,
    "alter table ampho_services add column is_public smallint not null default 0",
    "alter table ampho_services add column ended_n bigint not null default 0",
  ],
  down: () => [
    "drop table ampho_connections",
    ...["redirects", "user_scopes", "is_public", "ended_n"].map(
      (column) => `alter table ampho_services drop column ${column}`,
    ),
  ],
};
