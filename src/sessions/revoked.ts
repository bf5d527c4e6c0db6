// What listeners of `onRevoked` are told: the revocation in the application's terms.
import type { Revocation } from "../store/sql/revocations.js";

/** Something was revoked: whoever holds a socket open for it closes that now. */
export type Revoked =
  | { readonly kind: "session"; readonly session: string }
  /** A user was disabled, removed, or revoked by `sessions.revokeUser`; each of their sessions is told by itself too. */
  | { readonly kind: "user"; readonly id: string; readonly login: string }
  /** Roles were taken away from a user. */
  | { readonly kind: "roles"; readonly id: string; readonly login: string; readonly roles: readonly string[] }
  | { readonly kind: "key"; readonly kid: string }
  /** Every session that was live. */
  | { readonly kind: "all" };

export function toRevoked(row: Revocation): Revoked {
  if (row.kind === "session") return { kind: row.kind, session: row.sessionId };
  if (row.kind === "key") return { kind: row.kind, kid: row.kid };
  if (row.kind === "all") return { kind: row.kind };
  const { userId: id, login } = row;
  return row.kind === "roles" ? { kind: row.kind, id, login, roles: row.roles } : { kind: row.kind, id, login };
}
