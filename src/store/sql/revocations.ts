// Revocations: numbered rows that every process reads past the last number it saw and keeps until `until`.
import type { Ending, Revocation, RevocationPage } from "../store.js";
import {
  end,
  integer,
  queryLast,
  type Row,
  resultOf,
  send,
  type Transaction,
  text,
  texts,
  write,
} from "../transaction.js";
import { recordAudit } from "./audit.js";
import { sendNumbers, sendState } from "./state.js";

/** The largest leeway that can be configured: until then an expired token may still be let in. */
export const leewayMaxSeconds = 300;
/** The largest NumericDate that a token may say: a key that was revoked stays so. */
const forever = 253402300799;

type WithoutNumber<T> = T extends unknown ? Omit<T, "n"> : never;
export type Revoked = WithoutNumber<Revocation>;

/**
 * Writes them with the next numbers, and is the end of its transaction (see state.ts): numbers, rows and commit travel
 * together, so that no way to the database and back is in the time for which all others wait for the row of state.
 */
export function* writeRevocations(revoked: readonly Revoked[]): Transaction<readonly Revocation[]> {
  if (revoked.length === 0) return [];
  const readNumbers = yield* sendNumbers(revoked.length);
  for (const [index, row] of revoked.entries()) yield* insertRevocation(row, revoked.length - 1 - index);
  yield* end("write");
  const start = yield* readNumbers();
  return revoked.map((each, index): Revocation => ({ ...each, n: start + index }));
}

/** Its number is so many less than the last one, which this transaction has taken. */
export function* insertRevocation(row: Revoked, beforeLast: number): Transaction<void> {
  yield* write(
    `insert into ampho_revocations (n, at, until, kind, session_id, user_id, login, roles_version, roles, kid, era)
     values ((select last_revocation from ampho_state where id = 1) - ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      beforeLast,
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

const everyLive = `select ${columns} from ampho_revocations where n > ? and until > ? order by n`;
/** By number: the index of the other column would read all that are live, each time. */
const furtherLive = everyLive.replace("until >", "until + 0 >");

/** In one turn: on PostgreSQL each more is a way there and back, of the second within which all have heard. */
export function* readRevocations(input: { readonly after: number; readonly now: number }): Transaction<RevocationPage> {
  const { after, now } = input;
  const readState = yield* sendState();
  const sentReached = yield* send(`select ${columns} from ampho_revocations where n = ?`, [after]);
  const rows = yield* queryLast(after === 0 ? everyLive : furtherLive, [after, now]);
  const { epoch, lastRevocation: last } = yield* readState();
  if (last === 0 || after > last) return { epoch, last, rows: [] };
  const same = yield* resultOf(sentReached);
  const reached = same ? { reached: revocationOf(same) } : {};
  // Up to the number that is told: another one may have been committed in between.
  const told = rows.filter((row) => integer(row, "n") <= last);
  return { epoch, last, rows: told.map(revocationOf), ...reached };
}

export function* revokeKey(input: Ending & { readonly kid: string }): Transaction<readonly Revocation[]> {
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
