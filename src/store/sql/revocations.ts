// Revocations: numbered rows that every process reads past the last number it saw and keeps until `until`.
import type { Ending, Revocation, RevocationPage } from "../store.js";
import { first, integer, query, type Row, text, texts, type Work, write } from "../work.js";
import { recordAudit } from "./audit.js";
import { readState, takeNumbers } from "./state.js";

/** The largest leeway that can be configured: until then an expired token may still be let in. */
export const leewayMaxSeconds = 300;
/** The largest NumericDate that a token may say: a key that was revoked stays so. */
const forever = 253402300799;

type WithoutNumber<T> = T extends unknown ? Omit<T, "n"> : never;
export type Revoked = WithoutNumber<Revocation>;

/** Writes them with the next numbers. Last in its transaction (see state.ts). */
export function* writeRevocations(revoked: readonly Revoked[]): Work<readonly Revocation[]> {
  if (revoked.length === 0) return [];
  const start = yield* takeNumbers(revoked.length);
  const rows = revoked.map((each, index): Revocation => ({ ...each, n: start + index }));
  for (const row of rows) yield* insertRevocation(row);
  return rows;
}

export function* insertRevocation(row: Revocation): Work<void> {
  yield* write(
    `insert into ampho_revocations (n, at, until, kind, session_id, user_id, login, roles_version, roles, kid, era)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      row.n,
      row.at,
      row.until,
      row.kind,
      row.kind === "session" ? row.sessionId : null,
      row.kind === "user" || row.kind === "roles" ? row.userId : null,
      row.kind === "user" || row.kind === "roles" ? row.login : null,
      row.kind === "roles" ? row.rolesVersion : null,
      row.kind === "roles" ? JSON.stringify(row.roles) : null,
      row.kind === "key" ? row.kid : null,
      row.kind === "all" ? row.era : null,
    ],
  );
}

const columns = "n, at, until, kind, session_id, user_id, login, roles_version, roles, kid, era";

export function* readRevocations(input: { readonly after: number; readonly now: number }): Work<RevocationPage> {
  const { after, now } = input;
  const { epoch, lastRevocation: last } = yield* readState();
  if (last === 0 || after > last) return { epoch, last, rows: [] };
  const same = after === 0 ? undefined : yield* first(`select ${columns} from ampho_revocations where n = ?`, [after]);
  const reached = same ? { reached: revocationOf(same) } : {};
  if (after === last) return { epoch, last, rows: [], ...reached };
  const rows = yield* query(
    `select ${columns} from ampho_revocations where n > ? and n <= ? and until > ? order by n`,
    // Up to the number that is told: another one may have been committed in between.
    [after, last, now],
  );
  return { epoch, last, rows: rows.map(revocationOf), ...reached };
}

export function* revokeKey(input: Ending & { readonly kid: string }): Work<readonly Revocation[]> {
  const { now, origin, kid } = input;
  yield* recordAudit({ at: now, event: "key_revoked", origin, detail: { kid } });
  return yield* writeRevocations([{ kind: "key", at: now, until: forever, kid }]);
}

function revocationOf(row: Row): Revocation {
  const common = { n: integer(row, "n"), at: integer(row, "at"), until: integer(row, "until") };
  const read = readers[text(row, "kind")];
  if (!read) throw new TypeError("a revocation of a kind that is not known");
  return { ...common, ...read(row) };
}

type Content =
  WithoutNumber<Revocation> extends infer T ? (T extends unknown ? Omit<T, "at" | "until"> : never) : never;
const readers: Readonly<Record<string, (row: Row) => Content>> = {
  session: (row) => ({ kind: "session", sessionId: text(row, "session_id") }),
  user: (row) => ({ kind: "user", userId: text(row, "user_id"), login: text(row, "login") }),
  roles: (row) => ({
    kind: "roles",
    userId: text(row, "user_id"),
    login: text(row, "login"),
    rolesVersion: integer(row, "roles_version"),
    roles: texts(row, "roles"),
  }),
  key: (row) => ({ kind: "key", kid: text(row, "kid") }),
  all: (row) => ({ kind: "all", era: integer(row, "era") }),
};
