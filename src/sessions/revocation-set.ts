// The bounded set of what is revoked, kept in memory and asked on each guarded request (contract §4 "Revocation").
// Rows come from this process at once and from the store four times a second; each leaves when no token that it could
// refuse is good any more.
import { canonicalLogin } from "../logins/login-name.js";
import type { Revocation, RevocationPage } from "../store/sql/revocations.js";

/** The claims that a revocation can name. */
export interface RevocableClaims {
  readonly sub?: string | undefined;
  readonly login: string;
  readonly sid?: string | undefined;
  readonly ver?: number | undefined;
  readonly iat?: number | undefined;
  readonly roles?: readonly string[] | undefined;
}

export type RevokedBy = Revocation["kind"];
export type RevocationListener = (revocation: Revocation) => void;

export interface RevocationSet {
  /** Moves on whenever something was added or replaced: a token found good at this version still is. */
  readonly version: number;
  readonly size: number;
  /** Rows that this process wrote itself. The number to read after stays as it is, unless one of theirs is given again: then 0. */
  add(rows: readonly Revocation[]): void;
  /** A page read with `after`; true when it shows that everything must be read anew (another epoch, a number gone back or given again). */
  applyPage(page: RevocationPage, after: number): boolean;
  /** The number to read after. */
  readonly after: number;
  /** By what the token is revoked, if it is. */
  find(claims: RevocableClaims): RevokedBy | undefined;
  /** The `kid`s of revoked keys; the same set, always up to date. */
  readonly revokedKeys: ReadonlySet<string>;
  /** Drops what no longer refuses anything. */
  sweep(now: number): void;
  /** Tells of each new row once; returns the way to stop. */
  listen(listener: RevocationListener): () => void;
}

type UserRow = Extract<Revocation, { kind: "user" | "roles" }>;

/** How rows and tokens name sessions and users, when they do not in the same way. */
export interface RevocationNames {
  /** What a row calls a token's session. */
  readonly session: (sessionId: string) => string;
  /** What a row's login is filed under. */
  readonly rowLogin: (login: string) => string;
  /** What a token's login is looked up under. */
  readonly login: (login: string) => string;
}

/** The store's rows name things as tokens do; logins are compared in their canonical form. */
export const databaseNames: RevocationNames = { session: (id) => id, rowLogin: canonicalLogin, login: canonicalLogin };

/** `report` gets what a listener throws. */
export function createRevocationSet(names: RevocationNames, report: (error: unknown) => void): RevocationSet {
  const rows = new Map<number, Revocation>();
  const sessions = new Set<string>();
  const keys = new Set<string>();
  // A token made elsewhere may name the user by `sub`, by `login` or by both: one index for each name.
  const usersById = new Map<string, UserRow[]>();
  const usersByLogin = new Map<string, UserRow[]>();
  /** The latest of each: a later row says an earlier time where the clock was set back, and takes nothing back. */
  let all: { readonly era: number; readonly at: number; readonly sessionsAt: number } | undefined;
  const listeners = new Set<RevocationListener>();
  let epoch: string | undefined;
  let after = 0;
  let version = 0;
  /** For rows whose number means another row by now: no store gives a negative one. */
  let unnumbered = -1;
  /** Their numbers by what they say: the store may know them still, and tell them in a later page. */
  const unnumberedBy = new Map<string, number>();

  function index(row: Revocation): void {
    rows.set(row.n, row);
    if (row.kind === "session") sessions.add(row.sessionId);
    else if (row.kind === "key") keys.add(row.kid);
    else if (row.kind === "all")
      all = {
        era: Math.max(row.era, all?.era ?? row.era),
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

  /** True for a row that was kept without a number, which it has from now on. */
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

  function tell(row: Revocation): void {
    for (const listener of listeners) {
      try {
        listener(row);
      } catch (error) {
        report(error);
      }
    }
  }

  function isNews(row: Revocation): boolean {
    const known = rows.get(row.n);
    return known === undefined || identity(known) !== identity(row);
  }

  /** A restored store has given its number again. */
  function isAnother(row: Revocation | undefined): boolean {
    return row !== undefined && rows.has(row.n) && isNews(row);
  }

  /** True when a number was known as another row's: a restored store gives it again. What bore it stays refused. */
  function add(added: readonly Revocation[]): boolean {
    const fresh = added.filter(isNews);
    if (fresh.length === 0) return false;
    let again = false;
    const news: Revocation[] = [];
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
      news.push(row);
    }
    version++;
    for (const row of news) tell(row);
    return again;
  }

  function refuses(row: UserRow, claims: RevocableClaims): boolean {
    const older =
      claims.sid === undefined || (row.kind === "user" && row.sessions === true)
        ? claims.iat === undefined || claims.iat <= row.at
        : row.kind === "roles" && (claims.ver ?? 0) < row.rolesVersion;
    if (!older) return false;
    return row.kind === "user" || row.roles.some((role) => claims.roles?.includes(role));
  }

  return {
    get version() {
      return version;
    },
    get size() {
      return rows.size;
    },
    get after() {
      return after;
    },
    add(written) {
      if (add(written)) after = 0;
    },
    applyPage(page, readAfter) {
      if (epoch !== undefined && (page.epoch !== epoch || page.last < after || isAnother(page.reached))) {
        // Another database, or an older state of this one: what is known of the numbers is worth nothing. What this
        // process ended stays refused, since the restored store may have forgotten it.
        epoch = page.epoch;
        if (readAfter !== 0) {
          after = 0;
          return true;
        }
      }
      epoch = page.epoch;
      if (readAfter === 0 && rows.size > 0) {
        // Numbers may mean other rows now.
        const known = new Set(page.rows.map(identity));
        const kept = [...rows.values()].filter((row) => !known.has(identity(row)));
        const told = new Set([...rows.values()].map(identity));
        rebuild([...page.rows, ...kept.map((row) => ({ ...row, n: unnumbered-- }))]);
        for (const row of page.rows) if (!told.has(identity(row))) tell(row);
      } else if (add(page.rows) || after < readAfter) {
        // Also when one of theirs came with a number given again while this page was on its way.
        after = 0;
        return true;
      }
      after = page.last;
      return false;
    },
    find(claims) {
      if (rows.size === 0) return undefined;
      if (claims.sid !== undefined) {
        if (sessions.size > 0 && sessions.has(names.session(claims.sid))) return "session";
        if (all !== undefined && (eraOf(claims.sid) < all.era || (claims.iat ?? 0) <= all.sessionsAt)) return "all";
      } else if (all !== undefined && (claims.iat === undefined || claims.iat <= all.at)) return "all";
      if (claims.sub !== undefined) {
        const row = usersById.get(claims.sub)?.find((candidate) => refuses(candidate, claims));
        if (row !== undefined) return row.kind;
      }
      // A session's token is its user's by id alone: a removed user's login may be somebody else's by now.
      if (claims.sid !== undefined) return undefined;
      if (usersByLogin.size === 0) return undefined;
      return usersByLogin.get(names.login(claims.login))?.find((candidate) => refuses(candidate, claims))?.kind;
    },
    revokedKeys: keys,
    sweep(now) {
      const kept = [...rows.values()].filter((row) => row.until > now);
      if (kept.length < rows.size) rebuild(kept);
    },
    listen(listener) {
      // A wrapper, so that one function given twice is told twice and each stop ends one of them.
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

function identity(row: Revocation): string {
  const { n: _number, ...rest } = row;
  return JSON.stringify(rest, Object.keys(rest).sort());
}

/** The era that a session's id says; -1 for an id that none of ours could have. */
function eraOf(sessionId: string): number {
  const dot = sessionId.indexOf(".");
  if (dot < 1) return -1;
  const era = Number.parseInt(sessionId.slice(0, dot), 36);
  return Number.isNaN(era) ? -1 : era;
}
