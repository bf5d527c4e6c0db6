// The bounded set of revocations in memory, which each guarded request looks up (docs/reference/contract.md §4,
// "Revocation"). A row leaves when every token that it could revoke has expired. The file is long because all indexes
// of the set change together.
import { canonicalLogin } from "../logins/login-name.js";
import type { Revocation } from "../store/revocation.js";
import type { RevocationPage } from "../store/sql/rows/revocations.js";
import type { ReadApiKey } from "../tokens/access-tokens.js";
import { isOfService } from "../tokens/credential.js";

export interface RevocableClaims {
  readonly sub?: string | undefined;
  readonly login: string;
  readonly client_id?: unknown;
  readonly sid?: string | undefined;
  readonly gen?: number | undefined;
  readonly ver?: number | undefined;
  readonly iat?: number | undefined;
  readonly roles?: readonly string[] | undefined;
}

/**
 * Rows are deleted once they are more than this share. To build the indexes of a million rows again takes more than a
 * second, and this process does nothing else meanwhile. So it must not happen for a few rows.
 */
const sweptShare = 1 / 8;

export type RevokedBy = Revocation["kind"];
export type RevocationListener = (revocation: Revocation) => void;

export type RevocationSet = ReturnType<typeof createRevocationSet>;

type UserRow = Extract<Revocation, { kind: "user" | "roles" }>;

/** Translates the names of sessions and users between rows and tokens. */
export interface RevocationNames {
  readonly session: (sessionId: string) => string;
  readonly rowLogin: (login: string) => string;
  readonly login: (login: string) => string;
  /** Returns the name that rows have for the spelling of a token's login. */
  readonly exactLogin: (login: string) => string;
}

/** Rows of the database have the names of tokens. Logins are compared in their canonical form. */
export const databaseNames: RevocationNames = {
  session: (id) => id,
  rowLogin: canonicalLogin,
  login: canonicalLogin,
  exactLogin: (login) => login,
};

export function createRevocationSet(names: RevocationNames, report: (error: unknown) => void) {
  const rows = new Map<number, Revocation>();
  /** The oldest generation whose tokens are still good. */
  const sessions = new Map<string, number>();
  const keys = new Set<string>();
  // A token of other software can name the user by `sub`, by `login` or by both, so there is an index for each.
  const usersById = new Map<string, UserRow[]>();
  const usersByLogin = new Map<string, UserRow[]>();
  /** The latest of each. A later row can have an earlier time if the clock was set back, and must not undo anything. */
  let all: { readonly era: number; readonly n: number; readonly at: number; readonly sessionsAt: number } | undefined;
  let timeline = 0;
  const listeners = new Set<RevocationListener>();
  let epoch: string | undefined;
  let after = 0;
  let version = 0;
  /** The next number for rows whose own number now means another row. The database never assigns negative numbers. */
  let unnumbered = -1;
  /** Those numbers by the content of the row. The database can still have the row and return it in a later page. */
  const unnumberedBy = new Map<string, number>();

  function index(row: Revocation): void {
    rows.set(row.n, row);
    if (row.kind === "session")
      sessions.set(row.sessionId, Math.max(row.gen ?? Infinity, sessions.get(row.sessionId) ?? 0));
    else if (row.kind === "signing_key") keys.add(row.kid);
    else if (row.kind === "all")
      all = {
        era: Math.max(row.era, all?.era ?? row.era),
        n: Math.max(row.n, all?.n ?? row.n),
        at: Math.max(row.at, all?.at ?? row.at),
        sessionsAt: Math.max(row.sessions === true ? row.at : -1, all?.sessionsAt ?? -1),
      };
    else {
      push(usersById, row.userId, row);
      push(usersByLogin, names.rowLogin(row.login), row);
    }
  }

  function rebuild(remaining: readonly Revocation[]): void {
    rows.clear();
    sessions.clear();
    keys.clear();
    usersById.clear();
    usersByLogin.clear();
    unnumberedBy.clear();
    all = undefined;
    for (const row of remaining) {
      index(row);
      if (row.n < 0) unnumberedBy.set(identity(row), row.n);
    }
    version++;
  }

  /** Returns true for a row that was kept under a negative number. It has its own number from now on. */
  function isNumberedAgain(row: Revocation): boolean {
    if (unnumberedBy.size === 0) return false;
    const name = identity(row);
    const before = unnumberedBy.get(name);
    if (before === undefined) return false;
    unnumberedBy.delete(name);
    rows.delete(before);
    rows.set(row.n, row);
    return true;
  }

  function notify(row: Revocation): void {
    for (const listener of listeners) {
      try {
        listener(row);
      } catch (error) {
        report(error);
      }
    }
  }

  function isNew(row: Revocation): boolean {
    const known = rows.get(row.n);
    return known === undefined || identity(known) !== identity(row);
  }

  const isAnother = (row: Revocation | undefined): boolean => row !== undefined && rows.has(row.n) && isNew(row);

  /** Returns true if a restored database has assigned a number again. The row that had it before stays in effect. */
  function add(added: readonly Revocation[]): boolean {
    const fresh = added.filter(isNew);
    if (fresh.length === 0) return false;
    let again = false;
    const indexed: Revocation[] = [];
    for (const row of fresh) {
      const known = rows.get(row.n);
      if (known !== undefined) {
        rows.set(unnumbered, { ...known, n: unnumbered });
        unnumberedBy.set(identity(known), unnumbered);
        unnumbered--;
        again = true;
      }
      if (isNumberedAgain(row)) continue;
      index(row);
      indexed.push(row);
    }
    version++;
    if (again) timeline++;
    for (const row of indexed) notify(row);
    return again;
  }

  const isSpelledSo = (row: UserRow, { login }: RevocableClaims): boolean =>
    row.kind !== "user" || row.exactLogin === undefined || row.exactLogin === names.exactLogin(login);

  function revokes(row: UserRow, claims: RevocableClaims): boolean {
    const older =
      !isSession(claims.sid) || (row.kind === "user" && row.sessions === true)
        ? claims.iat === undefined || claims.iat <= row.at
        : row.kind === "roles" && (claims.ver ?? 0) < row.rolesVersion;
    if (!older) return false;
    return row.kind === "user" || row.roles.some((role) => claims.roles?.includes(role));
  }

  return {
    /** Changes whenever a row is added or replaced. A token that passed at this version still passes. */
    get version() {
      return version;
    },
    get size() {
      return rows.size;
    },
    get after() {
      return after;
    },
    /** Adds rows that this process wrote itself. `after` stays, or becomes 0 if a number was assigned again. */
    add(written: readonly Revocation[]): void {
      if (add(written)) after = 0;
    },
    /** Applies a page that was read after a number. Returns true if everything must be read again. */
    applyPage(page: RevocationPage, readAfter: number): boolean {
      if (epoch !== undefined && (page.epoch !== epoch || page.last < after || isAnother(page.reached))) {
        // Another database or an older state. The rows stay in effect, because it can have lost them.
        epoch = page.epoch;
        timeline++;
        version++;
        if (readAfter !== 0) {
          after = 0;
          return true;
        }
      }
      epoch = page.epoch;
      if (readAfter === 0 && rows.size > 0) {
        // Numbers can mean other rows now.
        const known = new Set(page.rows.map(identity));
        const kept = [...rows.values()].filter((row) => !known.has(identity(row)));
        const knownBefore = new Set([...rows.values()].map(identity));
        rebuild([...page.rows, ...kept.map((row) => ({ ...row, n: unnumbered-- }))]);
        for (const row of page.rows) if (!knownBefore.has(identity(row))) notify(row);
      } else if (add(page.rows) || after < readAfter) {
        // Also if add() has seen a number assigned again while this page was read.
        after = 0;
        return true;
      }
      after = page.last;
      return false;
    },
    /** Returns the kind of revocation that rejects the token, if there is one. */
    find(claims: RevocableClaims): RevokedBy | undefined {
      if (rows.size === 0) return undefined;
      if (claims.sid !== undefined) {
        if (sessions.size > 0 && isBefore(claims.gen, sessions.get(names.session(claims.sid)))) return "session";
        if (all !== undefined && (eraOf(claims.sid) < all.era || (claims.iat ?? 0) <= all.sessionsAt)) return "all";
      } else if (all !== undefined && (claims.iat === undefined || claims.iat <= all.at)) return "all";
      if (claims.sub !== undefined) {
        const row = usersById.get(claims.sub)?.find((candidate) => revokes(candidate, claims));
        if (row !== undefined) return row.kind;
      }
      // The token of a session belongs to its user by id alone. Another user can have the login by now.
      if (usersByLogin.size === 0 || isSession(claims.sid) || isOfService(claims)) return undefined;
      return usersByLogin
        .get(names.login(claims.login))
        ?.find((candidate) => isSpelledSo(candidate, claims) && revokes(candidate, claims))?.kind;
    },
    /** True if a key must be read again. By numbers, so that a read from before a revocation never hides it. */
    isOutdated(key: ReadApiKey): boolean {
      const { auth, gen, asOf } = key;
      if (key.timeline !== timeline) return true;
      if (rows.size === 0) return false;
      if (isBefore(gen, sessions.get(names.session(auth.apiKey?.id ?? "")))) return true;
      if (all !== undefined && all.n > asOf) return true;
      return usersById.get(auth.id ?? "")?.some(({ n }) => n > asOf) ?? false;
    },
    /** Grows when the database turns out to be another one or a restored backup, whose numbers mean others. */
    get timeline() {
      return timeline;
    },
    /** The `kid`s of revoked keys. The set object stays the same and is always up to date. */
    revokedKeys: keys as ReadonlySet<string>,
    /** Deletes rows that are no longer in force. They revoke only what has expired, so a few can stay. */
    sweep(now: number): void {
      let over = 0;
      for (const { until } of rows.values()) if (until <= now) over++;
      if (over > Math.floor(rows.size * sweptShare)) rebuild([...rows.values()].filter((row) => row.until > now));
    },
    /** Calls `listener` once for each new row. Returns a function that stops it. */
    listen(listener: RevocationListener): () => void {
      // A wrapper, so that a function that is added twice is called twice, and each stop removes one.
      const own: RevocationListener = (row) => listener(row);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

function push(map: Map<string, UserRow[]>, key: string, row: UserRow): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [row]);
  else list.push(row);
}

const identity = ({ n: _number, ...rest }: Revocation): string => JSON.stringify(rest, Object.keys(rest).sort());

/** A login transaction has no generation. It ends with its session, and by the versions of the account. */
const isBefore = (gen: number | undefined, good: number | undefined): boolean =>
  good !== undefined && (good === Infinity || (gen !== undefined && gen < good));

/** False for a token of other software, also if that has put its own `sid` into it. */
const isSession = (sid: string | undefined): boolean => sid !== undefined && eraOf(sid) >= 0;

/** Returns the era in a session id, or -1 for an id that Ampho cannot have created. */
function eraOf(sessionId: string): number {
  const dot = sessionId.indexOf(".");
  if (dot < 1) return -1;
  const era = Number.parseInt(sessionId.slice(0, dot), 36);
  return Number.isNaN(era) ? -1 : era;
}
