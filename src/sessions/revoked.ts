// The argument of `onRevoked` listeners: a revocation in the application's terms.

import type { Revocation } from "../store/revocation.js";
import { apiKeyIdPrefix } from "../store/sql/effects/api-key-ends.js";

/** A revocation, for example to close the sockets of a session or a user. */
export type Revoked =
  | {
      /** The kind of revocation: `session`, `api_key`, `user`, `roles`, `signing_key` or `all`. */
      readonly kind: "session";
      /**
       * The id of the session. It goes on with new tokens after a change of its account, so a client can connect again.
       */
      readonly session: string;
    }
  | {
      readonly kind: "api_key";
      /** The id of an API key that ended or was rotated. Undefined: every API key of every user has ended. */
      readonly apiKey: string | undefined;
    }
  /**
   * A user was disabled, deleted, or revoked by `sessions.revokeForUser`. Each session of the user also has its own
   * call.
   */
  | {
      readonly kind: "user";
      /** The id of the user. */
      readonly id: string;
      /** The login name of the user. */
      readonly login: string;
    }
  /** Roles were removed from a user. */
  | {
      readonly kind: "roles";
      readonly id: string;
      readonly login: string;
      /** The roles that the user lost. */
      readonly roles: readonly string[];
    }
  | {
      readonly kind: "signing_key";
      /** The `kid` of the key. */
      readonly kid: string;
    }
  /** Every session was ended. */
  | { readonly kind: "all" };

export function toRevoked(row: Revocation): Revoked {
  if (row.kind === "session")
    return row.sessionId.startsWith(apiKeyIdPrefix)
      ? { kind: "api_key", apiKey: row.sessionId === apiKeyIdPrefix ? undefined : row.sessionId }
      : { kind: row.kind, session: row.sessionId };
  if (row.kind === "signing_key") return { kind: row.kind, kid: row.kid };
  if (row.kind === "all") return { kind: row.kind };
  const { userId: id, login } = row;
  return row.kind === "roles" ? { kind: row.kind, id, login, roles: row.roles } : { kind: row.kind, id, login };
}
