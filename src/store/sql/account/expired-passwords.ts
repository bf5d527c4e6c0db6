// The expiry of all passwords, in batches. The caller has ended all sessions before, with one revocation.
import { text } from "../../rows.js";
import { advisoryLock, query, type Transaction, write } from "../../transaction.js";
import { unconfirmedUsers } from "../effects/added.js";
import { carryOut } from "../effects/changes.js";
import { recordAudit } from "../rows/audit.js";
import { visible } from "../rows/import-rows.js";
import { type NewRevocation, writeRevocations } from "../rows/revocations.js";
import type { Ending } from "../rows/session-rows.js";
import { marks } from "../rows/table.js";
import { type Page, type User, users } from "../rows/users.js";

/** A batch of users whose passwords have expired. */
export interface ExpiredPasswords {
  /** How many there are. */
  readonly expired: number;
  /** The users who have no password. */
  readonly without: number;
  /** Those whose password has expired and who have no address. */
  readonly unreachable: readonly Pick<User, "id" | "login">[];
  /** The user behind whom the next batch starts. Undefined after the last one. */
  readonly next: string | undefined;
}

/** Lets the passwords of the next users expire, in the order of `listUsers`. */
export function* expirePasswords(
  input: Ending & Page & { readonly passwordHash: string; readonly reason: string | undefined },
): Transaction<ExpiredPasswords> {
  const { after = "", limit, passwordHash, reason, now, origin } = input;
  const page = yield* users.all("where canonical > ? order by canonical limit ?", [after, limit], "update");
  const shown = yield* visibleOf(page, limit);
  const all = page.filter((user) => shown.has(user.id) && user.passwordHash !== null);
  const revoked: NewRevocation[] = [];
  if (all.length > 0) {
    for (const { id } of all) yield* advisoryLock(`sessions of ${id}`);
    const ids = filled(all, limit);
    yield* write(
      `update ampho_users set password_hash = ?, hash_kind = null, password_version = password_version + 1,
         password_by_operator = ? where id in (${marks(ids.length)})`,
      [passwordHash, origin.actor === "operator" ? 1 : 0, ...ids],
    );
    const special = yield* withMoreToEnd(ids);
    for (const { id: userId, login } of all.filter(({ id }) => special.has(id)))
      revoked.push(...(yield* carryOut("password_expired", { userId, login, reason, now, origin })).revoked);
    const plain = all.filter(({ id }) => !special.has(id));
    yield* endBegun(filled(plain, limit), now);
    for (const { id: userId, login } of plain)
      yield* recordAudit({ at: now, event: "password_expired", userId, login, reason, origin });
  }
  yield* writeRevocations(revoked);
  const last = page.length === limit ? page.at(-1) : undefined;
  return {
    expired: all.length,
    without: shown.size - all.length,
    unreachable: all.filter(({ email }) => email === undefined).map(({ id, login }) => ({ id, login })),
    next: last?.canonical,
  };
}

/** Their ids, filled up to one length, so that a statement has one text. A repeated id changes nothing. */
const filled = (some: readonly User[], length: number): readonly string[] =>
  some.length === 0 ? [] : Array.from({ length }, (_, at) => some[at]?.id ?? some[0]?.id ?? "");

function* visibleOf(page: readonly User[], limit: number): Transaction<ReadonlySet<string>> {
  if (page.length === 0) return new Set();
  const ids = filled(page, limit);
  const rows = yield* query(`select id from ampho_users where id in (${marks(ids.length)}) and ${visible}`, ids);
  return new Set(rows.map((row) => text(row, "id")));
}

/** The users of whom more ends than `endBegun` does: a session since then, what a session has added, a freeze. */
function* withMoreToEnd(ids: readonly string[]): Transaction<ReadonlySet<string>> {
  const among = `user_id in (${marks(ids.length)})`;
  const selects = [
    ...unconfirmedUsers.map((select) => `${select} and ${among}`),
    `select user_id from ampho_accounts where ${among} and frozen is not null`,
    `select user_id from ampho_sessions where ${among} and ended_at is null
       and era = (select era from ampho_state where id = 1)`,
  ];
  const rows = yield* query(selects.join(" union "), Array(selects.length).fill(ids).flat());
  return new Set(rows.map((row) => text(row, "user_id")));
}

/** Ends what these users have begun, and their remembered devices, as `carryOut` does. */
function* endBegun(ids: readonly string[], now: number): Transaction<void> {
  if (ids.length === 0) return;
  yield* write(
    `insert into ampho_accounts (user_id, factors_version, devices_version, factors)
     select id, cast(? as bigint), 0, '[]' from ampho_users where id in (${marks(ids.length)})
     on conflict (user_id) do update set factors_version = case
       when ampho_accounts.factors_version < excluded.factors_version then excluded.factors_version
       else ampho_accounts.factors_version + 1 end`,
    [now, ...ids],
  );
}
