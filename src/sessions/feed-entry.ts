// A revocation as an entry of the feed, for verifiers elsewhere (docs/guides/verifying.md). Sessions and logins are
// SHA-256 digests. So a reader of the feed learns no session id and no login, and can still recognize those of a token.
import { createHash } from "node:crypto";
import { canonicalLogin } from "../logins/login-name.js";
import type { Numbered, Revocation } from "../store/revocation.js";
import type { RevocationNames } from "./revocation-set.js";

export type FeedEntry = Numbered &
  (
    | { readonly kind: "session"; readonly session_sha256: string; readonly gen?: number }
    | {
        readonly kind: "user";
        readonly user: string;
        readonly login_sha256: string;
        readonly exact_sha256?: string;
        readonly sessions?: true;
      }
    | {
        readonly kind: "roles";
        readonly user: string;
        readonly login_sha256: string;
        readonly version: number;
        readonly roles: readonly string[];
      }
    | { readonly kind: "signing_key"; readonly kid: string }
    | { readonly kind: "all"; readonly era: number; readonly sessions?: true }
  );

export interface FeedPage {
  /** The epoch of the database. If it changes, read from 0. */
  readonly epoch: string;
  /** The `after` of the next request. If it is smaller than the `after` of this request, read from 0. */
  readonly last: number;
  readonly revocations: readonly FeedEntry[];
  /**
   * The server's clock, in Unix seconds. If it goes back, entries that were left out can be live again, so read from 0.
   */
  readonly now: number;
  /** There are more entries than one response contains. Send the next request at once. */
  readonly more: boolean;
  /** Milliseconds for which the request waited before the database was read for this response. */
  readonly waited: number;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

export const feedNames: RevocationNames = {
  session: sha256,
  rowLogin: (digest) => digest,
  login: (login) => sha256(canonicalLogin(login)),
  exactLogin: sha256,
};

export function toFeedEntry(row: Revocation): FeedEntry {
  const { n, at, until } = row;
  const common = { n, at, until };
  if (row.kind === "session") {
    const { kind, sessionId, gen } = row;
    return { ...common, kind, session_sha256: sha256(sessionId), ...(gen !== undefined && { gen }) };
  }
  if (row.kind === "signing_key") return { ...common, kind: row.kind, kid: row.kid };
  if (row.kind === "all") return { ...common, kind: row.kind, era: row.era };
  const user = { ...common, user: row.userId, login_sha256: feedNames.login(row.login) };
  if (row.kind === "user") {
    const { exactLogin } = row;
    return { ...user, kind: row.kind, ...(exactLogin !== undefined && { exact_sha256: sha256(exactLogin) }) };
  }
  return { ...user, kind: row.kind, version: row.rolesVersion, roles: row.roles };
}

/**
 * A broader entry for a verifier that does not know the kind: `user`, else `all`, which every one knows. With
 * `sessions` it also rejects tokens with a `sid` issued at `at` or before. So a later kind hides no revocation.
 */
export function broadenEntry(entry: FeedEntry, knownKinds: ReadonlySet<string>): FeedEntry {
  if (knownKinds.has(entry.kind) || entry.kind === "all") return entry;
  const { n, at, until } = entry;
  if (entry.kind === "roles" && knownKinds.has("user"))
    return { n, at, until, kind: "user", user: entry.user, login_sha256: entry.login_sha256, sessions: true };
  // A user's entry covers no tokens with a `sid`. A thief can sign with a stolen key, so `at` is the end.
  if (entry.kind === "user") return { n, at, until, kind: "all", era: 0 };
  return { n, at: entry.kind === "signing_key" ? until : at, until, kind: "all", era: 0, sessions: true };
}

type Members = Readonly<Record<string, unknown>>;

const isText = (value: unknown): value is string => typeof value === "string";
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

/** Returns the row of an entry, with digests in place of names (`feedNames`), or undefined if it is not an entry. */
export function fromFeedEntry(entry: unknown): Revocation | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { n, at, until, kind, ...rest } = entry as Members;
  if (!isWhole(n) || n < 1 || !isWhole(at) || !isWhole(until) || !isText(kind)) return undefined;
  return isKind(kind) ? readers[kind]({ n, at, until }, rest) : undefined;
}

const isKind = (kind: string): kind is Revocation["kind"] => Object.hasOwn(readers, kind);

const readers: { readonly [K in Revocation["kind"]]: (common: Numbered, rest: Members) => Revocation | undefined } = {
  session: (common, { session_sha256: sessionId, gen }) =>
    isText(sessionId) ? { ...common, kind: "session", sessionId, ...(isWhole(gen) && { gen }) } : undefined,
  user: (common, { user: userId, login_sha256: login, exact_sha256: exactLogin, sessions }) =>
    isText(userId) && isText(login)
      ? { ...common, kind: "user", userId, login, ...(isText(exactLogin) && { exactLogin }), ...alsoSessions(sessions) }
      : undefined,
  roles: (common, { user: userId, login_sha256: login, version: rolesVersion, roles }) =>
    isText(userId) && isText(login) && isWhole(rolesVersion) && isTexts(roles)
      ? { ...common, kind: "roles", userId, login, rolesVersion, roles }
      : undefined,
  signing_key: (common, { kid }) => (isText(kid) ? { ...common, kind: "signing_key", kid } : undefined),
  all: (common, { era, sessions }) =>
    isWhole(era) ? { ...common, kind: "all", era, ...alsoSessions(sessions) } : undefined,
};

const alsoSessions = (sessions: unknown) => (sessions === true ? ({ sessions: true } as const) : {});

export const feedKinds: readonly string[] = Object.keys(readers);
