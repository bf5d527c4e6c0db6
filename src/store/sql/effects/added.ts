// Sessions add API keys, identities and second factors to an account, which last longer than the sessions. The end of a
// session can end them too.
import type { AuditEntry } from "../../../audit/entry.js";
import type { AuditEvent } from "../../../audit/events.js";
import { type FactorName, type MainFactor, ownsCodes, reachesPhr, withMains } from "../../../levels/factors.js";
import { type Policy, policyFor } from "../../../levels/policy.js";
import { integer, type Row, type SqlValues, text } from "../../rows.js";
import { query, type Statement, type Transaction } from "../../transaction.js";
import { deleteFactor, type FactorUse } from "../factors/rows.js";
import { isProven, type StoredAccess } from "../rows/access.js";
import { recordAudit } from "../rows/audit.js";
import { identityIdOf } from "../rows/identities.js";
import type { NewRevocation, NewRevocations } from "../rows/revocations.js";
import { type Ending, type ProvenLevel, setEnded } from "../rows/session-rows.js";
import type { AccountFactors } from "../rows/state.js";
import { marks } from "../rows/table.js";
import { apiKeyRevocation } from "./api-key-ends.js";
import { connectionRevocation } from "./connection-ends.js";

interface Addition {
  /** The column `confirmed` states if the mailbox or a passkey has confirmed a row. */
  readonly isConfirmable: boolean;
  /** It has the level of the session that has added it. Undefined: a session that is gone counts as a weak one. */
  readonly hasLevel?: true;
  /** Only sessions that have ended within this time count. Undefined: all, also those that are gone. */
  readonly lookBack?: number;
}

interface LastingRow extends Addition {
  /** Its column `added_by` has the session that has added a row. */
  readonly table: string;
  /** They name a row, and are returned when it ends. */
  readonly columns: readonly string[];
  readonly idOf: (row: Row) => string;
  /** Recorded once for each detail. */
  readonly event: AuditEvent;
  readonly details: (rows: readonly Row[]) => readonly AuditEntry["detail"][];
  /** Tokens of it live on, or a process has read it. Undefined: each use reads it, and `deleteAccount` deletes it. */
  readonly revoke?: (row: Row, now: number) => NewRevocation;
  /** The row stays and is marked. Undefined: it is deleted. */
  readonly mark?: (now: number, reason: string) => { readonly set: string; readonly parameters: SqlValues };
}

/** The ids of the ended keys in one row of the audit log. */
const recordedMax = 100;
const idOf = (row: Row) => text(row, "id");
const identityOf = (row: Row) => identityIdOf({ issuer: text(row, "issuer"), subject: text(row, "subject") });

/** How each kind ends, in this order. Second factors have the rows of `mains`. */
const lasting = {
  apiKey: {
    table: "ampho_api_keys",
    isConfirmable: false,
    columns: ["id"],
    idOf,
    event: "api_key_removed",
    details: (rows) => [{ count: rows.length, api_keys: rows.slice(0, recordedMax).map(idOf) }],
    revoke: (row, now) => apiKeyRevocation(idOf(row), now),
  },
  connection: {
    table: "ampho_connections",
    isConfirmable: false,
    hasLevel: true,
    columns: ["id", "client", "access_expires"],
    idOf,
    event: "connection_ended",
    details: (rows) => rows.map((row) => ({ connection: idOf(row), client: text(row, "client") })),
    revoke: connectionRevocation,
    mark: (now, reason) => ({ set: setEnded, parameters: [now, reason, now, now] }),
  },
  identity: {
    table: "ampho_identities",
    isConfirmable: true,
    columns: ["issuer", "subject", "provider"],
    idOf: identityOf,
    event: "identity_unlinked",
    details: (rows) => rows.map((row) => ({ provider: text(row, "provider"), identity: identityOf(row) })),
  },
} as const satisfies Readonly<Record<string, LastingRow>>;

/**
 * A session that has ended within this time counts as ended by the change for second factors. A thief can sign out in
 * time. Of an account without a mailbox no factor is ever confirmed, and its owner must not lose older ones.
 */
const secondFactor = { isConfirmable: true, lookBack: 7 * 86400 };

/** The tables of the second factors that are no spare ones. `id`: of one of several. */
const mains: Readonly<Record<MainFactor, Addition & { readonly [C in "table" | "id" | "since"]: string }>> = {
  passkey: { ...secondFactor, table: "ampho_passkeys", id: "id", since: "created_at" },
  totp: { ...secondFactor, table: "ampho_totp", id: "''", since: "since" },
};

/** An account has it for longer than a login, and a session can have added it. A column of `consequences` each. */
export type Lasting = keyof typeof lasting | "factors";

/**
 * The end of it. `added`: it ends if one of the ended sessions has added it, and its set-up was not confirmed. The
 * eldest factor stays if no other is left, because the mailbox or the password alone must not take an account without
 * one. An API key is never confirmed. `any`: it ends if any session has added it, or the import of an account whose
 * address was not proven. An operator has no session. `unproven`: it ends unless the session that goes on has proven
 * it. `all`: it is deleted.
 */
export type Fate = "kept" | "added" | "any" | "unproven" | "all";

export interface Fates extends Readonly<Record<Lasting, Fate>> {
  /** The account is deleted (`deleteAccount`), with everything that lasts. */
  readonly deletes?: true;
}

export interface Additions extends Ending {
  readonly userId: string;
  /** Undefined where only the application knows the user. */
  readonly login: string | undefined;
  /** The row of `consequences`. */
  readonly fates: Fates;
  /** The session that goes on. */
  readonly exceptSession: string | undefined;
  /** The sessions that end: any, those that have proven one factor, or those below a policy. */
  readonly levels: "any" | "weak" | Policy;
  /** Why they are removed, for the audit log. */
  readonly reason: string;
  /** The level that the session itself has proven, for a change that ends the rest. */
  readonly session?: ProvenLevel | undefined;
  /** The second factor with which the change was proven. It stays where only the additions of ended sessions go. */
  readonly proven?: FactorUse | undefined;
  /** The policy of the roles, for a change that ends what is below it, or that keeps the eldest factor. */
  readonly rolePolicy?: Policy | undefined;
}

/** The import of an account without a proven address has added it. No session has this id. */
export const addedByImport = "import";

const ofEnded = `exists (select 1 from ampho_sessions where ampho_sessions.id = added_by
  and ampho_sessions.user_id = ? and ampho_sessions.id <> ?
  and coalesce(ended_at, expires_at) > ?`;

const isGone = "not exists (select 1 from ampho_sessions where ampho_sessions.id = added_by)";

/** The sessions whose additions a change can end. The stronger ones go on (`reachesPolicy`). */
export const levelsOf: Readonly<Record<"any" | "weak" | Policy, string>> = {
  any: "",
  weak: "and acr = '1fa'",
  optional: "and 1 = 0",
  required: `and acr = '1fa' and amr not like '%"dev"%'`,
  phr: "and acr <> 'phr'",
};

/** Ends all but second factors, before the sessions end. The caller writes the revocations. */
export function* endAdded(input: Additions): Transaction<NewRevocations> {
  const { userId, login, now: at, origin, fates, reason, session } = input;
  const revoked: NewRevocation[] = [];
  for (const [kind, row] of Object.entries(lasting) as readonly [keyof typeof lasting, LastingRow][]) {
    const { table, columns, event, revoke } = row;
    if (fates[kind] === "kept" || (fates.deletes && revoke === undefined)) continue;
    const list = columns.join(", ");
    const isUnproven = fates[kind] === "unproven" && session !== undefined;
    const all = isUnproven ? yield* query(`select ${list} from ${table} where user_id = ?`, [userId]) : [];
    const proven = all.filter((each) => session?.provedBy.includes(row.idOf(each)));
    const which = whichOf(fates[kind], row, input);
    const sql = [which.sql, ...proven.map(() => `(${list}) <> (${marks(columns.length)})`)].join(" and ");
    const parameters = [...which.parameters, ...proven.flatMap((each) => columns.map((name) => text(each, name)))];
    const marked = row.mark?.(at, reason);
    const from = marked ? `update ${table} set ${marked.set} where ended_at is null and` : `delete from ${table} where`;
    const before = [...(marked?.parameters ?? []), userId];
    const ended = yield* query(`${from} user_id = ? and ${sql} returning ${list}`, [...before, ...parameters]);
    for (const detail of ended.length > 0 ? row.details(ended) : [])
      yield* recordAudit({ at, event, reason, userId, login, origin, detail });
    if (revoke) revoked.push(...ended.map((each) => revoke(each, at)));
  }
  return revoked;
}

/** Ends second factors, before the sessions end. The caller writes the account that is returned. */
export function* endFactors(input: Additions, account: AccountFactors): Transaction<AccountFactors> {
  const { userId, login, now: at, origin, reason, session, proven } = input;
  const fate = input.fates.factors;
  if (account.factors.length === 0 || fate === "kept") return account;
  const all = yield* mainsOf(userId, whichOf(fate, secondFactor, input));
  const isOwn = (kind: StoredAccess, id?: string) => session !== undefined && isProven(session, kind, id);
  // A new app also replaces the recovery codes. So a code proves the app as well.
  const isUsed = ({ factor, id }: Main) =>
    proven?.factor === "passkey" ? proven.id === id : proven !== undefined && ownsCodes(factor);
  const isSafe = (main: Main) => fate !== "any" && (isOwn(main.factor, main.id) || isUsed(main));
  const going = all.filter((main) => main.isAdded && !isSafe(main));
  const policy = policyFor(account, input.rolePolicy ?? "optional");
  const strong = all.filter(({ factor }) => reachesPhr(factor));
  const enough = policy === "phr" && strong.length > 0 ? strong : all;
  const eldest = fate === "added" && enough.every((main) => going.includes(main)) ? enough[0] : undefined;
  const gone = going.filter((main) => main !== eldest);
  const left = all.filter((main) => !gone.includes(main)).map(({ factor }) => factor);
  const losesApp = gone.some(({ factor }) => ownsCodes(factor));
  const keepsCodes = left.length > 0 && !losesApp && (fate !== "unproven" || isOwn("recovery_codes"));
  // The codes of a first proof stay with the app with which an import has brought them.
  const factors = withMains(account.factors, left, fate === "any" ? undefined : keepsCodes);
  const lost = account.factors.filter((factor) => !factors.includes(factor));
  if (gone.length === 0 && lost.length === 0) return account;
  for (const factor of lost) yield* deleteFactor(userId, factor);
  for (const { factor, id } of gone) if (!lost.includes(factor)) yield* deleteFactor(userId, factor, id);
  const passkeys = passkeysOf(gone);
  const detail = { factors: lost, ...(passkeys.length > 0 && { passkeys }) };
  yield* recordAudit({ at, event: "factor_removed", reason, userId, login, origin, detail });
  return { ...account, factors };
}

interface Main {
  readonly factor: MainFactor;
  /** Empty where an account has one at most. */
  readonly id: string;
  readonly isAdded: boolean;
}

/** The eldest first. `isAdded`: it is one of `which`. */
function* mainsOf(userId: string, { sql, parameters }: Which): Transaction<readonly Main[]> {
  const selects = Object.entries(mains).map(
    ([factor, { table, id, since }]) => `select '${factor}' as factor, ${id} as id, ${since} as since,
      case when ${sql} then 1 else 0 end as added from ${table} where user_id = ?`,
  );
  const values = selects.flatMap(() => [...parameters, userId]);
  const rows = yield* query(selects.join(" union all "), values);
  return [...rows]
    .sort((a, b) => integer(a, "since") - integer(b, "since"))
    .map((row) => ({ factor: text(row, "factor") as MainFactor, id: idOf(row), isAdded: integer(row, "added") === 1 }));
}

const passkeysOf = (some: readonly Main[]) => some.flatMap(({ factor, id }) => (factor === "passkey" ? [id] : []));

type Which = Pick<Statement, "sql" | "parameters">;

const byAny: Which = { sql: "added_by is not null", parameters: [] };

/** The rows of a table that end. */
function whichOf(fate: Fate, addition: Addition, input: Additions): Which {
  if (fate === "any") return byAny;
  if (fate !== "added") return { sql: "1 = 1", parameters: [] };
  const { userId, exceptSession = "", levels, now } = input;
  const added = unconfirmedIn(addition);
  // A session that has ended, or is gone, has added it, however long ago. Only the rest of the sessions goes on.
  if (levels === "any" && addition.lookBack === undefined)
    return { sql: `${added} and added_by <> ?`, parameters: [exceptSession] };
  if (addition.hasLevel) return { sql: `${added} and added_by <> ? ${levelsOf[levels]}`, parameters: [exceptSession] };
  const since = levels === "any" ? now - (addition.lookBack ?? 0) : 0;
  const gone = addition.lookBack === undefined ? ` or (${isGone} ${levels === "optional" ? "and 1 = 0" : ""})` : "";
  const sql = `${added} and (${ofEnded} ${levelsOf[levels]})${gone})`;
  return { sql, parameters: [userId, exceptSession, since] };
}

const unconfirmedIn = ({ isConfirmable }: Addition) =>
  `${isConfirmable ? "confirmed = 0 and " : ""}added_by <> '${addedByImport}'`;

/** The users to whom sessions have added what is not confirmed, one select for each table. */
export const unconfirmedUsers: readonly string[] = [...Object.values(lasting), ...Object.values(mains)].map(
  (row) =>
    `select user_id from ${row.table} where ${unconfirmedIn(row)}${"mark" in row ? " and ended_at is null" : ""}`,
);

/** The second factors that no session has set up, but an import. */
export interface GivenFactors {
  readonly factors: readonly FactorName[];
  readonly passkeys: readonly string[];
}

/** The second factors of an account that the first proof of its address leaves. */
export function* givenFactors(userId: string, { factors }: AccountFactors): Transaction<GivenFactors> {
  const given = (yield* mainsOf(userId, byAny)).filter(({ isAdded }) => !isAdded);
  const names = given.map(({ factor }) => factor);
  return { factors: withMains(factors, names), passkeys: passkeysOf(given) };
}

/** True if the second factor that was proven is one of them. */
export const isGiven = (use: FactorUse, { factors, passkeys }: GivenFactors): boolean =>
  use.factor === "passkey" ? passkeys.includes(use.id) : factors.includes(use.factor);
